import ArgumentParser
import Foundation
import MultimodalPathway

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what files show or sound like: the most likely classes, or tags.",
    discussion: """
      The model says what it reads: pictures, videos, sound, points. Where several classes may be right at once (task \
      multi_label in config.json, as for AudioSet), every probability stands for itself.
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
    var answers: [Answer] = []
    var sums = Sums(c)
    try input.forEachBatch(model, "classify", pass: { try model.forward($0, workspace: $1) }) { views, output in
      let logits = try output.logits.float32()
      for (row, view) in views.enumerated() {
        sums.add(logits[row * c.classCount..<(row + 1) * c.classCount])
        guard view.isLast else { continue }
        answers.append(answer(view.name, sums, names))
        sums = Sums(c)
      }
    }
    if json { return try printJSON(answers) }
    if csv { return printCSV(answers) }
    for answer in answers {
      print(answer.file)
      for item in answer.classes { print(String(format: "  %6.2f %%  %@", item.probability * 100, item.label)) }
    }
  }

  private func printCSV(_ answers: [Answer]) {
    print("file,rank,index,label,probability,logit")
    for answer in answers {
      for (rank, item) in answer.classes.enumerated() {
        print(
          CSV.line([
            answer.file, "\(rank + 1)", "\(item.index)", item.label, "\(item.probability)", "\(item.logit)",
          ]))
      }
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
