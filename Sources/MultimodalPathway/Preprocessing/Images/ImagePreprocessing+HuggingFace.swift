import Foundation

/// Reading Hugging Face's `preprocessor_config.json` and `video_preprocessor_config.json`; the reference is the
/// processors that run on Pillow (`transformers/image_processing_backends.py`, `PilBackend`). Those on torchvision
/// filter in floating point and differ from them by about one step of 255.
extension ImagePreprocessing {
  /// The keys of `preprocessor_config.json` that matter here; every one may be missing.
  public struct HuggingFaceConfiguration: Decodable, Sendable {
    var videoProcessor: String?
    var processor: String?
    var extractor: String?
    var resizes: Bool?
    var size: Size?
    var resample: Int?
    var crops: Bool?
    var cropSize: Size?
    var rescales: Bool?
    var rescaleFactor: Double?
    var normalizes: Bool?
    var mean: Channels?
    var std: Channels?
    var samplesFrames: Bool?
    var framesPerSecond: Double?
    var frameCount: Int?
    var flipsChannels: Bool?

    private enum CodingKeys: String, CodingKey {
      case videoProcessor = "video_processor_type"
      case processor = "image_processor_type"
      case extractor = "feature_extractor_type"
      case resizes = "do_resize"
      case size, resample
      case crops = "do_center_crop"
      case cropSize = "crop_size"
      case rescales = "do_rescale"
      case rescaleFactor = "rescale_factor"
      case normalizes = "do_normalize"
      case mean = "image_mean"
      case std = "image_std"
      case samplesFrames = "do_sample_frames"
      case framesPerSecond = "fps"
      case frameCount = "num_frames"
      case flipsChannels = "do_flip_channel_order"
    }

    /// A number, [height, width], {"height", "width"} or {"shortest_edge"}.
    enum Size: Sendable {
      case side(Int)
      case exact(Extent)
      case shortestEdge(Int)
    }

    /// One number for all channels, or one each.
    struct Channels: Decodable, Sendable {
      var values: [Float]

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Through Double, as Python reads them.
        if let value = try? container.decode(Double.self) {
          values = [Float](repeating: Float(value), count: 3)
        } else {
          values = try container.decode([Double].self).map { Float($0) }
        }
      }
    }
  }

  /// What a processor class assumes for keys that are missing.
  private struct Defaults {
    var size: Extent
    /// A lone number for a size is the shorter side, not both.
    var takesShortestEdge = false
    var crops = false
    var filter = ImageFilter.bicubic
    var mean: [Float] = [0.5, 0.5, 0.5]
    var std: [Float] = [0.5, 0.5, 0.5]

    static let clipMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    static let clipStd: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// By class name without `ImageProcessor`, `VideoProcessor` and what follows.
    static let all: [String: Defaults] = [
      "ViT": Defaults(size: Extent(square: 224), filter: .bilinear),
      "DeiT": Defaults(size: Extent(square: 256), crops: true),
      "Siglip": Defaults(size: Extent(square: 224)),
      "Bit": Defaults(
        size: Extent(square: 224), takesShortestEdge: true, crops: true, mean: clipMean, std: clipStd),
      "VideoMAE": Defaults(size: Extent(square: 224), takesShortestEdge: true, crops: true, filter: .bilinear),
      "CLIP": Defaults(
        size: Extent(square: 224), takesShortestEdge: true, crops: true, mean: clipMean, std: clipStd),
    ]
  }

  /// The recipe of a `preprocessor_config.json`, with the defaults of the processor class that it names, or ViT's.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: `ImagePreprocessingError`, naming the key.
  public static func huggingFace(
    _ configuration: HuggingFaceConfiguration, file: String = "preprocessor_config.json"
  ) throws -> ImagePreprocessing {
    let processor = configuration.videoProcessor ?? configuration.processor ?? configuration.extractor
    let defaults = try defaults(of: processor ?? "ViT", file: file)
    if configuration.flipsChannels == true {
      throw ImagePreprocessingError.unsupported(
        file: file, key: "do_flip_channel_order", found: "true", supported: "false: red, green, blue")
    }
    let crops = configuration.crops ?? defaults.crops
    let resize =
      configuration.resizes == false ? Resize.none : self.resize(configuration.size, defaults: defaults)
    let scaling: Scaling =
      configuration.rescales == false ? .factor(1) : .factor(configuration.rescaleFactor ?? 1 / 255)
    let normalizes = configuration.normalizes != false
    let result = ImagePreprocessing(
      size: try outputSize(resize, crop: crops ? configuration.cropSize ?? .side(224) : nil, file: file),
      geometry: .huggingFace(resize, crops: crops),
      filter: try filter(configuration.resample, defaults: defaults, file: file), scaling: scaling,
      mean: normalizes ? configuration.mean?.values ?? defaults.mean : [0, 0, 0],
      std: normalizes ? configuration.std?.values ?? defaults.std : [1, 1, 1])
    let key = crops && configuration.cropSize != nil ? "crop_size" : "size"
    try result.validate(file: file, keys: ["size": key, "mean": "image_mean", "std": "image_std"])
    return result
  }

  /// The recipe in the text of a `preprocessor_config.json`.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: `ImagePreprocessingError`, naming the key.
  public static func huggingFace(
    json data: Data, file: String = "preprocessor_config.json"
  ) throws -> ImagePreprocessing {
    try huggingFace(decode(HuggingFaceConfiguration.self, from: data, file: file), file: file)
  }

  private static func defaults(of processor: String, file: String) throws -> Defaults {
    let name = ["ImageProcessor", "VideoProcessor", "FeatureExtractor"].compactMap {
      processor.range(of: $0)?.lowerBound
    }.min()
      .map { String(processor[..<$0]) }
    if let defaults = Defaults.all[name ?? processor] { return defaults }
    throw ImagePreprocessingError.unsupported(
      file: file, key: "image_processor_type", found: "\"\(processor)\"",
      supported: Defaults.all.keys.sorted().map { $0 + "ImageProcessor" }.joined(separator: ", "))
  }

  private static func resize(_ size: HuggingFaceConfiguration.Size?, defaults: Defaults) -> Resize {
    switch size {
    case .exact(let extent): .exact(extent)
    case .shortestEdge(let edge): .shortestEdge(edge)
    case .side(let side): defaults.takesShortestEdge ? .shortestEdge(side) : .exact(Extent(square: side))
    case nil: defaults.takesShortestEdge ? .shortestEdge(defaults.size.height) : .exact(defaults.size)
    }
  }

  /// What the model gets: the crop, or else the resized picture, whose size must not depend on the picture.
  private static func outputSize(
    _ resize: Resize, crop: HuggingFaceConfiguration.Size?, file: String
  ) throws -> Extent {
    switch (crop, resize) {
    case (.exact(let extent), _), (nil, .exact(let extent)): return extent
    case (.side(let side), _): return Extent(square: side)
    case (.shortestEdge, _):
      throw ImagePreprocessingError.unsupported(
        file: file, key: "crop_size", found: "shortest_edge", supported: "height and width")
    case (nil, _):
      throw ImagePreprocessingError.unsupported(
        file: file, key: "do_center_crop", found: "false without a fixed size",
        supported: "a size of height and width, or a crop")
    }
  }

  private static func filter(_ resample: Int?, defaults: Defaults, file: String) throws -> ImageFilter {
    guard let resample else { return defaults.filter }
    // Pillow's numbers; 5 is Hamming.
    let filters: [Int: ImageFilter] = [0: .nearest, 1: .lanczos, 2: .bilinear, 3: .bicubic, 4: .box]
    if let filter = filters[resample] { return filter }
    throw ImagePreprocessingError.unsupported(
      file: file, key: "resample", found: "\(resample)",
      supported: "0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box)")
  }
}

extension ImagePreprocessing.HuggingFaceConfiguration.Size: Decodable {
  private enum CodingKeys: String, CodingKey {
    case height, width
    case shortestEdge = "shortest_edge"
    case longestEdge = "longest_edge"
  }

  init(from decoder: any Decoder) throws {
    if let container = try? decoder.singleValueContainer() {
      if let side = try? container.decode(Int.self) {
        self = .side(side)
        return
      }
      if let sides = try? container.decode([Int].self), sides.count == 2 {
        self = .exact(Extent(height: sides[0], width: sides[1]))
        return
      }
    }
    let sides = try decoder.container(keyedBy: CodingKeys.self)
    let numbers = try [CodingKeys.height, .width, .shortestEdge, .longestEdge].map {
      try sides.decodeIfPresent(Int.self, forKey: $0)
    }
    switch (numbers[0], numbers[1], numbers[2], numbers[3]) {
    case (let height?, let width?, nil, nil): self = .exact(Extent(height: height, width: width))
    case (nil, nil, let edge?, nil): self = .shortestEdge(edge)
    default:
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "expected a number, [height, width], {\"height\", \"width\"} or {\"shortest_edge\"}"))
    }
  }
}

extension ImagePreprocessing.HuggingFaceConfiguration {
  /// How many frames a video's processor takes at equal distances (transformers' `default_sample_indices_fn`); 0 where
  /// it does not say how many, nil where it does not choose frames.
  ///
  /// - Throws: `ImagePreprocessingError.unsupported` where it takes frames by rate (`fps`): their number would depend
  ///   on the video, and the model's is fixed.
  func uniformFrames(file: String) throws -> Int? {
    guard samplesFrames == true else { return nil }
    if let framesPerSecond, frameCount == nil {
      throw ImagePreprocessingError.unsupported(
        file: file, key: "fps", found: "\(framesPerSecond)", supported: "num_frames without fps")
    }
    return frameCount ?? 0
  }
}
