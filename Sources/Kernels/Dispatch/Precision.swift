/// The format of a linear layer's operands. Sums, softmax, LayerNorm's statistics and the residual stream are float32 in
/// any; pathways are merged in float32 and rounded once, afterwards.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case float32
  /// Weights and activations in bfloat16, accumulated in float32.
  case bfloat16
  /// Weights by output channel and activations by token in int8, symmetric, accumulated exactly in 32 bits. Attention
  /// itself is bfloat16.
  case int8
}
