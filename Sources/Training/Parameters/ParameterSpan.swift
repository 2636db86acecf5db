import MultimodalPathway

/// One tensor of a training run: where its numbers are in the run's arenas, and how training changes them.
public struct ParameterSpan: Sendable, Hashable {
  /// A layer of the target that an auxiliary is joined to.
  public struct JoinedLayer: Sendable, Hashable {
    /// The auxiliary's place in the order of attaching.
    public let pathway: Int
    /// The target's block.
    public let block: Int
    /// The layer of the block.
    public let layer: PathwayLayer
  }

  /// What the tensor belongs to.
  public enum Owner: Sendable, Hashable {
    /// The target.
    case target
    /// An auxiliary: its weight, or its bias, of a joined layer.
    case auxiliary(JoinedLayer, isBias: Bool)
    /// A joined layer; the tensor is one number, lambda.
    case scale(JoinedLayer)
  }

  /// Unique in a table: timm's name; of an auxiliary, `auxiliaries.0.` and the name of the target's tensor that it is
  /// joined to; of a scale, `scales.0.` and the layer's name.
  public let name: String
  /// Rows first; empty for a scale.
  public let shape: [Int]
  /// What the tensor belongs to.
  public let owner: Owner
  /// The place of its first number in the arena of values, in floats. Of the target's tensors, also in the arena of
  /// gradients.
  public let offset: Int
  /// The place of its first number in the arenas of moments, in floats; nil: the tensor is frozen.
  public let momentOffset: Int?
  /// Whether weight decay applies: to matrices and kernels alone.
  public let decays: Bool
  /// Its layer for the decay of learning rates, from 0 for the tokenizer, as in timm.
  public let layer: Int

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Whether training changes it.
  public var trains: Bool { momentOffset != nil }
  /// Whether it is a scale of a pathway.
  public var isScale: Bool {
    if case .scale = owner { return true }
    return false
  }
}
