import ArgumentParser
import Foundation
import MultimodalPathway

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what pictures, videos and point clouds show: the most likely classes.")

  @OptionGroup var input: ModelInput
  @Option(name: .customLong("top-k"), help: "Classes of an answer.") var topK = 5
  @Flag(help: "JSON on standard output.") var json = false

  /// A file's scores, summed over its views.
  private struct Sums {
    var probabilities: [Double]
    var logits: [Double]
    var views = 0.0

    mutating func add(_ values: ArraySlice<Float>) {
      let top = Double(values.max() ?? 0)
      let total = values.reduce(0) { $0 + exp(Double($1) - top) }
      for (index, value) in values.enumerated() {
        probabilities[index] += exp(Double(value) - top) / total
        logits[index] += Double(value)
      }
      views += 1
    }
  }

  private struct Answer: Encodable {
    struct Class: Encodable {
      var index: Int
      var label: String
      var probability: Double
      var logit: Float
    }
    var image: String
    var classes: [Class]
  }

  func validate() throws {
    if topK < 1 { throw ValidationError("--top-k takes a number from 1.") }
  }

  func run() throws {
    let model = try input.options.load()
    let c = model.configuration
    guard c.classCount > 0 else {
      throw ToolError(
        "\(input.options.model): the model has no head and so no classes; `m2pt features` gives its features, "
          + "`m2pt probe` makes a head")
    }
    guard c.task != .perPoint else {
      throw ToolError("\(input.options.model): the model names parts of a cloud, not clouds; use `m2pt segment`")
    }
    var answers: [Answer] = []
    let zeros = [Double](repeating: 0, count: c.classCount)
    var sums = Sums(probabilities: zeros, logits: zeros)
    try input.forEachBatch(model, "classify", pass: { try model.forward($0, workspace: $1) }) { views, output in
      let logits = try output.logits.float32()
      for (row, view) in views.enumerated() {
        sums.add(logits[row * c.classCount..<(row + 1) * c.classCount])
        guard view.isLast else { continue }
        answers.append(answer(view.name, sums, c))
        sums = Sums(probabilities: zeros, logits: zeros)
      }
    }
    if json { return try printJSON(answers) }
    for answer in answers {
      print(answer.image)
      for item in answer.classes { print(String(format: "  %6.2f %%  %@", item.probability * 100, item.label)) }
    }
  }

  private func answer(_ name: String, _ sums: Sums, _ c: VisionTransformerConfiguration) -> Answer {
    let order = sums.logits.indices.sorted {
      (-sums.probabilities[$0], -sums.logits[$0], $0) < (-sums.probabilities[$1], -sums.logits[$1], $1)
    }
    return Answer(
      image: name,
      classes: order.prefix(topK).map { index in
        .init(
          index: index, label: c.labels?[index] ?? "class \(index)",
          probability: sums.probabilities[index] / sums.views, logit: Float(sums.logits[index] / sums.views))
      })
  }
}
