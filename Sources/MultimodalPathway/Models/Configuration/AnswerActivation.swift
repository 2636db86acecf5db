import Foundation

/// How logits become the scores of an answer.
public enum AnswerActivation: String, Sendable {
  /// Probabilities of classes of which exactly one is right.
  case softmax
  /// A probability for every class by itself.
  case sigmoid
  /// The logits themselves, as of a regression.
  case none

  /// The score of every logit, in double; softmax subtracts the largest first.
  public func scores(_ logits: some Collection<Float>) -> [Double] {
    switch self {
    case .none: return logits.map(Double.init)
    case .sigmoid: return logits.map { 1 / (1 + exp(-Double($0))) }
    case .softmax:
      let top = Double(logits.max() ?? 0)
      let total = logits.reduce(0) { $0 + exp(Double($1) - top) }
      return logits.map { exp(Double($0) - top) / total }
    }
  }
}

extension VisionTransformerConfiguration {
  /// What makes scores of this model's logits.
  public var answerActivation: AnswerActivation {
    switch task {
    case .singleLabel: .softmax
    case .multiLabel: .sigmoid
    case .regression: .none
    }
  }

  /// The task that Hugging Face's configuration states, as its classification pipelines choose the function that they
  /// apply (transformers 5.24, pipelines/image_classification.py): nothing for `regression`, sigmoid for
  /// `multi_label_classification` and for one label whatever else is stated, softmax otherwise.
  ///
  /// The pipelines for sound and video apply softmax to one label too, which is 1 whatever the input: sigmoid here.
  mutating func readTask(_ object: JSONObject) throws {
    let problem = try object.string("problem_type")
    switch problem {
    case "regression": task = .regression
    case "multi_label_classification": task = .multiLabel
    case nil, "single_label_classification":
      if classCount == 1 { task = .multiLabel } else if problem != nil { task = .singleLabel }
    case let other?:
      throw ConfigurationError.unsupported(
        file: object.file, key: "problem_type", found: "\"\(other)\"",
        supported: "\"regression\", \"single_label_classification\", \"multi_label_classification\"")
    }
  }
}
