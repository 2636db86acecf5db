import Foundation
import MultimodalPathway

/// A file's scores, summed over its views: clips, crops or windows.
struct Scores {
  let activation: AnswerActivation
  private(set) var views = 0
  private var scores: [Double]
  private var logits: [Double]

  init(_ c: VisionTransformerConfiguration) {
    activation = c.answerActivation
    scores = [Double](repeating: 0, count: c.classCount)
    logits = scores
  }

  /// False where a view's score is NaN or infinite; a sum of probabilities may hide an infinite one.
  var isFinite: Bool { (logits + scores).allSatisfy(\.isFinite) }

  mutating func add(_ values: ArraySlice<Float>) {
    for (index, score) in activation.scores(values).enumerated() { scores[index] += score }
    for (index, value) in values.enumerated() { logits[index] += Double(value) }
    views += 1
  }

  /// The classes of the highest scores, highest first; ties by logit, then by number.
  func best(_ count: Int, names: [String]?) -> [ScoredClass] {
    let order = logits.indices.sorted {
      (-scores[$0], -logits[$0], $0) < (-scores[$1], -logits[$1], $1)
    }
    return order.prefix(count).map { index in
      ScoredClass(
        index: index, label: names?[index] ?? "class \(index)", score: scores[index] / Double(views),
        logit: Float(logits[index] / Double(views)), isProbability: activation != .none)
    }
  }
}

/// One class of an answer.
struct ScoredClass: Encodable {
  var index: Int
  var label: String
  /// A probability, or the raw value of a regression.
  var score: Double
  var logit: Float
  var isProbability: Bool

  private enum CodingKeys: String, CodingKey { case index, label, probability, value, logit }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(index, forKey: .index)
    try container.encode(label, forKey: .label)
    try container.encode(score, forKey: isProbability ? .probability : .value)
    try container.encode(logit, forKey: .logit)
  }

  /// A line for people.
  var text: String {
    (isProbability ? String(format: "  %6.2f %%  ", score * 100) : String(format: "  %10.6g  ", score))
      + label.onOneLine(limit: longestLabel)
  }

  /// Columns of `csvHeader` after the file and the rank.
  var csvFields: [String] { ["\(index)", label, "\(score)", "\(logit)"] }

  static func csvHeader(_ activation: AnswerActivation) -> String {
    "file,rank,index,label,\(activation == .none ? "value" : "probability"),logit"
  }
}

extension VisionTransformerConfiguration {
  /// Names of the classes: the model's own, or those of the data set that its classes are known to be of, which is
  /// said on standard error.
  func classNames() -> [String]? {
    if let labels { return labels }
    guard let vocabulary else { return nil }
    report(
      "note: the classes have no names of their own; they are \(vocabulary.rawValue)'s by the name of the weights "
        + "(--labels FILE gives others)")
    return vocabulary.names
  }
}
