import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what files show or sound like: the most likely classes, or tags.",
    discussion: """
      The model says what it reads: pictures, videos, sound, points. Where several classes may be right at once (task \
      multi_label in config.json, as for AudioSet), every probability is by itself. A regression prints its \
      value. As in transformers' pipelines, one label alone has the sigmoid of its logit. Answers are printed as \
      they come. A file that cannot be read, or whose scores are not finite, is named on standard error; the others \
      are answered, and the exit code is 1.
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
    guard c.parts == nil else {
      throw ToolError("\(input.options.model): the model names parts of a cloud, not clouds; use `m2pt segment`")
    }
    let names = try ClassNames.chosen(labels, c)
    let (run, batches) = try input.run(c, model.engine, "classify")
    let classifier = try Classifier(model, batches.frontEnd, names: names)
    var stream = try AnswerStream(
      json ? .json : csv ? .csv(header: ScoredClass.csvHeader(c.answerActivation)) : .text)
    do {
      let workspace = try model.workspace(batch: batches.mostViews(files: run.names.count))
      var sums = classifier.noScores
      try run.forEachBatch(batches) { batch in
        try classifier.add(batch, to: &sums, workspace: workspace) { file, scores in
          let name = run.names[file]
          guard scores.isFinite else { return try run.fail(ToolError.answerNotFinite(name, "its score")) }
          let answer = Answer(file: name, views: scores.viewCount, classes: scores.best(topK))
          try stream.write(answer) { csv ? csvLines(answer) : textLines(answer) }
        }
      }
    } catch {
      try stream.end()
      throw error
    }
    try stream.end()
    try run.end()
  }

  private func textLines(_ answer: Answer) -> [String] { [answer.file] + answer.classes.map(\.text) }

  private func csvLines(_ answer: Answer) -> [String] {
    answer.classes.enumerated().map { rank, item in CSV.line([answer.file, "\(rank + 1)"] + item.csvFields) }
  }
}
