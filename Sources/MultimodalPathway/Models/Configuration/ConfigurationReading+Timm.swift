// timm's `config.json`, with the precedence of timm's model builder (timm/models/_builder.py): `model_args` over the
// architecture's own arguments over `pretrained_cfg`.

extension VisionTransformerConfiguration {
  static func timm(_ object: JSONObject) throws -> VisionTransformerConfiguration {
    // Files of timm before 0.9 have everything at the top.
    let pretrained = try object.object("pretrained_cfg") ?? object
    let arguments =
      try object.object("model_args") ?? JSONObject(file: object.file, path: "model_args.", values: [:])
    try refuseUnknown(arguments)
    var c = try starting(object, arguments)
    // An architecture that departs from timm's rule for `fc_norm` goes on doing so whatever is pooled.
    let followsRule = c.points == nil && c.normalizesAfterPooling == c.pooling.reducesPatches

    if let input = try pretrained.integers("input_size", count: 3) {
      c.channels = input[0]
      if try pretrained.boolean("fixed_input_size") ?? (arguments.boolean("dynamic_img_size") != true) {
        c.imageSize = Extent(height: input[1], width: input[2])
      }
    }
    if let pooling = try pooling(pretrained) ?? pooling(object) { c.pooling = pooling }
    c.classCount = try object.integer("num_classes") ?? pretrained.integer("num_classes") ?? c.classCount
    c.tag = try pretrained.string("tag").flatMap { $0.isEmpty ? nil : $0 }
    try c.apply(arguments)
    if let normalizes = try arguments.boolean("fc_norm") {
      c.normalizesAfterPooling = normalizes
    } else if followsRule || arguments.nulls.contains("fc_norm") {
      c.normalizesAfterPooling = c.pooling.reducesPatches
    }
    if let extras = try object.object("m2pt") { try c.apply(extras: extras) }
    if c.points != nil, !c.hasClassToken, c.pooling == .tokenAndMaximum { c.pooling = .maximum }
    if c.isDistilled { try c.completeDistilled(arguments) }
    if c.classCount > 0 {
      c.labels = try labels(object, count: c.classCount) ?? labels(pretrained, count: c.classCount)
      c.labelDescriptions = try descriptions(object) ?? descriptions(pretrained)
      if c.vocabulary == nil, object.values["m2pt"] == nil {
        let isOld = object.values["pretrained_cfg"] == nil
        c.vocabulary = c.knownVocabulary(
          architecture: try object.string("architecture") ?? "", tag: try pretrained.string("tag"), ofAnyTag: isOld)
      }
    }
    return c
  }

  /// The architecture's own arguments. A name that is not timm's will do where `model_args` has all sizes: an unknown
  /// one that hides a size would be silently wrong.
  private static func starting(
    _ object: JSONObject, _ arguments: JSONObject
  ) throws -> VisionTransformerConfiguration {
    let architecture = try object.required("architecture", object.string("architecture"))
    do {
      // The file says everything that a tag after the name would.
      return try preset(timmName(architecture).name)
    } catch ConfigurationError.unknownArchitecture(_, let nearest) {
      let blocks = ["embed_dim", "depth", "num_heads"]
      if architecture.hasPrefix("point_"), blocks.allSatisfy({ arguments.values[$0] != nil }) {
        return point(architecture, width: 384)
      }
      let sizes = ["img_size", "patch_size", "embed_dim", "depth", "num_heads"]
      if let feature = featureInName(architecture) {
        throw ConfigurationError.lacking(architecture: architecture, features: feature)
      }
      guard architecture.hasPrefix("vit_"), sizes.allSatisfy({ arguments.values[$0] != nil }) else {
        throw ConfigurationError.unsupported(
          file: object.file, key: "architecture", found: "\"\(architecture)\"",
          supported: "plain vision transformers like \(nearest.joined(separator: ", ")); or, for a model of one's own "
            + "with LayerNorm, the exact GELU and timm's names, a name that timm does not know and that begins with "
            + "vit_, with \(sizes.joined(separator: ", ")) in model_args")
      }
      var c = VisionTransformerConfiguration(
        architecture: architecture, imageSize: Extent(square: 224), patchSize: Extent(square: 16), width: 768,
        depth: 12, heads: 12)
      c.classCount = 1000
      return c
    }
  }

  /// What a name of one's own says of a model that this engine lacks: an own name is free, but not one that tells of
  /// another activation, norm or position.
  private static func featureInName(_ architecture: String) -> String? {
    let features = [
      "quickgelu": "QuickGELU", "rmsnorm": "RMSNorm", "swiglu": "SwiGLU", "relpos": "relative positions",
      "rope": "rotary positions", "dinov3": "rotary positions", "siglip_so": "attention pooling",
    ]
    let words = architecture.lowercased().split { "_./:-".contains($0) }.map(String.init)
    return words.lazy.compactMap { features[$0] }.first
  }

  /// What timm's distilled class has whatever its arguments say, and what it cannot have.
  private mutating func completeDistilled(_ arguments: JSONObject) throws {
    let registers = try arguments.integer("reg_tokens") ?? 0
    for (key, found, holds, supported) in [
      ("reg_tokens", "\(registers)", registers == 0, "0"),
      ("global_pool", "\"\(pooling.rawValue)\"", [.token, .prefixMean].contains(pooling), "\"token\""),
    ] where !holds {
      throw ConfigurationError.unsupported(
        file: arguments.file, key: key, found: found, supported: "\(supported) in a distilled model")
    }
    makeDistilled()
  }

  /// timm's arguments of `VisionTransformer`, over what the architecture says.
  private mutating func apply(_ arguments: JSONObject) throws {
    imageSize = try arguments.extent("img_size") ?? imageSize
    patchSize = try arguments.extent("patch_size") ?? patchSize
    channels = try arguments.integer("in_chans") ?? channels
    classCount = try arguments.integer("num_classes") ?? classCount
    let ratio = try arguments.number("mlp_ratio")
    if let newWidth = try arguments.integer("embed_dim") {
      // The architecture's ratio of hidden width holds for another width too.
      let own = Double(hiddenWidth) / Double(width)
      width = newWidth
      hiddenWidth = try Self.hiddenWidth(
        width, ratio: ratio ?? own, arguments, key: ratio == nil ? "embed_dim" : "mlp_ratio")
    } else if let ratio {
      hiddenWidth = try Self.hiddenWidth(width, ratio: ratio, arguments, key: "mlp_ratio")
    }
    depth = try arguments.integer("depth") ?? depth
    heads = try arguments.integer("num_heads") ?? heads
    hasClassToken = try arguments.boolean("class_token") ?? hasClassToken
    registerTokens = try arguments.integer("reg_tokens") ?? registerTokens
    positionCoversPrefix = try arguments.boolean("no_embed_class").map { !$0 } ?? positionCoversPrefix
    hasPreNorm = try arguments.boolean("pre_norm") ?? hasPreNorm
    hasFinalNorm = try arguments.boolean("final_norm") ?? hasFinalNorm
    if let value = try arguments.number("init_values") {
      hasLayerScale = value != 0
    } else if arguments.nulls.contains("init_values") {
      hasLayerScale = false
    }
    if let hasBias = try arguments.boolean("qkv_bias") { qkvBias = hasBias ? .full : .none }
    pooling = try Self.pooling(arguments) ?? pooling
    if case .string(let name)? = arguments.values["act_layer"] {
      activation = Activation.allCases.first { $0.timmNames.contains(name) } ?? activation
    }
    // timm's LayerNorm by name has this epsilon, whatever the architecture's own norm has.
    if arguments.values["norm_layer"] != nil || arguments.nulls.contains("norm_layer") { epsilon = 1e-6 }
  }

  /// What timm's configuration has no words for, in an object that timm does not read.
  private mutating func apply(extras: JSONObject) throws {
    let known = [
      "epsilon", "final_epsilon", "qkv_bias", "preprocessing", "modality", "task", "video", "audio", "points",
      "patch_stride", "head_norm", "pooler", "classes",
    ]
    for key in extras.values.keys.sorted() where !known.contains(key) {
      throw ConfigurationError.unsupported(
        file: extras.file, key: extras.name(key), found: extras.values[key]?.summary ?? "",
        supported: known.joined(separator: ", "))
    }
    if let value = try extras.number("epsilon") { epsilon = Float(value) }
    if let value = try extras.number("final_epsilon") { finalEpsilon = Float(value) }
    qkvBias = try extras.choice("qkv_bias") ?? qkvBias
    patchStride = try extras.extent("patch_stride") ?? patchStride
    hasHeadNorm = try extras.boolean("head_norm") ?? hasHeadNorm
    vocabulary = try extras.choice("classes") ?? vocabulary
    try readInput(extras)
    try readHead(extras: extras)
  }

  /// The kind of input and the object of its numbers; that of another kind would be ignored, and is refused.
  private mutating func readInput(_ extras: JSONObject) throws {
    if let stated: Modality = try extras.choice("modality"), stated != modality { input = Input(stated) }
    for other in [Modality.video, .audio, .points] where other != modality && extras.values[other.rawValue] != nil {
      throw ConfigurationError.badValue(
        file: extras.file, key: extras.name(other.rawValue), found: extras.values[other.rawValue]?.summary ?? "",
        expected: "no numbers of another modality than \(modality.rawValue)")
    }
    switch input {
    case .image: break
    case .audio(let recipe):
      if let object = try extras.object("audio") {
        input = .audio(try AudioPreprocessing(reading: object, over: recipe))
      }
    case .video(var clip):
      let object = try extras.object("video")
      clip.frames = try object?.integer("frames") ?? clip.frames
      clip.tubelet = try object?.integer("tubelet") ?? clip.tubelet
      clip.samplingRate = try object?.integer("sampling_rate") ?? clip.samplingRate
      clip.sampling = try object?.choice("sampling") ?? clip.sampling
      input = .video(clip)
    case .points(let numbers):
      if let object = try extras.object("points") { input = .points(try numbers.reading(object)) }
    }
  }

  /// The kind of head: `task` says whether it answers for every point, `pooler` and `points` have its numbers.
  private mutating func readHead(extras: JSONObject) throws {
    if modality == .points, !head.isOfPoints { head = .pointClasses }
    if let name = try extras.string("task"), name == Self.perPointTask {
      guard head.isOfPoints else {
        throw extras.badValue("task", expected: "a task of the whole input, except for points")
      }
      if parts == nil { head = .parts(PartConfiguration()) }
    } else if let stated: Task = try extras.choice("task") {
      task = stated
      if parts != nil { head = .pointClasses }
    }
    if let width = try extras.integer("pooler") {
      switch head {
      case .linear, .pooler: head = .pooler(width: width)
      case .distilled, .points, .parts:
        throw extras.badValue("pooler", expected: "no pooler: this architecture's head has none")
      }
    }
    if let object = try extras.object("points") { head = try head.reading(points: object) }
  }

  /// What a file calls the task of a head that answers for every point.
  static let perPointTask = "per_point"

  private static func pooling(_ object: JSONObject) throws -> Pooling? {
    guard let name = try object.string("global_pool") else { return nil }
    guard let pooling = Pooling(rawValue: name) else {
      throw ConfigurationError.unsupported(
        file: object.file, key: object.name("global_pool"), found: "\"\(name)\"",
        supported: Pooling.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
    }
    return pooling
  }

  /// Arguments without effect on what a trained model computes.
  private static let harmless: Set<String> = [
    "drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate",
    "weight_init", "fix_init", "dynamic_img_size", "strict_img_size",
  ]
  private static let understood: Set<String> = [
    "img_size", "patch_size", "in_chans", "num_classes", "mlp_ratio", "embed_dim", "depth", "num_heads",
    "class_token", "reg_tokens", "no_embed_class", "pre_norm", "final_norm", "fc_norm", "init_values", "qkv_bias",
    "global_pool",
  ]
  /// Arguments that are understood with these values alone.
  private static let fixed: [String: [JSONValue]] = [
    "act_layer": Activation.allCases.flatMap(\.timmNames).map(JSONValue.string),
    "norm_layer": [.string("layernorm"), .string("")],
    "embed_norm_layer": [.string("")], "pos_embed": [.string("learn")], "proj_bias": [.boolean(true)],
    "qk_norm": [.boolean(false)], "scale_attn_norm": [.boolean(false)], "scale_mlp_norm": [.boolean(false)],
    "pool_include_prefix": [.boolean(false)], "dynamic_img_pad": [.boolean(false)], "use_naflex": [.boolean(false)],
  ]

  /// An argument that would be ignored could change what the model computes.
  private static func refuseUnknown(_ arguments: JSONObject) throws {
    for (key, value) in arguments.values.sorted(by: { $0.key < $1.key })
    where !harmless.contains(key) && !understood.contains(key) {
      let values = fixed[key]
      if let values, values.contains(value) { continue }
      throw ConfigurationError.unsupported(
        file: arguments.file, key: arguments.name(key), found: value.summary,
        supported: values?.map(\.summary).joined(separator: ", ") ?? understood.sorted().joined(separator: ", "))
    }
  }

  /// A list of names, or an object from class number to name; `labels` is what timm before 0.9 called it.
  private static func labels(_ object: JSONObject, count: Int) throws -> [String]? {
    let key = object.values["label_names"] == nil ? "labels" : "label_names"
    switch object.values[key] {
    case nil: return nil
    case .array(let items):
      return try items.map { item in
        guard case .string(let name) = item else { throw object.badValue(key, expected: "a list of strings") }
        return name
      }
    case .object(let items):
      guard (1...1 << 20).contains(count) else { return nil }
      var names = (0..<count).map(String.init)
      for (number, item) in items {
        guard let index = Int(number), names.indices.contains(index), case .string(let name) = item else {
          throw ConfigurationError.badValue(
            file: object.file, key: "\(object.name(key)).\(number)", found: item.summary,
            expected: "a string under a class number 0..<\(count)")
        }
        names[index] = name
      }
      return names
    default: throw object.badValue(key, expected: "a list of strings, or an object from class numbers to strings")
    }
  }

  private static func descriptions(_ object: JSONObject) throws -> [String: String]? {
    guard let members = try object.object("label_descriptions") else { return nil }
    return try members.values.keys.reduce(into: [:]) { $0[$1] = try members.string($1) }
  }
}
