import ArgumentParser
import Foundation
import MultimodalPathway

/// What a person wants otherwise than a model's files say, for every command that loads a model to run it.
struct RecipeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Mean of red, green and blue, subtracted after scaling to 0...1: one number or three, 0.485,0.456,0.406.")
  var mean: String?
  @Option(parsing: .unconditional, help: "Standard deviation, divided by: one number or three.") var std: String?
  @Option(
    name: .customLong("crop-pct"), parsing: .unconditional,
    help: "The part of the resized picture that is seen, 0.1...1, as timm's crop_pct.")
  var cropFraction: Double?
  @Option(name: .customLong("crop-mode"), help: "timm's crop_mode: center, squash or border.")
  var cropMode: ImagePreprocessing.CropMode?
  @Option(help: "Filter that pictures are resized with: bicubic, bilinear, lanczos, box or nearest.")
  var interpolation: ImageFilter?
  @Option(
    help: "Frames of a clip: strided, every few (Kinetics), or uniform, over the whole video (Something-Something).")
  var sampling: VideoSampling.Rule?
  @Option(help: "Points that a cloud is brought to.") var points: Int?
  @Option(help: "Groups of points (default with --points: one for every 16).") var groups: Int?

  func validate() throws {
    for (name, text, isDeviation) in [("mean", mean, false), ("std", std, true)] {
      guard let text else { continue }
      guard let values = Self.channels(text), !isDeviation || values.allSatisfy({ $0 > 0 }) else {
        throw ValidationError(
          "--\(name) is '\(text)'; it takes one number or three, separated by commas\(isDeviation ? ", above 0" : "").")
      }
    }
    if let cropFraction, !(0.1...1).contains(cropFraction) {
      throw ValidationError("--crop-pct is \(cropFraction); it takes 0.1...1, such as 0.9.")
    }
    for (name, count) in [("points", points), ("groups", groups)] {
      if let count, count < 1 { throw ValidationError("--\(name) is \(count); it takes a number from 1.") }
    }
  }

  /// Three finite numbers, or one for all three.
  private static func channels(_ text: String) -> [Float]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    // Through Double, as Python reads them.
    let values = parts.compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }.map { Float($0) }
    guard values.count == parts.count, values.allSatisfy(\.isFinite) else { return nil }
    return values.count == 1 ? [values[0], values[0], values[0]] : values.count == 3 ? values : nil
  }

  var overrides: ModelOverrides {
    var overrides = ModelOverrides()
    overrides.recipe.mean = mean.flatMap(Self.channels)
    overrides.recipe.std = std.flatMap(Self.channels)
    overrides.recipe.cropFraction = cropFraction
    overrides.recipe.cropMode = cropMode
    overrides.recipe.filter = interpolation
    (overrides.sampling, overrides.points, overrides.groups) = (sampling, points, groups)
    return overrides
  }

  /// Loads a model with these and a size, and reports every choice between two readings.
  ///
  /// - Parameter needsNoWeights: whether a directory may have `config.json` alone; the weights are then 0.
  func weights(
    modelAt path: String, architecture: String?, _ chosen: WeightsOption, _ size: ImageSizeOption? = nil,
    needsNoWeights: Bool = false
  ) throws -> ModelWeights {
    var overrides = overrides
    if let size { (overrides.imageSize, overrides.antialias) = (size.extent, !size.omitsAntialias) }
    let url = URL(fileURLWithPath: path)
    let weights = try chosen.naming { key in
      if needsNoWeights, architecture == nil, key == nil, Checkpoint.isMissing(inDirectory: url) {
        return try ModelWeights(untrainedModelAt: url, overriding: overrides)
      }
      return try ModelWeights(modelAt: url, architecture: architecture, weights: key, overriding: overrides)
    }
    for note in weights.notes { report("note: \(note)") }
    return weights
  }

  /// How the pictures of a model of that configuration are prepared; nil for sound and points, whose recipes are in the
  /// configuration.
  func preprocessing(
    _ c: VisionTransformerConfiguration, modelAt path: String?, architecture: String?
  ) throws -> ImagePreprocessing? {
    try .recipe(
      for: c, modelAt: path.map { URL(fileURLWithPath: $0) }, architecture: architecture, overriding: overrides.recipe)
  }
}

extension ImagePreprocessing.CropMode: ExpressibleByArgument {}
extension VideoSampling.Rule: ExpressibleByArgument {}

extension ImageFilter: ExpressibleByArgument {
  /// Pillow's; OpenCV's is VideoMAE's own.
  public static var allValueStrings: [String] {
    allCases.filter { $0 != .openCVBilinear }.map(\.rawValue)
  }
}
