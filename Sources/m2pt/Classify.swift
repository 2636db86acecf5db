import ArgumentParser
import Foundation
import MultimodalPathway

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Name what pictures show: the most likely classes.")

  @OptionGroup var input: ModelInput
  @Option(name: .customLong("top-k"), help: "Classes of an answer.") var topK = 5
  @Flag(help: "JSON on standard output.") var json = false

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
    var answers: [Answer] = []
    try input.forEachBatch(model, "classify", pass: { try model.forward($0, workspace: $1) }) { names, output in
      let logits = try output.logits.float32()
      for (row, name) in names.enumerated() {
        let values = Array(logits[row * c.classCount..<(row + 1) * c.classCount])
        let top = Double(values.max() ?? 0)
        let total = values.reduce(0) { $0 + exp(Double($1) - top) }
        let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
        answers.append(
          Answer(
            image: name,
            classes: order.prefix(topK).map { index in
              .init(
                index: index, label: c.labels?[index] ?? "class \(index)",
                probability: exp(Double(values[index]) - top) / total, logit: values[index])
            }))
      }
    }
    if json { return try printJSON(answers) }
    for answer in answers {
      print(answer.image)
      for item in answer.classes { print(String(format: "  %6.2f %%  %@", item.probability * 100, item.label)) }
    }
  }
}
