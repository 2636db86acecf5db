import Foundation
import MultimodalPathway
import PathwayData

/// A class of an answer as JSON, as text and as CSV.
extension ScoredClass: Encodable {
  private enum CodingKeys: String, CodingKey { case index, label, probability, value, logit }

  public func encode(to encoder: any Encoder) throws {
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

extension ClassNames {
  /// The names that `--labels` asks for; without it the model's own, or those of the data set that its classes are
  /// known to be of, which is said on standard error.
  static func chosen(_ labels: String?, _ c: VisionTransformerConfiguration) throws -> [String]? {
    guard let labels else {
      if c.labels == nil, let vocabulary = c.vocabulary {
        report(
          "note: the classes have no names of their own; they are \(vocabulary.rawValue)'s by the name of the weights "
            + "(--labels FILE gives others)")
      }
      return c.classNames
    }
    do {
      return try named(labels, count: c.classCount)
    } catch .vocabulary(let name, let found, let expected) {
      throw ToolError("--labels \(TableError.vocabulary(name: name, found: found, expected: expected))")
    }
  }
}
