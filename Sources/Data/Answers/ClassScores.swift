import MultimodalPathway

/// The scores of a file for the classes of a model: means over its views (clips, crops or windows).
public struct ClassScores: Sendable {
  /// The task of the model, which decides how logits become scores.
  public let activation: AnswerActivation
  /// Names of the classes; nil if they have none.
  public let names: [String]?
  /// Number of views that were added.
  public private(set) var viewCount = 0
  /// Sums over views, by class.
  private var scores: [Double]
  private var logits: [Double]

  /// Scores without views, for the classes of a model.
  public init(_ c: VisionTransformerConfiguration, names: [String]? = nil) {
    activation = c.answerActivation
    self.names = names
    scores = [Double](repeating: 0, count: c.classCount)
    logits = scores
  }

  /// Whether the scores of all views are finite; a sum of probabilities may hide an infinite logit.
  public var isFinite: Bool { (logits + scores).allSatisfy(\.isFinite) }

  /// Adds a view by its logits, one for each class.
  public mutating func add(_ view: some Collection<Float>) {
    for (index, score) in activation.scores(view).enumerated() { scores[index] += score }
    for (index, value) in view.enumerated() { logits[index] += Double(value) }
    viewCount += 1
  }

  /// The classes with the highest scores, highest first; equal scores are ordered by logit, then by class number.
  public func best(_ count: Int) -> [ScoredClass] {
    let order = logits.indices.sorted {
      (-scores[$0], -logits[$0], $0) < (-scores[$1], -logits[$1], $1)
    }
    return order.prefix(max(0, count)).map { index in
      ScoredClass(
        index: index, label: names?[index] ?? "class \(index)", score: scores[index] / Double(viewCount),
        logit: Float(logits[index] / Double(viewCount)), isProbability: activation != .none)
    }
  }
}

/// One class of an answer.
public struct ScoredClass: Sendable, Hashable {
  /// Its number, from 0.
  public let index: Int
  /// Its name, or `class 7` if it has none.
  public let label: String
  /// A probability, or the raw value of a regression.
  public let score: Double
  /// The output of the model before the activation.
  public let logit: Float
  /// Whether `score` is a probability.
  public let isProbability: Bool
}
