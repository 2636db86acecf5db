import PathwayKernels
import PathwayLoops

/// NaN in, NaN out: what a pass makes of tokens that are not finite is NaN in every format.
///
/// In float32 and bfloat16 that is so by IEEE 754's rules. Rounding to int8, maxima and ReLU can make a number of NaN
/// again; but the residual stream, float32 always, keeps it. It is read once more: 0.6 MB for ViT-B's 197 tokens.
extension VisionTransformer {
  /// Whether a model has anything that can make a number of NaN.
  static func hidesNotFinite(_ c: VisionTransformerConfiguration, _ precision: PrecisionPlan) -> Bool {
    if c.points != nil { return true }
    switch c.reduction {
    case .maximum, .tokenAndMaximum, .averageMaximum: return true
    default: break
    }
    return (0..<c.depth).contains { block in
      PathwayLayer.allCases.contains { precision[block, $0] == .int8 }
    }
  }

  /// Makes the pooled features and logits of those images NaN whose residual stream, `w.x`, is not finite.
  func carryNotFinite(_ w: Workspace.Buffers) {
    guard hidesNotFinite else { return }
    let c = configuration
    for image in 0..<w.batch {
      let rows = w.x + image * w.tokens * w.stride
      let isFinite = (0..<w.tokens).allSatisfy { FiniteScan.allFinite(rows + $0 * w.stride, count: c.width) }
      if isFinite { continue }
      (w.pooled + image * w.pooledStride).update(repeating: .nan, count: c.pooledWidth)
      if c.classCount > 0 { (w.logits + image * c.answerCount).update(repeating: .nan, count: c.answerCount) }
    }
  }
}
