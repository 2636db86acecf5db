/// What ratios of times, taken in pairs and in turns, say about two builds.
///
/// The interval is the sign test's: for a median m, each ratio lies above m or below with even chances, whatever the
/// distribution; between the k-th smallest and the k-th largest of n ratios m lies with probability
/// 1 - 2 P(Binomial(n, 1/2) < k). No ratio's size enters it: one pass beside a neighbour's burst weighs as much as any.
public struct PairedRatios: Sendable, Encodable {
  public enum Verdict: String, Sendable, Encodable {
    case equal, slower, faster
    /// The pairs say none of these: too few, or too noisy.
    case undecided
  }

  public let median: Double
  /// The interval's ends; 0 and infinity where there are too few ratios for the confidence.
  public let low: Double
  public let high: Double

  /// - Parameters:
  ///   - ratios: second over first, one or more.
  ///   - confidence: that the interval holds the median, 0..<1; it is at least that.
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

  /// Slower or faster where the whole interval lies on one side of 1 and the median differs from 1 by more than
  /// `effect`; equal where the whole interval, or else the median inside an interval that leaves out 1, differs by
  /// less.
  public func verdict(effect: Double) -> Verdict {
    if low > 1, median > 1 + effect { return .slower }
    if high < 1, median < 1 - effect { return .faster }
    let isNarrow = low >= 1 - effect && high <= 1 + effect
    return isNarrow || low > 1 || high < 1 ? .equal : .undecided
  }
}
