import Foundation
import PathwayCheckpoints

extension VisionTransformerConfiguration {
  /// The text of a `config.json` as timm writes it, which `read(json:file:)` reads back to an equal value and from
  /// whose `model_args` timm's `VisionTransformer(**model_args)` builds the same model.
  ///
  /// What timm has no words for (another modality or task, another LayerNorm epsilon, a bias on queries and values
  /// alone, Hugging Face's image processing) is in the object `m2pt`, which timm does not read: timm then takes the
  /// nearest thing that it has.
  ///
  /// - Parameter preprocessing: how the model's pictures are prepared; absent: what timm gives the architecture.
  /// - Throws: `ConfigurationError` where the configuration is not valid; `ImagePreprocessingError`.
  public func timmJSON(preprocessing: ImagePreprocessing? = nil) throws -> Data {
    try validate()
    try preprocessing?.validate()
    if points != nil { return try Self.encoded(pointJSON) }
    let recipe = preprocessing ?? .usual(for: self)
    var top: [String: JSONValue] = [
      "architecture": .string(architecture), "num_classes": .integer(classCount), "num_features": .integer(width),
      "global_pool": .string(timmPooling), "model_args": .object(modelArguments),
      "pretrained_cfg": .object(pretrained(recipe)),
    ]
    if let audio {
      top["pretrained_cfg"] = .object(
        pretrained(recipe).merging([
          "mean": .array([.number(Self.decimal(audio.mean))]), "std": .array([.number(Self.decimal(2 * audio.std))]),
        ]) { $1 })
    }
    var extras = extras
    if modality != .audio, !recipe.isTimm {
      extras["preprocessing"] = try JSONValue(parsing: JSONEncoder().encode(recipe))
    }
    if !extras.isEmpty { top["m2pt"] = .object(extras) }
    return try Self.encoded(top.merging(names) { $1 })
  }

  private static func encoded(_ members: [String: JSONValue]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(JSONValue.object(members)) + Data("\n".utf8)
  }

  /// Names of the classes.
  private var names: [String: JSONValue] {
    var names: [String: JSONValue] = [:]
    if let labels { names["label_names"] = .array(labels.map(JSONValue.string)) }
    if let labelDescriptions { names["label_descriptions"] = .object(labelDescriptions.mapValues(JSONValue.string)) }
    return names
  }

  /// timm's distilled class pools the class token, by its own account.
  private var timmPooling: String { isDistilled ? Pooling.token.rawValue : pooling.rawValue }

  /// What timm has no words for.
  private var extras: [String: JSONValue] {
    var extras: [String: JSONValue] = [:]
    let own = (try? Self.preset(architecture))?.epsilon ?? 1e-6
    if epsilon != own { extras["epsilon"] = .number(Self.decimal(epsilon)) }
    if let finalEpsilon { extras["final_epsilon"] = .number(Self.decimal(finalEpsilon)) }
    if qkvBias == .queryAndValue { extras["qkv_bias"] = .string(qkvBias.rawValue) }
    if modality != .image { extras["modality"] = .string(modality.rawValue) }
    switch input {
    case .image: break
    case .audio(let recipe): extras["audio"] = recipe.json
    case .video(let clip):
      var video: [String: JSONValue] = [
        "frames": .integer(clip.frames), "tubelet": .integer(clip.tubelet),
        "sampling_rate": .integer(clip.samplingRate),
      ]
      if let sampling = clip.sampling { video["sampling"] = .string(sampling.rawValue) }
      extras["video"] = .object(video)
    case .points(let numbers): extras["points"] = .object(numbers.json.merging(head.pointJSON) { $1 })
    }
    if let patchStride { extras["patch_stride"] = Self.json(patchStride) }
    if hasHeadNorm { extras["head_norm"] = .boolean(true) }
    if let poolerWidth { extras["pooler"] = .integer(poolerWidth) }
    if let vocabulary { extras["classes"] = .string(vocabulary.rawValue) }
    if parts != nil {
      extras["task"] = .string(Self.perPointTask)
    } else if task != .singleLabel {
      extras["task"] = .string(task.rawValue)
    }
    return extras
  }

  /// A point transformer's file: timm has no such model, but the words for its blocks.
  private var pointJSON: [String: JSONValue] {
    let arguments = modelArguments.filter { !["img_size", "patch_size", "in_chans"].contains($0.key) }
    let top: [String: JSONValue] = [
      "architecture": .string(architecture), "num_classes": .integer(classCount),
      "global_pool": .string(pooling.rawValue), "model_args": .object(arguments),
      "m2pt": .object(extras),
    ]
    return top.merging(names) { $1 }
  }

  /// Writes `config.json` into a model directory, whole or not at all.
  ///
  /// - Throws: as `timmJSON(preprocessing:)`; `CheckpointError.unwritable`.
  public func write(toDirectory url: URL, preprocessing: ImagePreprocessing? = nil) throws {
    let data = try timmJSON(preprocessing: preprocessing)
    try AtomicFile.write(data, to: url.appendingPathComponent("config.json"))
  }

  /// Every argument of timm's `VisionTransformer` that this engine knows: no default, there or in an architecture of
  /// that name, can make another model of it.
  private var modelArguments: [String: JSONValue] {
    let own: [String: JSONValue] = [
      "img_size": Self.json(imageSize), "patch_size": Self.json(patchSize), "in_chans": .integer(channels),
      "num_classes": .integer(classCount), "global_pool": .string(timmPooling), "embed_dim": .integer(width),
      "depth": .integer(depth), "num_heads": .integer(heads), "mlp_ratio": .number(mlpRatio),
      "class_token": .boolean(hasClassToken), "reg_tokens": .integer(isDistilled ? 0 : registerTokens),
      "no_embed_class": .boolean(!positionCoversPrefix), "pre_norm": .boolean(hasPreNorm),
      "final_norm": .boolean(hasFinalNorm), "fc_norm": .boolean(normalizesAfterPooling),
      "init_values": .number(hasLayerScale ? 1e-5 : 0), "qkv_bias": .boolean(qkvBias != .none),
    ]
    // The architectures' own activation is not written, so that files stay as timm writes them.
    return activation == .gelu ? own : own.merging(["act_layer": .string(activation.timmNames[0])]) { $1 }
  }

  private func pretrained(_ recipe: ImagePreprocessing) -> [String: JSONValue] {
    let (fraction, mode) = recipe.nearestTimm
    func numbers(_ values: [Float]) -> JSONValue { .array(values.map { .number(Self.decimal($0)) }) }
    let named: [String: JSONValue] = tag.map { ["tag": .string($0)] } ?? [:]
    return named.merging([
      "input_size": .integers([channels, recipe.size.height, recipe.size.width]),
      "fixed_input_size": .boolean(true),
      "interpolation": .string((recipe.filter == .openCVBilinear ? .bilinear : recipe.filter).rawValue),
      "crop_pct": .number(fraction), "crop_mode": .string(mode.rawValue), "mean": numbers(recipe.mean),
      "std": numbers(recipe.std), "num_classes": .integer(classCount), "first_conv": .string("patch_embed.proj"),
      "classifier": .string("head"),
    ]) { $1 }
  }

  /// A ratio from which timm's int(width * ratio) gives the hidden width again: the quotient may round to just below.
  private var mlpRatio: Double {
    var ratio = Double(hiddenWidth) / Double(width)
    while Int(Double(width) * ratio) < hiddenWidth { ratio = ratio.nextUp }
    return ratio
  }

  /// The shortest decimal that reads back as `value`, through a double too: 0.485 and not 0.48500001430511475.
  static func decimal(_ value: Float) -> Double {
    guard let short = Double("\(value)"), Float(short) == value else { return Double(value) }
    return short
  }

  private static func json(_ extent: Extent) -> JSONValue {
    extent.height == extent.width
      ? .integer(extent.height) : .integers([extent.height, extent.width])
  }
}

extension ImagePreprocessing {
  /// Whether `pretrained_cfg` can say all of it.
  fileprivate var isTimm: Bool {
    guard case .timm = geometry else { return false }
    return scaling == .unit && filter != .openCVBilinear
  }

  /// The crop of timm that shows the same part of the picture, but for rounding.
  var nearestTimm: (fraction: Double, mode: CropMode) {
    func fraction(_ resized: Extent) -> Double {
      min(Double(size.height) / Double(resized.height), Double(size.width) / Double(resized.width))
    }
    return switch geometry {
    case .timm(let fraction, let mode): (fraction, mode)
    case .huggingFace(.none, _): (1, .center)
    case .huggingFace(.shortestEdge(let edge), _): (Double(min(size.height, size.width)) / Double(edge), .center)
    case .huggingFace(.exact(let extent), _): (fraction(extent), .squash)
    }
  }
}
