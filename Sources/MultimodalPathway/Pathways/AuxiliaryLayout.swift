import PathwayCheckpoints

/// Layouts of transformer checkpoints, each with one pure function to timm's names for the blocks' linear layers.
public enum AuxiliaryLayout: String, Sendable, CaseIterable {
  /// timm, MAE, and everything named like them.
  case timm
  /// Hugging Face BERT and its kin (MiniLM): post-norm, separate query, key, value.
  case bert
  /// Hugging Face ViT, DeiT, AST.
  case vit
  /// Hugging Face DINOv2.
  case dinov2
  /// Hugging Face Whisper encoders: separate projections, no key bias.
  case whisper
  /// OpenAI's Whisper encoders.
  case openAIWhisper

  private struct Names {
    let block: String
    let q: String
    let k: String
    let v: String
    let projection: String
    let fc1: String
    let fc2: String
  }

  /// Whether the norms come after the layers; no ViT target is like that.
  var isPostNorm: Bool { self == .bert }

  private var names: Names? {
    switch self {
    case .timm: nil
    case .bert:
      Names(
        block: "encoder.layer.", q: "attention.self.query", k: "attention.self.key", v: "attention.self.value",
        projection: "attention.output.dense", fc1: "intermediate.dense", fc2: "output.dense")
    case .vit:
      Names(
        block: "encoder.layer.", q: "attention.attention.query", k: "attention.attention.key",
        v: "attention.attention.value", projection: "attention.output.dense", fc1: "intermediate.dense",
        fc2: "output.dense")
    case .dinov2:
      Names(
        block: "encoder.layer.", q: "attention.attention.query", k: "attention.attention.key",
        v: "attention.attention.value", projection: "attention.output.dense", fc1: "mlp.fc1", fc2: "mlp.fc2")
    case .whisper:
      Names(
        block: "encoder.layers.", q: "self_attn.q_proj", k: "self_attn.k_proj", v: "self_attn.v_proj",
        projection: "self_attn.out_proj", fc1: "fc1", fc2: "fc2")
    case .openAIWhisper:
      Names(
        block: "encoder.blocks.", q: "attn.query", k: "attn.key", v: "attn.value", projection: "attn.out",
        fc1: "mlp.0", fc2: "mlp.2")
    }
  }

  /// What stands before a block's number.
  var blockPrefix: String { names?.block ?? "blocks." }

  private static let prefixes = ["", "module.", "model.", "backbone.", "bert.", "vit.", "deit.", "dinov2.", "encoder."]

  /// The prefix before the blocks, where this layout's names are there.
  private func prefix(in tensors: [String: Tensor]) -> String? {
    Self.prefixes.first { prefix in
      guard let names else { return tensors[prefix + "blocks.0.attn.qkv.weight"] != nil }
      return [names.q, names.fc1].allSatisfy { tensors["\(prefix)\(names.block)0.\($0).weight"] != nil }
    }
  }

  func matches(_ tensors: [String: Tensor]) -> Bool { prefix(in: tensors) != nil }

  /// `blocks.N.<layer>.{weight,bias}` of every block; q, k and v stacked, a missing one of their biases as zeros.
  func timmNamed(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
    guard let prefix = prefix(in: tensors) else { return [:] }
    var result: [String: Tensor] = [:]
    func rename(_ source: String, _ target: String) {
      for part in [".weight", ".bias"] {
        if let tensor = tensors[source + part] { result[target + part] = tensor }
      }
    }
    var block = 0
    guard let names else {
      while tensors["\(prefix)blocks.\(block).attn.qkv.weight"] != nil {
        for layer in PathwayLayer.allCases {
          rename(prefix + layer.name(inBlock: block), layer.name(inBlock: block))
        }
        // BEiT and VideoMAE: K has no bias.
        let attention = "\(prefix)blocks.\(block).attn."
        if let q = tensors[attention + "q_bias"], let v = tensors[attention + "v_bias"] {
          let zeros = Tensor([Float](repeating: 0, count: q.count), shape: q.shape)
          result["blocks.\(block).attn.qkv.bias"] = try Self.stacked([q, zeros, v])
        }
        block += 1
      }
      return result
    }
    while case let source = "\(prefix)\(names.block)\(block).", tensors["\(source)\(names.q).weight"] != nil {
      let parts = [names.q, names.k, names.v].map { source + $0 }
      let weights = try parts.map { part in
        guard let tensor = tensors[part + ".weight"] else { throw PathwayError.missingAuxiliary(tensor: part + ".weight") }
        return tensor
      }
      result["blocks.\(block).attn.qkv.weight"] = try Self.stacked(weights)
      let biases = parts.map { tensors[$0 + ".bias"] }
      if let some = biases.compactMap({ $0 }).first {
        let zeros = Tensor([Float](repeating: 0, count: some.count), shape: some.shape)
        result["blocks.\(block).attn.qkv.bias"] = try Self.stacked(biases.map { $0 ?? zeros })
      }
      rename(source + names.projection, PathwayLayer.projection.name(inBlock: block))
      rename(source + names.fc1, PathwayLayer.fc1.name(inBlock: block))
      rename(source + names.fc2, PathwayLayer.fc2.name(inBlock: block))
      block += 1
    }
    return result
  }

  /// Rows of all `parts`, one below the other, as float32.
  private static func stacked(_ parts: [Tensor]) throws -> Tensor {
    guard let first = parts.first, let rows = first.shape.first else { return Tensor([], shape: [0]) }
    for part in parts where part.shape != first.shape {
      throw PathwayError.shapeMismatch(layer: "attn.qkv", target: first.shape, auxiliary: part.shape)
    }
    return Tensor(try parts.flatMap { try $0.float32() }, shape: [rows * parts.count] + first.shape.dropFirst())
  }
}
