/// How often samples of one class were taken for another.
public struct ConfusionMatrix: Sendable, Equatable {
  /// Names of the classes, by index.
  public let classes: [String]
  /// Samples by true class, then by predicted class.
  public private(set) var counts: [[Int]]

  /// A matrix without samples.
  public init(classes: [String]) {
    self.classes = classes
    counts = classes.map { _ in classes.map { _ in 0 } }
  }

  /// Counts a sample; both are indices of `classes`.
  public mutating func note(actual: Int, predicted: Int) { counts[actual][predicted] += 1 }

  /// Samples counted.
  public var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }
  /// Samples taken for what they are.
  public var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  /// Share of samples taken for what they are; NaN without samples.
  public var accuracy: Double { Double(correct) / Double(total) }
}
