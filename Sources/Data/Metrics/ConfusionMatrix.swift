/// Numbers of samples by true and by predicted class.
public struct ConfusionMatrix: Sendable, Equatable {
  /// Names of the classes.
  public let classes: [String]
  /// Samples by true class, then by predicted class.
  public private(set) var counts: [[Int]]

  /// A matrix without samples.
  public init(classes: [String]) {
    self.classes = classes
    counts = classes.map { _ in classes.map { _ in 0 } }
  }

  /// A matrix of samples; `actual` and `predicted` are indices of `classes`, one for each sample.
  ///
  /// - Throws: `DataError.predictionCount`, `.classOutOfRange`.
  public init(classes: [String], actual: [Int], predicted: [Int]) throws {
    self.init(classes: classes)
    try DataError.check(predictions: predicted.count, labels: actual.count)
    for (actual, predicted) in zip(actual, predicted) { try note(actual: actual, predicted: predicted) }
  }

  /// Counts a sample; both are indices of `classes`.
  ///
  /// - Throws: `DataError.classOutOfRange`; then the sample is not counted.
  public mutating func note(actual: Int, predicted: Int) throws {
    for index in [actual, predicted] { try DataError.check(class: index, classCount: classes.count) }
    counts[actual][predicted] += 1
  }

  /// Number of samples.
  public var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }
  /// Number of samples whose prediction is right.
  public var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  /// Share of samples whose prediction is right; NaN without samples.
  public var accuracy: Double { Double(correct) / Double(total) }
}
