import ArgumentParser
import Foundation
import MultimodalPathway

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what files show or sound like: the most likely classes, or tags.",
    discussion: """
      The model says what it reads: pictures, videos, sound, points. Where several classes may be right at once (task \
      multi_label in config.json, as for AudioSet), every probability is by itself. A regression prints its \
      value. As in transformers' pipelines, one label alone has the sigmoid of its logit.
      """)

  @OptionGroup var input: ModelInput
  @Option(name: .customLong("top-k"), help: "Classes of an answer.") var topK = 5
  @Option(help: "Names of the classes: a CSV file like AudioSet's, index,mid,display_name; or imagenet-1k.")
  var labels: String?
  @Flag(help: "JSON on standard output.") var json = false
  @Flag(help: "CSV on standard output, a line for every class.") var csv = false

  private struct Answer: Encodable {
    var file: String
    /// Clips, crops or windows whose scores were averaged.
    var views: Int
    var classes: [ScoredClass]
  }

  func validate() throws {
    if topK < 1 { throw ValidationError("--top-k takes a number from 1.") }
    if json, csv { throw ValidationError("Give either --json or --csv.") }
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
    let names = try labels.map { try LabelFile.names($0, count: c.classCount) } ?? c.classNames()
    var answers: [Answer] = []
    var sums = Scores(c)
    try input.forEachBatch(model, "classify", pass: { try model.forward($0, workspace: $1) }) { views, output in
      let logits = try output.logits.float32()
      for (row, view) in views.enumerated() {
        sums.add(logits[row * c.classCount..<(row + 1) * c.classCount])
        guard view.isLast else { continue }
        answers.append(Answer(file: view.name, views: sums.views, classes: sums.best(topK, names: names)))
        sums = Scores(c)
      }
    }
    if json { return try printJSON(answers) }
    if csv { return printCSV(answers, c.answerActivation) }
    for answer in answers {
      print(answer.file)
      for item in answer.classes { print(item.text) }
    }
  }

  private func printCSV(_ answers: [Answer], _ activation: AnswerActivation) {
    print(ScoredClass.csvHeader(activation))
    for answer in answers {
      for (rank, item) in answer.classes.enumerated() {
        print(CSV.line([answer.file, "\(rank + 1)"] + item.csvFields))
      }
    }
  }
}
