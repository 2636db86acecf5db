/// A comparison of two builds by the ratios of interleaved pairs of times.
///
/// The interval is that of the sign test. Each ratio is above or below the median m with equal probability, whatever
/// the distribution, so m is between the k-th smallest and the k-th largest of n ratios with probability
/// 1 - 2 P(Binomial(n, 1/2) < k). The sizes of ratios do not matter: an outlier counts as any other ratio.
public struct PairedRatios: Sendable, Encodable {
  public enum Verdict: String, Sendable, Encodable {
    case equal, slower, faster
    /// The pairs do not decide: they are too few, or too noisy.
    case undecided
  }

  public let median: Double
  /// The ends of the interval; 0 and infinity if the ratios are too few for the confidence.
  public let low: Double
  public let high: Double

  /// - Parameters:
  ///   - ratios: second over first, one or more.
  ///   - confidence: the least probability that the interval contains the median, 0..<1.
  public init(_ ratios: [Double], confidence: Double) {
    let sorted = ratios.sorted()
    let count = sorted.count
    median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    // P(Binomial(n, 1/2) = i), from i = 0 upwards.
    var probability = 1.0
    for _ in 0..<count { probability /= 2 }
    var below = 0.0
    var rank = 0
    while rank < (count + 1) / 2, 2 * (below + probability) <= 1 - confidence {
      below += probability
      probability *= Double(count - rank) / Double(rank + 1)
      rank += 1
    }
    (low, high) = rank > 0 ? (sorted[rank - 1], sorted[count - rank]) : (0, .infinity)
  }

  /// Slower or faster if the whole interval is on one side of 1 and the median differs from 1 by more than `effect`;
  /// equal if the whole interval differs by less, or the interval excludes 1 and the median differs by less.
  public func verdict(effect: Double) -> Verdict {
    if low > 1, median > 1 + effect { return .slower }
    if high < 1, median < 1 - effect { return .faster }
    let isNarrow = low >= 1 - effect && high <= 1 + effect
    return isNarrow || low > 1 || high < 1 ? .equal : .undecided
  }
}
