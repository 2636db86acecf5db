/// The four linear layers of a block that a pathway can join, with timm's names.
public enum PathwayLayer: String, Sendable, CaseIterable {
  /// (3C, C): queries, keys and values, fused; one scale for all three.
  case qkv = "attn.qkv"
  /// (C, C)
  case projection = "attn.proj"
  /// (M, C)
  case fc1 = "mlp.fc1"
  /// (C, M)
  case fc2 = "mlp.fc2"

  /// `blocks.N.attn.qkv` and so on: how scales are named.
  public func name(inBlock block: Int) -> String { "blocks.\(block).\(rawValue)" }
}

/// What becomes of the bias of a joined layer.
public enum PathwayBias: String, Sendable, CaseIterable {
  /// `b_hat = b`, as in the paper's released code.
  case target
  /// `b_hat = b + lambda b'`, wherever both have one. An auxiliary without a bias adds none; a target without one
  /// cannot take the auxiliary's (`PathwayError.biasMissing`), since its merged checkpoint would have another layout.
  /// Where the target has biases of queries and values alone, the auxiliary's key bias is left out: it adds the same to
  /// all of a query's scores, which softmax cancels.
  case combined
}
