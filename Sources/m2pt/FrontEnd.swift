import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

/// What turns a file into what a model reads; the model's modality chooses it.
protocol FrontEnd: Sendable {
  /// Endings of the names of the files in a directory that are meant.
  var endings: [String] { get }
  /// Whether a file of a directory is meant whatever its ending, by its content.
  func recognizes(_ file: URL) -> Bool
  /// Views of a file, whose answers are averaged; nil where their number depends on the file.
  var viewCount: Int? { get }
  /// Shape of a view, as `VisionTransformerConfiguration.inputShape`.
  var shape: [Int] { get }
  /// All views of a file, one after the other: normalised values, a multiple of the product of `shape`.
  ///
  /// - Throws: what keeps the file from being read, naming it.
  func views(_ file: URL) throws -> [Float]
  /// The file's first view, (1, ...), and what it shows, in 8 bits, one picture for every slice of the model.
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage])
  /// A picture of `view` as people look at such things.
  func upright(_ picture: PixelImage) throws -> PixelImage
}

extension FrontEnd {
  func recognizes(_ file: URL) -> Bool { false }
  func upright(_ picture: PixelImage) -> PixelImage { picture }
}

/// JPEG and PNG pictures.
struct PictureFrontEnd: FrontEnd {
  let preprocessor: ImagePreprocessor

  let endings = ["jpg", "jpeg", "png"]
  let viewCount: Int? = 1
  var shape: [Int] { [3, preprocessor.preprocessing.size.height, preprocessor.preprocessing.size.width] }

  func recognizes(_ file: URL) -> Bool { ImageFile.recognizes(file) }

  func views(_ file: URL) throws -> [Float] {
    let picture = try ImageFile.read(file, note: { report("\($0)") })
    do {
      return try [Float](unsafeUninitializedCapacity: preprocessor.valueCount) { values, count in
        try preprocessor.write(picture, to: UnsafeMutableBufferPointer(rebasing: values[..<preprocessor.valueCount]))
        count = preprocessor.valueCount
      }
    } catch {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}

extension PictureFrontEnd {
  func view(_ file: URL, _ c: VisionTransformerConfiguration) throws -> (values: Tensor, pictures: [PixelImage]) {
    let picture = try ImageFile.read(file, note: { report("\($0)") })
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
  var viewCount: Int? { preprocessor.viewCount }
  var shape: [Int] {
    let size = preprocessor.frame.preprocessing.size
    return [3, preprocessor.sampling.frames, size.height, size.width]
  }

  func views(_ file: URL) throws -> [Float] {
    let clips = try clips(file)
    let (views, count) = (preprocessor.viewCount, preprocessor.valueCount)
    return try [Float](unsafeUninitializedCapacity: views * count) { values, initialized in
      for view in 0..<views {
        let range = view * count..<(view + 1) * count
        try clips.write(view: view, to: UnsafeMutableBufferPointer(rebasing: values[range]))
        initialized = range.upperBound
      }
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
    for note in video.notes { report("\(note)") }
    do {
      return try video.clips(preprocessor, note: { report("\($0)") })
    } catch let error as ImagePreprocessingError {
      throw ToolError("\(file.relativePath): \(error)")
    }
  }
}

/// How often a file is looked at.
struct ViewOptions: ParsableArguments {
  @Option(help: "Clips of a video, spread over it, whose scores are averaged (VideoMAE's test: 5).") var segments = 1
  @Option(help: "Crops of a video's frames along their longer side (VideoMAE's test: 3).") var crops = 1
  @Option(
    help: "Seconds by which the model's window slides over sound; its scores are averaged (default: the beginning alone).")
  var hop: Double?

  func validate() throws {
    guard (1...1000).contains(segments), (1...60).contains(crops) else {
      throw ValidationError("--segments takes 1...1000, --crops 1...60.")
    }
    if let hop, !(hop >= 0.01 && hop <= 86_400) { throw ValidationError("--hop takes 0.01...86400 seconds.") }
  }
}

extension ModelOptions {
  /// What stands before a model of that configuration.
  func frontEnd(_ c: VisionTransformerConfiguration, views: ViewOptions? = nil) throws -> any FrontEnd {
    try c.frontEnd(model, preprocessing(c), views: views, sound: sound, engine: engineOptions.engine())
  }
}

extension VisionTransformerConfiguration {
  /// What stands before such a model, which errors call `model`.
  ///
  /// - Parameter recipe: how its pictures, or frames, are prepared.
  /// - Parameter sound: how sound is read.
  /// - Throws: `ToolError` where the views are not those of the modality; `ImagePreprocessingError`.
  func frontEnd(
    _ model: String, _ recipe: ImagePreprocessing?, views: ViewOptions? = nil, sound: SoundOptions, engine: Engine
  ) throws -> any FrontEnd {
    let recipe = recipe ?? .usual(for: self)
    let (segments, crops) = (views?.segments ?? 1, views?.crops ?? 1)
    guard modality == .video || segments * crops == 1 else {
      throw ToolError("\(model): --segments and --crops are for videos; the model is for \(modality.rawValue)")
    }
    guard modality == .audio || views?.hop == nil else {
      throw ToolError("\(model): --hop is for sound; the model is for \(modality.rawValue)")
    }
    guard modality == .audio || sound.channel == nil else {
      throw ToolError("\(model): --channel is for sound; the model is for \(modality.rawValue)")
    }
    // Files are read side by side, each by one thread.
    let one = try Engine(threads: 1, instructionSet: engine.instructionSet)
    switch modality {
    case .image: return PictureFrontEnd(preprocessor: try ImagePreprocessor(recipe))
    case .video:
      let sampling = VideoSampling(frames: frames, rate: samplingRate, segments: segments, rule: sampling ?? .strided)
      return VideoFrontEnd(preprocessor: try VideoPreprocessor(recipe, sampling: sampling, crops: crops))
    case .audio:
      let preprocessor = try AudioPreprocessor(self, engine: one)
      let shift = Double(preprocessor.bank.frameShift) / Double(preprocessor.recipe.rate)
      return SoundFrontEnd(
        preprocessor: preprocessor,
        coverage: views?.hop.map { .sliding(hop: Int(($0 / shift).rounded())) } ?? .beginning,
        resamples: sound.resample, channel: sound.channel)
    case .points:
      guard let points else { throw ToolError("\(model): the configuration has no points") }
      return PointFrontEnd(points, engine: one)
    }
  }
}
