/// How a model with pathways is computed. All three give the same function; `folded` and `merged` give the same bits.
public enum PathwayExecution: String, Sendable, CaseIterable {
  /// `x W + sum_m lambda_m (x W'_m)`: every branch a product of its own, as the paper draws it.
  case twoBranch = "two-branch"
  /// `x (W + sum_m lambda_m W'_m)`, folded while weights are packed, in every forward pass; no copy of the weights is
  /// kept.
  case folded
  /// Folded once, at load.
  case merged
}
