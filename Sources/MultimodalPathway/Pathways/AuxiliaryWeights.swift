import PathwayCheckpoints

/// The linear layers of an auxiliary transformer's blocks, under timm's names; the rest of its checkpoint plays no part.
public struct AuxiliaryWeights: Sendable {
  /// Number of blocks.
  public let depth: Int
  /// Heads, where the caller knows; no tensor tells.
  public let heads: Int?
  /// How its checkpoint names tensors.
  public let layout: AuxiliaryLayout
  /// `blocks.N.<layer>.weight` (out, in) and `.bias` (out), float32.
  private let tensors: [String: Tensor]

  /// Finds the blocks of a checkpoint in any layout of `AuxiliaryLayout`.
  ///
  /// - Throws: `PathwayError.unrecognizedAuxiliary`, `.missingAuxiliary`; `CheckpointError`.
  public init(checkpoint: Checkpoint, heads: Int? = nil) throws {
    guard let layout = AuxiliaryLayout.allCases.first(where: { $0.matches(checkpoint.tensors) }) else {
      throw PathwayError.unrecognizedAuxiliary(names: Array(checkpoint.tensors.keys.sorted().prefix(4)))
    }
    let named = try layout.timmNamed(checkpoint.tensors)
    var depth = 0
    while named["blocks.\(depth).attn.qkv.weight"] != nil { depth += 1 }
    for block in 0..<depth {
      for layer in PathwayLayer.allCases {
        let name = layer.name(inBlock: block) + ".weight"
        guard named[name] != nil else { throw PathwayError.missingAuxiliary(tensor: name) }
      }
    }
    // A block behind a gap would be cut off without a word.
    let last = checkpoint.tensors.keys.compactMap { name -> Int? in
      guard let range = name.range(of: layout.blockPrefix) else { return nil }
      return Int(name[range.upperBound...].prefix { $0.isNumber })
    }.max()
    if let last, last >= depth { throw PathwayError.missingAuxiliary(tensor: "blocks.\(depth).attn.qkv.weight") }
    self.depth = depth
    self.heads = heads
    self.layout = layout
    tensors = try named.mapValues { try $0.asFloat32() }
  }

  func weight(_ block: Int, _ layer: PathwayLayer) throws -> Tensor {
    let name = layer.name(inBlock: block) + ".weight"
    guard let tensor = tensors[name] else { throw PathwayError.missingAuxiliary(tensor: name) }
    return tensor
  }

  func bias(_ block: Int, _ layer: PathwayLayer) -> Tensor? { tensors[layer.name(inBlock: block) + ".bias"] }
}
