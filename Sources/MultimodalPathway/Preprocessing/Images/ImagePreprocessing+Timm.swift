import Foundation

/// Reading timm's `pretrained_cfg`: `timm/data/config.py`, `resolve_data_config`.
extension ImagePreprocessing {
  /// The part of timm's `pretrained_cfg` that is about pictures; every key may be missing.
  public struct TimmConfiguration: Decodable, Sendable {
    /// [channels, height, width].
    public var inputSize: [Int]?
    /// The filter that pictures are resized with, `bicubic` where absent.
    public var interpolation: String?
    /// The share of the resized picture that is seen, 0.875 where absent.
    public var cropFraction: Double?
    /// A raw value of `CropMode`, `center` where absent.
    public var cropMode: String?
    /// What is subtracted from red, green and blue in 0...1; ImageNet's where absent.
    public var mean: [Double]?
    /// What red, green and blue are then divided by; ImageNet's where absent.
    public var std: [Double]?

    private enum CodingKeys: String, CodingKey {
      case inputSize = "input_size"
      case interpolation
      case cropFraction = "crop_pct"
      case cropMode = "crop_mode"
      case mean, std
    }
  }

  /// ImageNet's mean and standard deviation, timm's default.
  static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  static let imageNetStd: [Float] = [0.229, 0.224, 0.225]

  /// The recipe of a `pretrained_cfg`, with timm's defaults for keys that are missing.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: `ImagePreprocessingError`, naming the key.
  public static func timm(
    _ configuration: TimmConfiguration, file: String = "config.json"
  ) throws -> ImagePreprocessing {
    let inputSize = configuration.inputSize ?? [3, 224, 224]
    guard inputSize.count == 3, inputSize[0] == 3 else {
      throw ImagePreprocessingError.unsupported(
        file: file, key: "input_size", found: "\(inputSize)", supported: "[3, height, width]")
    }
    // timm takes a crop_pct of 0 and an empty name for missing.
    func named(_ name: String?) -> String? { name.flatMap { $0.isEmpty ? nil : $0 } }
    let fraction = configuration.cropFraction.flatMap { $0 == 0 ? nil : $0 } ?? 0.875
    let mode = try choice(CropMode.self, named(configuration.cropMode) ?? "center", key: "crop_mode", file: file)
    let filter = try choice(
      ImageFilter.self, named(configuration.interpolation) ?? "bicubic", key: "interpolation", file: file)
    let result = ImagePreprocessing(
      size: Extent(height: inputSize[1], width: inputSize[2]), geometry: .timm(cropFraction: fraction, mode: mode),
      filter: filter, mean: configuration.mean.map { $0.map { Float($0) } } ?? imageNetMean,
      std: configuration.std.map { $0.map { Float($0) } } ?? imageNetStd)
    try result.validate(file: file, keys: ["size": "input_size"])
    return result
  }

  /// The recipe in the text of timm's `config.json`, where it is under `pretrained_cfg`, or at the top in old files.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: `ImagePreprocessingError`, naming the key.
  public static func timm(json data: Data, file: String = "config.json") throws -> ImagePreprocessing {
    struct File: Decodable {
      struct Extras: Decodable {
        var preprocessing: ImagePreprocessing?
        var modality: String?
      }
      var pretrained: TimmConfiguration?
      /// What timm cannot say, as this package writes it (`VisionTransformerConfiguration.timmJSON`).
      var extras: Extras?

      enum CodingKeys: String, CodingKey {
        case pretrained = "pretrained_cfg"
        case extras = "m2pt"
      }
    }
    let whole = try decode(File.self, from: data, file: file)
    if let exact = whole.extras?.preprocessing {
      try exact.validate(file: file, keys: [:])
      return exact
    }
    let nested = try whole.pretrained ?? decode(TimmConfiguration.self, from: data, file: file)
    var recipe = try timm(nested, file: file)
    if whole.extras?.modality == Modality.video.rawValue {
      let video = videoMAE(size: recipe.size)
      (recipe.geometry, recipe.filter) = (video.geometry, video.filter)
    }
    return recipe
  }

  /// The recipe that timm gives the weights of `NAME.TAG`, or the default weights of `NAME`, for a lone file of them.
  ///
  /// A name of one's own gets what most of timm's have: ImageNet's mean and standard deviation where it is of DINO or
  /// DeiT, else 0.5. A tag that timm does not know counts as none; `TimmRecipe.named(_:)` refuses it.
  public static func timm(architecture: String, size: Extent) -> ImagePreprocessing {
    let name = VisionTransformerConfiguration.timmName(architecture).name
    if let recipe = (try? TimmRecipe.named(architecture)) ?? TimmRecipe.all[name]?.first {
      return recipe.preprocessing.settingSize(size)
    }
    let isDINO = architecture.contains("dino")
    let usesImageNet = isDINO || architecture.hasPrefix("deit")
    let half: [Float] = [0.5, 0.5, 0.5]
    return ImagePreprocessing(
      size: size, geometry: .timm(cropFraction: isDINO ? 1 : 0.9, mode: .center), filter: .bicubic,
      mean: usesImageNet ? imageNetMean : half, std: usesImageNet ? imageNetStd : half)
  }

  /// The recipe of VideoMAE's frames (`kinetics.py` of its repository): the shorter side resized to the model's by
  /// OpenCV, the middle cropped, ImageNet's mean and standard deviation.
  public static func videoMAE(size: Extent) -> ImagePreprocessing {
    ImagePreprocessing(
      size: size, geometry: .timm(cropFraction: 1, mode: .center), filter: .openCVBilinear, mean: imageNetMean,
      std: imageNetStd)
  }

  /// The recipe of weights that come without one.
  public static func usual(for c: VisionTransformerConfiguration) -> ImagePreprocessing {
    let name = c.tag.map { "\(c.architecture).\($0)" } ?? c.architecture
    return c.modality == .video ? videoMAE(size: c.imageSize) : timm(architecture: name, size: c.imageSize)
  }

  /// A case by its raw value, or an error that lists them.
  private static func choice<T: RawRepresentable & CaseIterable>(
    _ type: T.Type, _ name: String, key: String, file: String
  ) throws -> T where T.RawValue == String {
    if let choice = T(rawValue: name) { return choice }
    throw ImagePreprocessingError.unsupported(
      file: file, key: key, found: "\"\(name)\"", supported: T.allCases.map(\.rawValue).joined(separator: ", "))
  }

  static func decode<T: Decodable>(_ type: T.Type, from data: Data, file: String) throws -> T {
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as DecodingError {
      throw ImagePreprocessingError.malformed(file: file, reason: text(error))
    }
  }

  private static func text(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      "'" + context.codingPath.map(\.stringValue).joined(separator: ".") + "'"
    }
    /// JSON's word for a type of Swift.
    func words(_ type: Any.Type) -> String {
      switch type {
      case is String.Type: "a string"
      case is Bool.Type: "true or false"
      case is Int.Type, is Double.Type, is Float.Type: "a number"
      default: "\(type)".hasPrefix("Array") ? "a list" : "\(type)".hasPrefix("Dictionary") ? "an object" : "a \(type)"
      }
    }
    return switch error {
    case .typeMismatch(let type, let context): "\(path(context)) is not \(words(type))"
    case .valueNotFound(let type, let context): "\(path(context)) is null, expected \(words(type))"
    case .keyNotFound(let key, _): "lacks the key '\(key.stringValue)'"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: "is not valid JSON"
    case .dataCorrupted(let context): "\(path(context)): \(context.debugDescription)"
    @unknown default: "cannot be read as image preprocessing"
    }
  }
}
