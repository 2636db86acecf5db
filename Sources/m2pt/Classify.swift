import ArgumentParser
import Foundation
import MultimodalPathway

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what files show or sound like: the most likely classes, or tags.",
    discussion: """
      The model says what it reads: pictures, videos, sound, points. Where several classes may be right at once (task \
      multi_label in config.json, as for AudioSet), every probability stands for itself. Answers are printed as they \
      come. A file that cannot be read, or whose scores are not finite, is named on standard error; the others are \
      answered, and the exit code is 1.
      """)

  @OptionGroup var input: ModelInput
  @Option(name: .customLong("top-k"), help: "Classes of an answer.") var topK = 5
  @Option(help: "Names of the classes: a CSV file like AudioSet's, index,mid,display_name.") var labels: String?
  @Flag(help: "JSON on standard output.") var json = false
  @Flag(help: "CSV on standard output, a line for every class.") var csv = false

  /// A file's scores, summed over its views.
  private struct Sums {
    let task: VisionTransformerConfiguration.Task
    var probabilities: [Double]
    var logits: [Double]
    var views = 0.0

    init(_ c: VisionTransformerConfiguration) {
      task = c.task
      probabilities = [Double](repeating: 0, count: c.classCount)
      logits = probabilities
    }

    /// False where a view's score is NaN or infinite; a sum of probabilities may hide an infinite one.
    var isFinite: Bool { (logits + probabilities).allSatisfy(\.isFinite) }

    mutating func add(_ values: ArraySlice<Float>) {
      let top = Double(values.max() ?? 0)
      let total = values.reduce(0) { $0 + exp(Double($1) - top) }
      for (index, value) in values.enumerated() {
        let value = Double(value)
        probabilities[index] += task == .multiLabel ? 1 / (1 + exp(-value)) : exp(value - top) / total
        logits[index] += value
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
    var file: String
    /// Clips, crops or windows whose scores were averaged.
    var views: Int
    var classes: [Class]
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
    let names = try labels.map { try LabelFile.read($0, count: c.classCount) } ?? c.labels
    let (run, batches) = try input.run(c, model.engine, "classify")
    var stream = try AnswerStream(
      json ? .json : csv ? .csv(header: "file,rank,index,label,probability,logit") : .text)
    do {
      let workspace = model.workspace(batch: batches.mostViews(files: run.names.count))
      var sums = Sums(c)
      try run.forEachBatch(batches) { views, values in
        let logits = try model.forward(values, workspace: workspace).logits.float32()
        for (row, view) in views.enumerated() {
          sums.add(logits[row * c.classCount..<(row + 1) * c.classCount])
          guard view.isLast else { continue }
          defer { sums = Sums(c) }
          guard sums.isFinite else {
            try run.fail(ToolError.answerNotFinite(view.name, "its score"))
            continue
          }
          let answer = self.answer(view.name, sums, names)
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

  private func textLines(_ answer: Answer) -> [String] {
    [answer.file] + answer.classes.map { String(format: "  %6.2f %%  %@", $0.probability * 100, $0.label) }
  }

  private func csvLines(_ answer: Answer) -> [String] {
    answer.classes.enumerated().map { rank, item in
      CSV.line([answer.file, "\(rank + 1)", "\(item.index)", item.label, "\(item.probability)", "\(item.logit)"])
    }
  }

  private func answer(_ name: String, _ sums: Sums, _ labels: [String]?) -> Answer {
    let order = sums.logits.indices.sorted {
      (-sums.probabilities[$0], -sums.logits[$0], $0) < (-sums.probabilities[$1], -sums.logits[$1], $1)
    }
    return Answer(
      file: name, views: Int(sums.views),
      classes: order.prefix(topK).map { index in
        .init(
          index: index, label: labels?[index] ?? "class \(index)",
          probability: sums.probabilities[index] / sums.views, logit: Float(sums.logits[index] / sums.views))
      })
  }
}
