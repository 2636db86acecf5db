import PathwayCheckpoints

/// One layout's names beside timm's. Names are without `.weight` and `.bias` where a module has both.
struct LayoutNames {
  /// What stands before a block's number.
  var block: String
  /// Inside a block.
  var inBlock: [String: String]
  /// The three modules whose rows are stacked to `attn.qkv`.
  var qkv: [String] = []
  /// Outside the blocks.
  var outside: [String: String] = [:]
  /// Names that begin like this, behind the prefix or a part of it, have no place in the model.
  var dropped: [String] = []
  /// Nor do names that end like this.
  var droppedEndings: [String] = []
}

/// A checkpoint's tensors under timm's names, and where each came from.
public struct RenamedTensors: Sendable {
  public var tensors: [String: Tensor] = [:]
  /// The origin's names by timm's: one where a tensor was only renamed, several where tensors were put together.
  public var sources: [String: [String]] = [:]
  /// The origin's names of what a model has no use for.
  public var dropped: [String] = []
}

extension CheckpointLayout {
  private static let normsAndMLP = ["norm1": "norm1", "norm2": "norm2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"]
  private static let huggingFaceOutside = [
    "embeddings.cls_token": "cls_token", "embeddings.position_embeddings": "pos_embed",
    "embeddings.distillation_token": "reg_token", "embeddings.register_tokens": "register_tokens",
    "embeddings.patch_embeddings.projection": "patch_embed.proj", "layernorm": "norm", "classifier": "head",
    "cls_classifier": "head", "distillation_classifier": "head_dist",
    // AST's head.
    "classifier.layernorm": "head_norm", "classifier.dense": "head",
  ]
  private static let huggingFaceDropped = ["embeddings.mask_token", "decoder.", "encoder_to_decoder.", "mask_token"]

  private var names: LayoutNames {
    switch self {
    case .pointMAE:
      // Batch norms count the batches of their training.
      LayoutNames(
        block: "blocks.blocks.",
        inBlock: Self.normsAndMLP.merging(["attn.qkv": "attn.qkv", "attn.proj": "attn.proj"]) { $1 },
        dropped: Self.leftovers, droppedEndings: [".num_batches_tracked"])
    case .timm, .pretraining, .m2pt:
      // BEiT's and VideoMAE's names for LayerScale.
      LayoutNames(
        block: "blocks.", inBlock: ["gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"],
        dropped: self == .timm ? [] : Self.leftovers.filter { $0 != "register_tokens" })
    case .huggingFaceViT:
      LayoutNames(
        block: "encoder.layer.",
        inBlock: [
          "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.output.dense": "attn.proj",
          "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
          "attention.attention.q_bias": "attn.q_bias", "attention.attention.v_bias": "attn.v_bias",
        ],
        qkv: ["query", "key", "value"].map { "attention.attention.\($0)" }, outside: Self.huggingFaceOutside,
        dropped: Self.huggingFaceDropped)
    case .huggingFaceDINOv2:
      LayoutNames(
        block: "encoder.layer.",
        inBlock: Self.normsAndMLP.merging([
          "attention.output.dense": "attn.proj", "layer_scale1.lambda1": "ls1.gamma",
          "layer_scale2.lambda1": "ls2.gamma",
        ]) { $1 },
        qkv: ["query", "key", "value"].map { "attention.attention.\($0)" }, outside: Self.huggingFaceOutside,
        dropped: Self.huggingFaceDropped)
    case .transformers5ViT:
      LayoutNames(
        block: "layers.",
        inBlock: Self.normsAndMLP.merging([
          "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.o_proj": "attn.proj",
        ]) { $1 },
        qkv: ["q", "k", "v"].map { "attention.\($0)_proj" }, outside: Self.huggingFaceOutside,
        dropped: Self.huggingFaceDropped)
    case .transformers5DINOv2:
      LayoutNames(
        block: "encoder.layer.",
        inBlock: Self.normsAndMLP.merging([
          "attention.o_proj": "attn.proj", "layer_scale1.lambda1": "ls1.gamma", "layer_scale2.lambda1": "ls2.gamma",
        ]) { $1 },
        qkv: ["q", "k", "v"].map { "attention.\($0)_proj" }, outside: Self.huggingFaceOutside,
        dropped: Self.huggingFaceDropped)
    case .bert:
      LayoutNames(
        block: "encoder.layer.",
        inBlock: ["attention.output.dense": "attn.proj", "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2"],
        qkv: ["query", "key", "value"].map { "attention.self.\($0)" })
    case .whisper:
      LayoutNames(
        block: "encoder.layers.",
        inBlock: ["self_attn.out_proj": "attn.proj", "fc1": "mlp.fc1", "fc2": "mlp.fc2"],
        qkv: ["q", "k", "v"].map { "self_attn.\($0)_proj" })
    case .openAIWhisper:
      LayoutNames(
        block: "encoder.blocks.", inBlock: ["attn.out": "attn.proj", "mlp.0": "mlp.fc1", "mlp.2": "mlp.fc2"],
        qkv: ["query", "key", "value"].map { "attn.\($0)" })
    }
  }

  /// All `tensors` under timm's names as far as this layout has them; other names stay, without `prefix`.
  ///
  /// Pure: tensors are views, and only what has to be joined (query, key and value; DINOv2's class token and its
  /// position; M2PT's two branches) is copied, as float32. A missing bias of query, key or value beside a present one
  /// is zeros: Whisper's key has none.
  ///
  /// - Throws: `CheckpointLayoutError`; `CheckpointError.notFloatingPoint`.
  public func renamed(_ tensors: [String: Tensor], prefix: String = "") throws -> [String: Tensor] {
    try renaming(tensors, prefix: prefix).tensors
  }

  /// The same with an account of it; names in it are sorted.
  ///
  /// - Throws: as `renamed`.
  public func renaming(_ tensors: [String: Tensor], prefix: String = "") throws -> RenamedTensors {
    let names = names
    var result = RenamedTensors()
    var parts: [String: [(source: String, tensor: Tensor)?]] = [:]
    let outerPrefixes = prefix.indices.filter { prefix[$0] == "." }.map { String(prefix[...$0]) }
    func isDropped(_ name: String, _ source: String) -> Bool {
      names.droppedEndings.contains { name.hasSuffix($0) }
        || names.dropped.contains { start in
          name.hasPrefix(start) || outerPrefixes.contains { source.hasPrefix($0 + start) }
        }
    }
    func add(_ name: String, _ source: String, _ tensor: Tensor) throws {
      if let others = result.sources[name] {
        throw CheckpointLayoutError.duplicate(name: name, sources: (others + [source]).sorted())
      }
      result.tensors[name] = tensor
      result.sources[name] = [source]
    }
    for (source, tensor) in tensors {
      let name = source.hasPrefix(prefix) ? String(source.dropFirst(prefix.count)) : source
      if isDropped(name, source) {
        result.dropped.append(source)
        continue
      }
      guard let (block, rest) = Self.split(name, after: names.block) else {
        try add(Self.rename(name, names.outside) ?? name, source, tensor)
        continue
      }
      let (module, parameter) = Self.module(rest)
      if let slot = names.qkv.firstIndex(of: module) {
        let target = "blocks.\(block).attn.qkv\(parameter)"
        parts[target, default: [nil, nil, nil]][slot] = (source, tensor)
      } else if let target = Self.rename(rest, names.inBlock) {
        try add("blocks.\(block).\(target)", source, tensor)
      } else {
        try add(name, source, tensor)
      }
    }
    for (name, three) in parts {
      try add(name, name, Self.stacked(three.map { $0?.tensor }, name: name, names))
      result.sources[name] = three.compactMap { $0?.source }
    }
    if [.m2pt, .pointMAE].contains(self) { try Self.fold(&result) }
    try Self.splitRegisters(&result)
    try Self.nameHeads(&result)
    result.dropped.sort()
    return result
  }

  /// "blocks.12.attn.proj.weight" after "blocks." is 12 and "attn.proj.weight".
  private static func split(_ name: String, after block: String) -> (block: Int, rest: String)? {
    guard name.hasPrefix(block) else { return nil }
    let pieces = name.dropFirst(block.count).split(separator: ".", maxSplits: 1)
    guard pieces.count == 2, pieces[0].utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(pieces[0]) else {
      return nil
    }
    return (number, String(pieces[1]))
  }

  /// A name as its module and ".weight" or ".bias", where it ends so.
  private static func module(_ name: String) -> (String, parameter: String) {
    for parameter in [".weight", ".bias"] where name.hasSuffix(parameter) {
      return (String(name.dropLast(parameter.count)), parameter)
    }
    return (name, "")
  }

  private static func rename(_ name: String, _ names: [String: String]) -> String? {
    let (module, parameter) = module(name)
    return names[module].map { $0 + parameter }
  }

  /// Rows of query, key and value, one below the other, as float32.
  private static func stacked(_ parts: [Tensor?], name: String, _ names: LayoutNames) throws -> Tensor {
    let block = name.dropLast(name.hasSuffix(".weight") ? ".attn.qkv.weight".count : ".attn.qkv.bias".count)
    let sources = names.qkv.map { "\(names.block)\(block.dropFirst("blocks.".count)).\($0)" }
    guard let index = parts.firstIndex(where: { $0 != nil }), let some = parts[index] else {
      return Tensor([], shape: [0])
    }
    if name.hasSuffix(".weight"), let absent = parts.firstIndex(where: { $0 == nil }) {
      throw CheckpointLayoutError.missing(tensor: sources[absent] + ".weight", beside: sources[index] + ".weight")
    }
    let shapes = parts.map { $0?.shape ?? some.shape }
    guard shapes.allSatisfy({ $0 == some.shape }), let rows = some.shape.first else {
      throw CheckpointLayoutError.shapes(tensors: sources, shapes: shapes)
    }
    let values = try parts.flatMap { try $0?.float32() ?? [Float](repeating: 0, count: some.count) }
    return Tensor(values, shape: [3 * rows] + some.shape.dropFirst())
  }

  /// DINOv2 with registers keeps a position for the class token but none for the registers, which stand between. timm's
  /// twin has positions for patches alone: the class token's is added to it once and for all.
  private static func splitRegisters(_ result: inout RenamedTensors) throws {
    let tensors = result.tensors
    guard let registers = tensors["register_tokens"] else { return }
    result.tensors["register_tokens"] = nil
    result.tensors["reg_token"] = registers
    result.sources["reg_token"] = result.sources.removeValue(forKey: "register_tokens")
    guard let token = tensors["cls_token"], let positions = tensors["pos_embed"], let width = token.shape.last,
      positions.shape.count == 3, positions.shape[0] == 1, positions.shape[1] > 1, positions.shape[2] == width,
      token.count == width
    else {
      throw CheckpointLayoutError.shapes(
        tensors: ["cls_token", "pos_embed"],
        shapes: [tensors["cls_token"]?.shape ?? [], tensors["pos_embed"]?.shape ?? []])
    }
    let all = try positions.float32()
    result.tensors["cls_token"] = Tensor(zip(try token.float32(), all).map { $0 + $1 }, shape: token.shape)
    result.tensors["pos_embed"] = Tensor(Array(all[width...]), shape: [1, positions.shape[1] - 1, width])
    result.sources["cls_token", default: []] += result.sources["pos_embed"] ?? []
  }
}
