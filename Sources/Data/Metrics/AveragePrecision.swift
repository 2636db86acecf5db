/// Average precision of multi-label classifiers, the measure of AudioSet.
///
/// A class's average precision is the sum over thresholds of (R_n - R_{n-1}) P_n: recall R and precision P of the
/// samples whose score is at least the n-th largest. Equal scores share a threshold (scikit-learn's
/// `average_precision_score`). NaN counts as the lowest score.
public struct AveragePrecision: Sendable, Equatable {
  /// Scores by class, then by sample.
  private var scores: [[Float]]
  /// Whether the class is right, in the same order.
  private var labels: [[Bool]]

  /// Without samples, for `classCount` classes.
  public init(classCount: Int) {
    scores = [[Float]](repeating: [], count: classCount)
    labels = [[Bool]](repeating: [], count: classCount)
  }

  /// Counts a sample: a score for each class, and the classes that are right.
  ///
  /// - Throws: `DataError.scoreCount`, `.classOutOfRange`; then the sample is not counted.
  public mutating func note(scores sample: some Collection<Float>, actual: Set<Int>) throws {
    try DataError.check(scores: sample.count, classCount: scores.count)
    for index in actual.sorted() { try DataError.check(class: index, classCount: scores.count) }
    for (index, score) in sample.enumerated() {
      scores[index].append(score.isNaN ? -.infinity : score)
      labels[index].append(actual.contains(index))
    }
  }

  /// The average precision of a class, an index below `classCount`; nil if it is right for no sample.
  ///
  /// - Complexity: O(samples log samples).
  public func callAsFunction(_ index: Int) -> Double? {
    let (scores, labels) = (scores[index], labels[index])
    let positives = labels.count { $0 }
    guard positives > 0 else { return nil }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var (sum, seen, right, rightBefore) = (0.0, 0, 0, 0)
    for (place, sample) in order.enumerated() {
      seen += 1
      if labels[sample] { right += 1 }
      let isLast = place + 1 == order.count || scores[order[place + 1]] != scores[sample]
      guard isLast else { continue }
      sum += Double(right - rightBefore) / Double(positives) * (Double(right) / Double(seen))
      rightBefore = right
    }
    return sum
  }

  /// The mean over the classes that are right for at least one sample; NaN if there are none.
  public var mean: Double {
    let values = scores.indices.compactMap { self($0) }
    return values.reduce(0, +) / Double(values.count)
  }
}
