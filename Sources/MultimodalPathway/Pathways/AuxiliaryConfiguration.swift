import Foundation
import PathwayCheckpoints

/// What the `config.json` of an auxiliary, next to its weights or in their metadata, says that no tensor does.
struct AuxiliaryConfiguration {
  private let object: JSONObject

  /// Nil if absent.
  init?(at url: URL, of checkpoint: Checkpoint) throws {
    guard let (text, name) = try ModelLocation(url).configuration(of: checkpoint) else { return nil }
    object = try JSONObject(parsing: text, file: name)
  }

  /// Heads of the transformer under `prefix`; pairs of towers have a configuration each.
  func heads(under prefix: String) throws -> Int? {
    if let architecture = try object.string("architecture") {
      return try object.object("model_args")?.integer("num_heads")
        ?? (try? VisionTransformerConfiguration.preset(architecture))?.heads
    }
    let parts = prefix.split(separator: ".")
    for (word, key) in [("vi", "vision_config"), ("text", "text_config"), ("audio", "audio_config")] {
      guard parts.contains(where: { $0.hasPrefix(word) }), let tower = try object.object(key) else { continue }
      return try Self.heads(tower)
    }
    return try Self.heads(object)
  }

  private static func heads(_ object: JSONObject) throws -> Int? {
    // BERT's and most; BART's and Whisper's; DistilBERT's; T5's.
    for key in ["num_attention_heads", "encoder_attention_heads", "n_heads", "num_heads"] {
      if let heads = try object.integer(key) { return heads }
    }
    return nil
  }

  /// A yes or no; nil where it is not stated.
  func boolean(_ key: String) throws -> Bool? { try object.boolean(key) }

  /// The stored block of every block of a layout whose blocks are used several times: ALBERT's groups have the same
  /// number of layers each. Nil where it is not stated, or the layout shares none.
  ///
  /// - Throws: `ConfigurationError.badValue`.
  func sharedBlocks(_ layout: CheckpointLayout, stored: Int) throws -> [Int]? {
    guard layout.sharesBlocks, let depth = try object.integer("num_hidden_layers") else { return nil }
    guard (stored...1 << 10).contains(depth) else {
      throw object.badValue(
        "num_hidden_layers", expected: "\(stored)...\(1 << 10): the file has \(stored) groups of layers")
    }
    // transformers/models/albert/modeling_albert.py: int(index / (layers / groups)).
    return (0..<depth).map { min(stored - 1, Int(Double($0) / (Double(depth) / Double(stored)))) }
  }
}

extension CheckpointLayout {
  /// Whether an auxiliary's norms come after its layers; `tensors` are without prefix.
  func isPostNorm(_ tensors: [String: Tensor], _ stated: AuxiliaryConfiguration?) throws -> Bool {
    switch norms {
    case .before: return false
    case .after: return true
    case .afterUnless(let signs, let key):
      if let key, let comesFirst = try stated?.boolean(key) { return !comesFirst }
      // ESM is written with the names that norms have in TensorFlow.
      return !signs.contains { sign in
        tensors[sign] != nil
          || sign.hasSuffix(".weight") && tensors[sign.dropLast("weight".count) + "gamma"] != nil
      }
    }
  }

  /// Heads that a tensor tells: a bias of relative positions has one value a head.
  func storedHeads(_ tensors: [String: Tensor]) -> Int? {
    guard let headTensor, let shape = tensors[headTensor.name]?.shape, shape.indices.contains(headTensor.axis) else {
      return nil
    }
    return shape[headTensor.axis]
  }

  /// Heads that models of this layout and width have; most families have no such rule.
  func conventionalHeads(width: Int, _ tensors: [String: Tensor]) -> Int? {
    guard case .channels64(let exceptions, let sign) = heads, sign.map({ tensors[$0] != nil }) ?? true else {
      return nil
    }
    if let heads = exceptions[width] { return heads > 0 ? heads : nil }
    return width > 0 && width % 64 == 0 ? width / 64 : nil
  }
}
