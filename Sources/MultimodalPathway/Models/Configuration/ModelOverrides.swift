import Foundation

/// What a caller wants otherwise than a model's files say.
public struct ModelOverrides: Sendable, Hashable {
  /// Size of pictures or frames; position embeddings are resampled to it.
  public var imageSize: Extent?
  /// Whether that resampling is antialiased, as timm's, or not, as DINOv2's own code.
  public var antialias = true
  /// Parts of the recipe for pictures.
  public var recipe = RecipeOverrides()
  /// How a clip's frames are chosen.
  public var sampling: VideoSampling.Rule?
  /// P: points that a cloud is brought to. Without `groups` there is a group for every 16, as in all published models.
  public var points: Int?
  /// G: groups of points.
  public var groups: Int?

  /// No overrides.
  public init() {}
}

/// Parts of a recipe for pictures that are to be otherwise.
public struct RecipeOverrides: Sendable, Hashable {
  /// Mean of red, green and blue, on the scale of the samples (0...1).
  public var mean: [Float]?
  /// Standard deviation of red, green and blue, on the same scale.
  public var std: [Float]?
  /// timm's `crop_pct`.
  public var cropFraction: Double?
  /// timm's `crop_mode`.
  public var cropMode: ImagePreprocessing.CropMode?
  /// timm's `interpolation`.
  public var filter: ImageFilter?

  /// No overrides.
  public init() {}

  var isEmpty: Bool { self == RecipeOverrides() }
}

extension ImagePreprocessing {
  /// This recipe with other parts. A crop is timm's: where this one resizes as Hugging Face's processors do, the
  /// result resizes as timm does.
  ///
  /// - Throws: `ImagePreprocessingError.invalid` where the result cannot be meant.
  public func overriding(_ overrides: RecipeOverrides) throws -> ImagePreprocessing {
    var result = self
    result.mean = overrides.mean ?? mean
    result.std = overrides.std ?? std
    result.filter = overrides.filter ?? filter
    if overrides.cropFraction != nil || overrides.cropMode != nil {
      let (fraction, mode) = nearestTimm
      result.geometry = .timm(
        cropFraction: overrides.cropFraction ?? fraction, mode: overrides.cropMode ?? mode)
    }
    try result.validate()
    return result
  }

  /// How a model's pictures or frames are prepared, in the size of its configuration: what its files say, else what
  /// timm has for an architecture that is named, with its tag; nil for sound and points.
  ///
  /// - Parameters:
  ///   - url: the model; nil where there are no weights.
  ///   - architecture: the name that it was loaded by, if any.
  /// - Throws: `ImagePreprocessingError`, also where neither files nor a name say it; `CheckpointError`.
  public static func recipe(
    for c: VisionTransformerConfiguration, modelAt url: URL?, architecture: String?,
    overriding overrides: RecipeOverrides = RecipeOverrides()
  ) throws -> ImagePreprocessing? {
    let readsPictures = ![.audio, .points].contains(c.modality)
    let stated = try readsPictures ? url.flatMap { try StatedRecipe.read(modelAt: $0) } : nil
    if let url, stated == nil, architecture == nil, readsPictures { _ = try read(modelAt: url) }
    return try recipe(for: c, stated, overriding: overrides)
  }

  /// The same with what the model's files say, if anything.
  static func recipe(
    for c: VisionTransformerConfiguration, _ stated: StatedRecipe?, overriding overrides: RecipeOverrides
  ) throws -> ImagePreprocessing? {
    guard ![.audio, .points].contains(c.modality) else {
      guard overrides.isEmpty else {
        throw ConfigurationError.notApplicable(
          setting: "a recipe for pictures (mean, std, crop, interpolation)", for: "pictures and videos",
          found: c.modality)
      }
      return nil
    }
    let recipe = stated?.preprocessing ?? usual(for: c)
    return try (recipe.size == c.imageSize ? recipe : recipe.settingSize(c.imageSize)).overriding(overrides)
  }
}
