import Foundation
import PathwayCheckpoints

/// The linear layers of an auxiliary transformer's blocks, under timm's names; the rest of its checkpoint plays no
/// part.
public struct AuxiliaryWeights: Sendable {
  /// Number of blocks.
  public let depth: Int
  /// C: channels.
  public let width: Int
  /// M: hidden width of the MLP.
  public let hiddenWidth: Int
  /// Heads, as far as they are known: no tensor tells.
  public let heads: Int?
  /// Whether `heads` is not stated anywhere but what models of this kind and width have.
  public let headsAreAssumed: Bool
  /// How its checkpoint names tensors.
  public let layout: CheckpointLayout
  /// Tensors without a part in a pathway: embeddings, norms, heads, decoders.
  public let ignored: [String]
  /// Files that the tensors came from, in reading order.
  public let files: [URL]
  /// Choices between several readings of the files that were made while loading, a sentence each, for a person to see.
  public let notes: [String]
  /// `blocks.N.<layer>.weight` (out, in) and `.bias` (out), float32.
  private let tensors: [String: Tensor]

  /// Finds the blocks of a checkpoint in any layout of `CheckpointLayout`.
  ///
  /// - Parameter heads: its number of heads, where the caller knows.
  /// - Throws: `CheckpointLayoutError`; `PathwayError.missingAuxiliary`, `.auxiliaryShape`; `CheckpointError`.
  /// - Complexity: float32 tensors are not copied, except query, key and value where they are separate.
  public init(checkpoint: Checkpoint, heads: Int? = nil) throws {
    guard let match = try CheckpointLayout.detect(checkpoint.tensors.keys) else {
      throw CheckpointLayoutError.unrecognized(names: Array(checkpoint.tensors.keys.sorted().prefix(4)))
    }
    var named = try match.layout.renamed(checkpoint.tensors, prefix: match.prefix)
    let blocks = named.keys.compactMap { name in
      name.hasPrefix("blocks.") ? Int(name.dropFirst("blocks.".count).prefix { $0 != "." }) : nil
    }
    // A limit as for targets: block numbers are text in a file.
    let depth = min(blocks.max() ?? 0, 1 << 10) + 1
    var kept: [String: Tensor] = [:]
    for block in 0..<depth {
      for layer in PathwayLayer.allCases {
        let name = layer.name(inBlock: block)
        guard let weight = named.removeValue(forKey: name + ".weight") else {
          throw PathwayError.missingAuxiliary(tensor: name + ".weight")
        }
        guard weight.shape.count == 2, weight.count > 0 else {
          throw PathwayError.auxiliaryShape(tensor: name + ".weight", expected: "(rows, columns)", found: weight.shape)
        }
        kept[name + ".weight"] = try weight.asFloat32()
        guard let bias = try Self.bias(of: layer, block, rows: weight.shape[0], &named) else { continue }
        guard bias.shape == [weight.shape[0]] else {
          throw PathwayError.auxiliaryShape(tensor: name + ".bias", expected: "[\(weight.shape[0])]", found: bias.shape)
        }
        kept[name + ".bias"] = try bias.asFloat32()
      }
    }
    self.depth = depth
    width = kept[PathwayLayer.fc1.name(inBlock: 0) + ".weight"]?.shape[1] ?? 0
    hiddenWidth = kept[PathwayLayer.fc1.name(inBlock: 0) + ".weight"]?.shape[0] ?? 0
    layout = match.layout
    let conventional = Self.conventionalHeads(match.layout, width: width, named)
    self.heads = heads ?? conventional
    headsAreAssumed = heads == nil && conventional != nil
    ignored = named.keys.sorted()
    files = checkpoint.files
    notes = checkpoint.notes
    tensors = kept
  }

  /// Loads an auxiliary; where a `config.json` is beside its weights, its number of heads is taken from there.
  ///
  /// - Parameters:
  ///   - heads: overrules the configuration.
  ///   - weights: which of several sets of weights in the file, by its key (`Checkpoint.init(contentsOf:weights:)`).
  public init(modelAt url: URL, heads: Int? = nil, weights: String? = nil) throws {
    let checkpoint = try Checkpoint(contentsOf: url, weights: weights)
    try self.init(checkpoint: checkpoint, heads: try heads ?? Self.statedHeads(at: url, checkpoint))
  }

  /// W', (out, in), of a block and layer.
  public func weight(_ block: Int, _ layer: PathwayLayer) throws -> Tensor {
    let name = layer.name(inBlock: block) + ".weight"
    guard let tensor = tensors[name] else { throw PathwayError.missingAuxiliary(tensor: name) }
    return tensor
  }

  /// b', (out), where the auxiliary has one.
  public func bias(_ block: Int, _ layer: PathwayLayer) -> Tensor? { tensors[layer.name(inBlock: block) + ".bias"] }

  /// A layer's bias, taken out of `named`; separate biases of queries and values (BEiT, VideoMAE) become (3C) with
  /// zeros for keys.
  private static func bias(
    of layer: PathwayLayer, _ block: Int, rows: Int, _ named: inout [String: Tensor]
  ) throws -> Tensor? {
    if let bias = named.removeValue(forKey: layer.name(inBlock: block) + ".bias") { return bias }
    guard layer == .qkv else { return nil }
    let q = named.removeValue(forKey: "blocks.\(block).attn.q_bias")
    let v = named.removeValue(forKey: "blocks.\(block).attn.v_bias")
    guard let q, let v else {
      guard q == nil, v == nil else {
        throw PathwayError.missingAuxiliary(tensor: "blocks.\(block).attn.\(q == nil ? "q" : "v")_bias")
      }
      return nil
    }
    for (name, tensor) in [("q_bias", q), ("v_bias", v)] where tensor.shape != [rows / 3] {
      throw PathwayError.auxiliaryShape(
        tensor: "blocks.\(block).attn.\(name)", expected: "[\(rows / 3)]", found: tensor.shape)
    }
    let zeros = [Float](repeating: 0, count: rows - 2 * (rows / 3))
    return Tensor(try q.float32() + zeros + v.float32(), shape: [rows])
  }

  /// Heads of 64 channels, as Whisper and BERT have throughout; but of 32 in the 384 wide BERTs that are in use (MiniLM
  /// and what descends from it). Other families have no such rule.
  private static func conventionalHeads(_ layout: CheckpointLayout, width: Int, _ named: [String: Tensor]) -> Int? {
    switch layout {
    case .bert: width == 384 ? 12 : width % 64 == 0 ? width / 64 : nil
    case .whisper, .openAIWhisper: width % 64 == 0 ? width / 64 : nil
    // Whisper's encoder under timm's names keeps its two convolutions.
    case .timm: named["conv1.weight"] != nil && width % 64 == 0 ? width / 64 : nil
    default: nil
    }
  }

  /// What the configuration beside a checkpoint, or in its metadata, says.
  private static func statedHeads(at url: URL, _ checkpoint: Checkpoint) throws -> Int? {
    guard let (text, name) = try ModelLocation(url).configuration(of: checkpoint) else { return nil }
    let object = try JSONObject(parsing: text, file: name)
    if let architecture = try object.string("architecture") {
      return try object.object("model_args")?.integer("num_heads")
        ?? (try? VisionTransformerConfiguration.preset(architecture))?.heads
    }
    return try object.integer("num_attention_heads") ?? object.integer("encoder_attention_heads")
  }
}
