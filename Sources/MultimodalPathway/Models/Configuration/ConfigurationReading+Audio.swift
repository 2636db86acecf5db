import Foundation

extension AudioPreprocessing {
  /// The object `m2pt.audio` of a `config.json`, over `defaults`.
  init(reading object: JSONObject, over defaults: AudioPreprocessing) throws {
    let known = ["sample_rate", "mean", "std", "remove_mean", "layout"]
    for key in object.values.keys.sorted() where !known.contains(key) {
      throw ConfigurationError.unsupported(
        file: object.file, key: object.name(key), found: object.values[key]?.summary ?? "",
        supported: known.joined(separator: ", "))
    }
    self.init(
      rate: try object.integer("sample_rate") ?? defaults.rate,
      mean: try object.number("mean").map { Float($0) } ?? defaults.mean,
      std: try object.number("std").map { Float($0) } ?? defaults.std,
      removesMean: try object.boolean("remove_mean") ?? defaults.removesMean,
      layout: try object.choice("layout") ?? defaults.layout)
  }

  /// What `init(reading:over:)` reads.
  var json: JSONValue {
    .object([
      "sample_rate": .integer(rate), "mean": .number(VisionTransformerConfiguration.decimal(mean)),
      "std": .number(VisionTransformerConfiguration.decimal(std)), "remove_mean": .boolean(removesMean),
      "layout": .string(layout.rawValue),
    ])
  }

  /// Hugging Face's `preprocessor_config.json` of AST's feature extractor
  /// (transformers/models/audio_spectrogram_transformer/feature_extraction_audio_spectrogram_transformer.py).
  ///
  /// - Parameter file: what errors call it.
  /// - Returns: the recipe, and the window's frames and bins.
  /// - Throws: `ConfigurationError`.
  static func huggingFace(
    json data: Data, file: String
  ) throws -> (recipe: AudioPreprocessing, frames: Int, bins: Int) {
    let object = try JSONObject(parsing: data, file: file)
    let kind = try object.string("feature_extractor_type") ?? "ASTFeatureExtractor"
    func require(_ key: String, _ holds: Bool, _ supported: String) throws {
      guard !holds else { return }
      throw ConfigurationError.unsupported(
        file: file, key: key, found: object.values[key]?.summary ?? "", supported: supported)
    }
    try require("feature_extractor_type", kind == "ASTFeatureExtractor", "\"ASTFeatureExtractor\"")
    try require("padding_value", try object.number("padding_value") ?? 0 == 0, "0")
    let normalizes = try object.boolean("do_normalize") ?? true
    // (x - 0) / (2 x 0.5) is x.
    let recipe = AudioPreprocessing(
      rate: try object.integer("sampling_rate") ?? 16_000,
      mean: normalizes ? Float(try object.number("mean") ?? -4.2677393) : 0,
      std: normalizes ? Float(try object.number("std") ?? 4.5689974) : 0.5, removesMean: false, layout: .melFirst)
    do {
      try recipe.validate()
    } catch AudioError.invalid(let key, let found, let expected) {
      throw ConfigurationError.badValue(
        file: file, key: key == "sample_rate" ? "sampling_rate" : key, found: found, expected: expected)
    }
    return (recipe, try object.integer("max_length") ?? 1024, try object.integer("num_mel_bins") ?? 128)
  }
}

extension VisionTransformerConfiguration {
  /// Spectrograms of mel x time, overlapping patches, a distillation token after the class token, and a head that reads
  /// the mean of both through a norm of its own.
  mutating func applyAST(_ object: JSONObject) throws {
    input = .audio(
      AudioPreprocessing(
        mean: AudioPreprocessing.audioSet.mean, std: AudioPreprocessing.audioSet.std, removesMean: false,
        layout: .melFirst))
    channels = 1
    imageSize = Extent(
      height: try object.integer("num_mel_bins") ?? 128, width: try object.integer("max_length") ?? 1024)
    patchStride = Extent(
      height: try object.integer("frequency_stride") ?? 10, width: try object.integer("time_stride") ?? 10)
    registerTokens = 1
    pooling = .prefixMean
    let isClassifier = object.values["architectures"]?.summary.contains("ForAudioClassification") ?? false
    hasHeadNorm = isClassifier
    // AudioSet's models are for any number of 527 tags, and their files often do not say so.
    let problem = try object.string("problem_type")
    let count = try object.object("id2label")?.values.count
    if problem == nil && count == 527 { task = .multiLabel }
  }

  /// Takes the recipe of a `preprocessor_config.json` next to a Hugging Face `config.json`.
  mutating func readFeatureExtractor(beside url: URL) throws {
    let file = url.deletingLastPathComponent().appendingPathComponent("preprocessor_config.json")
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    let (recipe, frames, bins) = try AudioPreprocessing.huggingFace(
      json: ConfigurationFile.contents(of: file), file: file.path)
    input = .audio(recipe)
    for (key, found, expected) in [
      ("max_length", frames, spectrogram.frames), ("num_mel_bins", bins, spectrogram.bins),
    ] where found != expected {
      throw ConfigurationError.badValue(
        file: file.path, key: key, found: "\(found)", expected: "\(expected), as config.json has it")
    }
  }
}
