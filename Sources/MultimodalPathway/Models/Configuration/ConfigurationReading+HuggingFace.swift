// Hugging Face's `config.json` of models that are plain vision transformers underneath: ViT, DeiT, MAE's encoder,
// DINOv2, VideoMAE, AST.
// transformers/models/{vit,deit,vit_mae,dinov2,dinov2_with_registers,videomae,audio_spectrogram_transformer}/configuration_*.py

extension VisionTransformerConfiguration {
  /// Hugging Face's names for timm's keys, for errors.
  static let huggingFaceKeys = [
    "img_size": "image_size", "embed_dim": "hidden_size", "depth": "num_hidden_layers",
    "num_heads": "num_attention_heads", "mlp_ratio": "intermediate_size", "in_chans": "num_channels",
    "reg_tokens": "num_register_tokens", "label_names": "id2label", "num_classes": "id2label",
  ]

  private static let audioType = "audio-spectrogram-transformer"
  private static let modelTypes = ["vit", "deit", "vit_mae", "dinov2", "dinov2_with_registers", "videomae", audioType]

  static func huggingFace(_ object: JSONObject) throws -> VisionTransformerConfiguration {
    let type = try object.required("model_type", object.string("model_type"))
    func unsupported(_ key: String, _ supported: String) -> ConfigurationError {
      .unsupported(file: object.file, key: key, found: object.values[key]?.summary ?? "", supported: supported)
    }
    guard modelTypes.contains(type) else { throw unsupported("model_type", modelTypes.joined(separator: ", ")) }
    let isDINO = type.hasPrefix("dinov2")
    let named = try object.string("hidden_act") ?? Activation.gelu.huggingFaceName
    guard let activation = Activation.allCases.first(where: { $0.huggingFaceName == named }) else {
      let known = Activation.allCases.map { "\"\($0.huggingFaceName)\"" }.joined(separator: ", ")
      throw unsupported("hidden_act", "\(known) (the exact one)")
    }
    if try object.boolean("use_swiglu_ffn") == true { throw unsupported("use_swiglu_ffn", "false") }
    let width = try object.required("hidden_size", object.integer("hidden_size"))
    var c = VisionTransformerConfiguration(
      architecture: "vit_base_patch16_224", imageSize: try object.extent("image_size") ?? Extent(square: 224),
      patchSize: try object.extent("patch_size") ?? Extent(square: isDINO ? 14 : 16), width: width,
      depth: try object.required("num_hidden_layers", object.integer("num_hidden_layers")),
      heads: try object.required("num_attention_heads", object.integer("num_attention_heads")))
    if isDINO {
      c.hiddenWidth = try hiddenWidth(width, ratio: object.number("mlp_ratio") ?? 4, object, key: "mlp_ratio")
    } else {
      c.hiddenWidth = try object.integer("intermediate_size") ?? c.hiddenWidth
    }
    c.activation = activation
    c.channels = try object.integer("num_channels") ?? 3
    c.epsilon = Float(try object.number("layer_norm_eps") ?? (isDINO ? 1e-6 : 1e-12))
    c.qkvBias = try object.boolean("qkv_bias") == false ? .none : .full
    c.hasLayerScale = isDINO
    switch type {
    case "deit":
      // The distillation token stands where timm's first register does, and has a position.
      c.registerTokens = 1
    case "dinov2_with_registers":
      c.registerTokens = try object.integer("num_register_tokens") ?? 4
      c.positionCoversPrefix = false
    case "videomae": try c.applyVideoMAE(object)
    case audioType: try c.applyAST(object)
    default: break
    }
    try c.readHead(object)
    c.architecture = nearestArchitecture(to: c)
    return c
  }

  /// Clips without a class token. The head reads their mean through a norm with PyTorch's own epsilon; models without a
  /// head end in a norm only where nothing is pooled.
  private mutating func applyVideoMAE(_ object: JSONObject) throws {
    input = .video(
      Clip(frames: try object.integer("num_frames") ?? 16, tubelet: try object.integer("tubelet_size") ?? 2))
    hasClassToken = false
    pooling = .mean
    qkvBias = try object.boolean("qv_bias") ?? object.boolean("qkv_bias") == false ? .none : .queryAndValue
    let isClassifier = object.values["architectures"]?.summary.contains("ForVideoClassification") ?? false
    let takesMean = try object.boolean("use_mean_pooling") ?? true
    guard takesMean || !isClassifier else {
      throw ConfigurationError.unsupported(
        file: object.file, key: "use_mean_pooling", found: "false", supported: "true where there is a head")
    }
    normalizesAfterPooling = isClassifier
    hasFinalNorm = isClassifier || !takesMean
    if isClassifier { finalEpsilon = 1e-5 }
  }

  /// A timm architecture that is the same but for image size, classes and epsilon; ViT-B where there is none, whose
  /// every argument can be overridden.
  static func nearestArchitecture(to configuration: VisionTransformerConfiguration) -> String {
    func plain(_ c: VisionTransformerConfiguration) -> VisionTransformerConfiguration {
      var c = c
      c.architecture = ""
      c.epsilon = 1e-6
      c.classCount = 0
      c.labels = nil
      c.labelDescriptions = nil
      c.task = .singleLabel
      return c
    }
    func resized(_ name: String) -> VisionTransformerConfiguration? {
      guard var c = try? preset(name) else { return nil }
      c.imageSize = configuration.imageSize
      return plain(c)
    }
    let wanted = plain(configuration)
    let prefix = configuration.isDistilled ? "deit_" : "vit_"
    let same = architectures.filter { $0.hasPrefix(prefix) && resized($0) == wanted }
    let exact = same.first { (try? preset($0))?.imageSize == configuration.imageSize }
    if let name = exact ?? same.first { return name }
    return configuration.isDistilled ? "deit_base_distilled_patch16_224" : "vit_base_patch16_224"
  }
}
