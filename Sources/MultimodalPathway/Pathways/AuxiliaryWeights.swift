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
  /// Heads, as far as they are known: few models have a tensor that tells.
  public let heads: Int?
  /// Whether `heads` is not stated anywhere but what models of this kind and width have.
  public let headsAreAssumed: Bool
  /// How its checkpoint names tensors.
  public let layout: CheckpointLayout
  /// What its names begin with.
  public let prefix: String
  /// The key that it was chosen by, where the file has several sets of weights.
  let chosenKey: String?
  /// Whether its norms come after the layers and their residuals.
  public let isPostNorm: Bool
  /// Tensors without a part in a pathway: embeddings, norms, heads, decoders.
  public let ignored: [String]
  /// Files that the tensors came from, in reading order.
  public let files: [URL]
  /// Choices between several readings of the files that were made while loading, a sentence each, for a person to see.
  public let notes: [String]
  /// `blocks.N.<layer>.weight` (out, in) and `.bias` (out), float32.
  private let tensors: [String: Tensor]
  /// The stored block of each block: its own number, but where blocks are shared.
  private let storedBlocks: [Int]

  /// Finds the blocks of a checkpoint in any layout of `CheckpointLayout`.
  ///
  /// - Parameters:
  ///   - heads: its number of heads, where the caller knows.
  /// - Throws: `CheckpointLayoutError`; `PathwayError.missingAuxiliary`, `.auxiliaryShape`; `CheckpointError`.
  /// - Complexity: float32 tensors are not copied, except query, key and value where they are separate.
  public init(checkpoint: Checkpoint, heads: Int? = nil) throws {
    try self.init(checkpoint, heads: heads, stated: nil)
  }

  /// Loads an auxiliary; where a `config.json` is next to its weights, heads, norm order and the number of shared
  /// blocks are taken from there.
  ///
  /// - Parameters:
  ///   - heads: overrules the configuration.
  ///   - weights: which of several sets of weights, or of several transformers such as CLIP's `vision_model`
  ///     (`Checkpoint.init(contentsOf:weights:)`).
  /// - Throws: `ConfigurationError`; `CheckpointLayoutError`; `PathwayError.missingAuxiliary`, `.auxiliaryShape`;
  ///   `CheckpointError`.
  public init(modelAt url: URL, heads: Int? = nil, weights: String? = nil) throws {
    let checkpoint = try Checkpoint(contentsOf: url, weights: weights)
    try self.init(checkpoint, heads: heads, stated: AuxiliaryConfiguration(at: url, of: checkpoint))
  }

  private init(
    _ checkpoint: Checkpoint, heads: Int?, stated: AuxiliaryConfiguration?
  ) throws {
    let reading = try LayoutReading(checkpoint.tensors)
    guard let match = reading.match else {
      throw CheckpointLayoutError.unrecognized(names: Array(checkpoint.tensors.keys.sorted().prefix(4)))
    }
    let all = reading.renamed.tensors
    var named = all
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
    width = kept[PathwayLayer.fc1.name(inBlock: 0) + ".weight"]?.shape[1] ?? 0
    hiddenWidth = kept[PathwayLayer.fc1.name(inBlock: 0) + ".weight"]?.shape[0] ?? 0
    layout = match.layout
    prefix = match.prefix
    chosenKey = checkpoint.metadata[Checkpoint.chosenKey]
    var notes = checkpoint.notes + reading.notes
    let shared = try stated?.sharedBlocks(match.layout, stored: depth)
    let isStated = shared != nil
    storedBlocks = shared ?? Array(0..<depth)
    self.depth = storedBlocks.count
    if match.layout.sharesBlocks {
      notes.append(
        "the auxiliary (\(match.layout.title)) uses each of its \(depth) stored blocks several times: "
          + (isStated
            ? "\(storedBlocks.count) blocks in all, as its configuration says"
            : "no config.json says how often; pair them with a block map, such as 0:0,1:0,2:0"))
    }
    let stacks = CheckpointLayout.unusedStacks(
      checkpoint.tensors.filter { reading.outside.contains($0.key) }, named, used: match.layout.names.block)
    if !stacks.isEmpty {
      notes.append(
        "the auxiliary (\(match.layout.title)) is the transformer under '\(match.prefix)'; other blocks, under "
          + "\(stacks.map { "'\($0)'" }.joined(separator: ", ")), play no part")
    }
    if try stated?.boolean("is_decoder") == true {
      notes.append("the auxiliary's configuration has is_decoder: it was trained to see only what comes before")
    }
    self.notes = notes
    isPostNorm = try match.layout.isPostNorm(all, stated)
    let known = try heads ?? stated?.heads(under: match.prefix) ?? match.layout.storedHeads(all)
    let conventional = match.layout.conventionalHeads(width: width, all)
    self.heads = known ?? conventional
    headsAreAssumed = known == nil && conventional != nil
    ignored = (named.keys + reading.outside).sorted()
    files = checkpoint.files
    tensors = kept
  }

  /// W', (out, in), of a block and layer.
  ///
  /// - Throws: `PathwayError.missingAuxiliary` for a block that the auxiliary does not have.
  public func weight(_ block: Int, _ layer: PathwayLayer) throws -> Tensor {
    let name = layer.name(inBlock: stored(block)) + ".weight"
    guard let tensor = tensors[name] else { throw PathwayError.missingAuxiliary(tensor: name) }
    return tensor
  }

  /// b', (out), where the auxiliary has one.
  public func bias(_ block: Int, _ layer: PathwayLayer) -> Tensor? {
    tensors[layer.name(inBlock: stored(block)) + ".bias"]
  }

  private func stored(_ block: Int) -> Int { storedBlocks.indices.contains(block) ? storedBlocks[block] : block }

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
}
