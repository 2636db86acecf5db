import PathwayCases
import Testing

/// The statistics of perf/compare-revisions.
@Suite struct PairedRatiosTests {
  @Test func intervalsAreTheSignTests() {
    // n = 20: P(X < 4) = 1351 / 2^20, so ranks 4 and 17 enclose the median with 99.74 %.
    let ratios = (1...20).map(Double.init).shuffled()
    let paired = PairedRatios(ratios, confidence: 0.99)
    #expect(paired.median == 10.5 && paired.low == 4 && paired.high == 17)
    #expect(2.0 * 1351 / 1_048_576 < 0.01)
    let exact = PairedRatios(ratios, confidence: 1 - 2.0 * 1351 / 1_048_576)
    #expect(exact.low == 4)
    let stricter = PairedRatios(ratios, confidence: 1 - 2.0 * 1350 / 1_048_576)
    #expect(stricter.low == 3 && stricter.high == 18)
  }

  @Test func tooFewRatiosDoNotDecide() {
    let paired = PairedRatios([2, 2, 2, 2, 2], confidence: 0.99)
    #expect(paired.low == 0 && paired.high == .infinity && paired.median == 2)
    #expect(paired.verdict(effect: 0.02) == .undecided)
  }

  @Test(arguments: [1, 2, 3, 8, 9, 101])
  func ranksStayInside(_ count: Int) {
    let paired = PairedRatios((0..<count).map(Double.init), confidence: 0)
    #expect(paired.low <= paired.median && paired.median <= paired.high)
  }

  @Test func verdictsNeedTheIntervalAndTheEffect() {
    let slower = PairedRatios([Double](repeating: 1.05, count: 20), confidence: 0.99)
    #expect(slower.verdict(effect: 0.02) == .slower)
    #expect(slower.verdict(effect: 0.06) == .equal)
    let faster = PairedRatios([Double](repeating: 0.95, count: 20), confidence: 0.99)
    #expect(faster.verdict(effect: 0.02) == .faster)
    // A median of 1.05 with an interval that extends below 1.
    let noisy = PairedRatios([0.9, 0.9, 0.9, 0.9, 0.9, 0.9] + [Double](repeating: 1.05, count: 14), confidence: 0.99)
    #expect(noisy.verdict(effect: 0.02) == .undecided)
    // One outlier changes nothing.
    let outlier = PairedRatios([1000] + [Double](repeating: 1, count: 19), confidence: 0.99)
    #expect(outlier.verdict(effect: 0.02) == .equal && outlier.high == 1)
  }
}
