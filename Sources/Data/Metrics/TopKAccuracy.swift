/// The share of samples whose class is among the k highest scores.
public struct TopKAccuracy: Sendable, Equatable {
  /// Samples by the rank of their class, from 0.
  private var ranks: [Int]

  /// An accuracy without samples, for a model of `classCount` classes.
  public init(classCount: Int) { ranks = [Int](repeating: 0, count: classCount) }

  /// Counts a sample.
  ///
  /// - Parameters:
  ///   - scores: of every class. Of equal scores the lower class is first, as in `ClassScores.best(_:)`; NaN is last.
  ///   - actual: the sample's class.
  /// - Throws: `DataError.scoreCount`, `.classOutOfRange`; then the sample is not counted.
  public mutating func note(scores: some Collection<Float>, actual: Int) throws {
    try DataError.check(scores: scores.count, classCount: ranks.count)
    try DataError.check(class: actual, classCount: ranks.count)
    let scores = scores.map { $0.isNaN ? -.infinity : $0 }
    let own = scores[actual]
    ranks[scores.indices.count { scores[$0] > own || (scores[$0] == own && $0 < actual) }] += 1
  }

  /// Number of samples.
  public var total: Int { ranks.reduce(0, +) }

  /// Share of samples whose class is among the first `k`; NaN without samples.
  public func accuracy(_ k: Int) -> Double { Double(ranks.prefix(max(0, k)).reduce(0, +)) / Double(total) }
}
