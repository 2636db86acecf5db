import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

/// What turns a file into what a model reads; the model's modality chooses it.
protocol FrontEnd: Sendable {
  /// Endings of the names of the files in a directory that are meant.
  var endings: [String] { get }
  /// Views of a file, whose answers are averaged.
  var viewCount: Int { get }
  /// Shape of a view, as `VisionTransformerConfiguration.inputShape`.
  var shape: [Int] { get }
  /// Writes a file's views one after the other: normalised values, `viewCount` times the product of `shape`.
  ///
  /// - Throws: what keeps the file from being read, naming it.
  func write(_ file: URL, to values: UnsafeMutableBufferPointer<Float>) throws
  /// The file's first view, (1, ...), and what it shows, in 8 bits, one picture for every slice of the model.
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage])
}

extension FrontEnd {
  /// Values of all views of a file.
  var valueCount: Int { shape.reduce(viewCount, *) }
}

/// JPEG and PNG pictures.
struct PictureFrontEnd: FrontEnd {
  let preprocessor: ImagePreprocessor

  let endings = ["jpg", "jpeg", "png"]
  let viewCount = 1
  var shape: [Int] { [3, preprocessor.preprocessing.size.height, preprocessor.preprocessing.size.width] }

  func write(_ file: URL, to values: UnsafeMutableBufferPointer<Float>) throws {
    let picture = try ImageFile.read(file)
    do {
      try preprocessor.write(picture, to: values)
    } catch {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}

extension PictureFrontEnd {
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage]) {
    let picture = try ImageFile.read(file)
    do {
      return (try preprocessor(picture).reshaped([1] + shape), [try preprocessor.crop(picture)])
    } catch {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}

/// Videos, seen in clips and crops.
struct VideoFrontEnd: FrontEnd {
  let preprocessor: VideoPreprocessor

  let endings = ["mp4", "m4v", "mov", "3gp", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "ogv", "flv", "gif"]
  var viewCount: Int { preprocessor.viewCount }
  var shape: [Int] {
    let size = preprocessor.frame.preprocessing.size
    return [3, preprocessor.sampling.frames, size.height, size.width]
  }

  func write(_ file: URL, to values: UnsafeMutableBufferPointer<Float>) throws {
    let clips = try clips(file)
    let count = preprocessor.valueCount
    for view in 0..<viewCount {
      try clips.write(view: view, to: UnsafeMutableBufferPointer(rebasing: values[view * count..<(view + 1) * count]))
    }
  }

  /// The first frame of every tubelet stands for it.
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage]) {
    let clips = try clips(file)
    let images = clips.images(ofView: 0)
    let values = try Tensor(shape: [1] + shape) { try clips.write(view: 0, to: $0) }
    return (values, (0..<c.slices).map { images[$0 * c.tubelet] })
  }

  private func clips(_ file: URL) throws -> VideoClips {
    let video = try VideoFile(file)
    do {
      return try video.clips(preprocessor)
    } catch let error as ImagePreprocessingError {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}

/// How often a file is looked at.
struct ViewOptions: ParsableArguments {
  @Option(help: "Clips of a video, spread over it, whose scores are averaged (VideoMAE's test: 5).") var segments = 1
  @Option(help: "Crops of a video's frames along their longer side (VideoMAE's test: 3).") var crops = 1

  func validate() throws {
    guard (1...1000).contains(segments), (1...60).contains(crops) else {
      throw ValidationError("--segments takes 1...1000, --crops 1...60.")
    }
  }

  /// - Throws: `ToolError` where a file of the model's modality is looked at once.
  func check(_ model: String, _ c: VisionTransformerConfiguration) throws {
    guard c.modality == .video || segments * crops == 1 else {
      throw ToolError("\(model): --segments and --crops are for videos; the model is for \(c.modality.rawValue)")
    }
  }
}

extension ModelOptions {
  /// What stands before a model of that configuration.
  func frontEnd(_ c: VisionTransformerConfiguration, views: ViewOptions? = nil) throws -> any FrontEnd {
    try views?.check(model, c)
    if let points = c.points { return PointFrontEnd(points, engine: try engineOptions.engine()) }
    return try c.frontEnd(model, preprocessing(c), views: views)
  }
}

extension VisionTransformerConfiguration {
  /// What stands before such a model, which errors call `model`.
  ///
  /// - Parameter recipe: how its pictures, or frames, are prepared.
  /// - Throws: `ToolError`; `ImagePreprocessingError`.
  func frontEnd(_ model: String, _ recipe: ImagePreprocessing, views: ViewOptions? = nil) throws -> any FrontEnd {
    let (segments, crops) = (views?.segments ?? 1, views?.crops ?? 1)
    switch modality {
    case .image: return PictureFrontEnd(preprocessor: try ImagePreprocessor(recipe))
    case .video:
      let sampling = VideoSampling(frames: frames, rate: samplingRate, segments: segments)
      return VideoFrontEnd(preprocessor: try VideoPreprocessor(recipe, sampling: sampling, crops: crops))
    case .audio, .points: throw ToolError("\(model): files for models of \(modality.rawValue) are not read")
    }
  }
}
