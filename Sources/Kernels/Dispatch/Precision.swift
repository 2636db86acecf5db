/// The format of a linear layer's operands. Sums, softmax, LayerNorm's statistics and the residual stream are float32
/// in any; pathways are merged in float32 and rounded once, afterwards.
public enum Precision: String, Sendable, CaseIterable, Codable {
  /// Weights and activations in float32.
  case float32
  /// Weights and activations in bfloat16, accumulated in float32.
  case bfloat16
  /// Weights in int8 by output channel, symmetric, and activations by token, across the range of its own numbers;
  /// accumulated exactly in 32 bits. Attention's own products are int8 too, of q, k and v in bfloat16.
  case int8

  /// What attention or fc1 stores for a layer of this format: int8 takes the range of a whole token, which is not known
  /// before all of it is stored.
  package var handedOn: Precision { self == .float32 ? .float32 : .bfloat16 }
}
