import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: """
      Measure how well a model tells files of known classes: top-1, top-5, mAP, mIoU of parts, the confusion of classes.
      """,
    discussion: """
      Takes one folder of files for each class; the folders have the names of the model's classes, or, where the model \
      has no names, as many folders as classes in the order of their names. A class without a folder has no files. \
      Takes a table of files too, as train does. Of a model that answers for every class by itself the mean average \
      precision (mAP) is measured, over the classes that a file has. A model that answers for every point takes \
      categories as classes, and files with a label for each point, as train does; of it the intersections over unions \
      of parts are measured, on the points that it reads: the mean over files (instance mIoU), the mean over the means \
      of categories (class mIoU), and the share of points (point accuracy). Its clouds are answered one by one.
      """)

  @OptionGroup var options: ModelOptions
  @OptionGroup var views: ViewOptions
  @OptionGroup var failures: FailureOptions
  @Option(help: "Directory with a folder of files for every class, or a table of files.") var data: String
  @Option(help: "Rows of a table that has the column split: train, validation or test (default: test).")
  var split: Manifest.Split?
  @Option(help: "Pictures, clips, windows or clouds of a pass.") var batch = 8
  @Flag(help: "Print how often files of each class were taken for each; JSON always has it.") var confusion = false
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    var count: Int
    /// As `top5` and `confusion`, where every file has one class.
    var top1: Double?
    var top5: Double?
    /// Of a model for several labels.
    var mean_average_precision: Double?
    /// By class; null of a class that no file has.
    var average_precision: [Double?]?
    var classes: [String]
    /// By true class, then by predicted class.
    var confusion: [[Int]]?
    var skipped: [String]

    init(_ evaluation: Evaluation, skipped: [String]) {
      (count, classes, self.skipped) = (evaluation.count, evaluation.classes, skipped)
      (mean_average_precision, average_precision) = (evaluation.meanAveragePrecision, evaluation.averagePrecisions)
      guard evaluation.hasOneClassPerFile else { return }
      (top1, top5, confusion) = (evaluation.top1, evaluation.top5, evaluation.confusion.counts)
    }

    var line: String {
      var measures: [String] = []
      if let mean_average_precision { measures.append(String(format: "mAP %.2f %%", 100 * mean_average_precision)) }
      if let top1 { measures.append(String(format: "top-1 %.2f %%", 100 * top1)) }
      if let top5 { measures.append(String(format: "top-5 %.2f %%", 100 * top5)) }
      if !skipped.isEmpty { measures.append("\(skipped.count) left out") }
      return "\(count) files: " + measures.joined(separator: ", ")
    }

    /// The confusion as lines: a row for each true class, a column for each predicted one.
    var table: [String] {
      let names = classes.map { $0.onOneLine(limit: 24) }
      let width = names.map(\.count).max() ?? 0
      let counts = confusion ?? []
      let columns = names.indices.map { column in
        max(names[column].count, counts.map { "\($0[column])".count }.max() ?? 0)
      }
      func line(_ title: String, _ cells: [String]) -> String {
        title.padded(to: width)
          + zip(cells, columns).map { "  " + String(repeating: " ", count: $1 - $0.count) + $0 }.joined()
      }
      return ["true class by row, predicted class by column:", line("", names)]
        + zip(names, counts).map { line($0, $1.map { "\($0)" }) }
    }
  }

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
  }

  func run() throws {
    let model = try options.load()
    let c = model.configuration
    let frontEnd = try options.frontEnd(c, views: views)
    if let head = c.parts, let reader = frontEnd as? PointFrontEnd { return try measureParts(model, head, reader) }
    let classifier = try Classifier(model, frontEnd)
    let files = try LabelledData.read(
      data, classifier.frontEnd, split: split ?? .test, expecting: classifier.names)
    if split != nil, !(files is Manifest) { throw ToolError("\(data): --split is for a table with that column") }
    reportUnread(files.unread)
    guard files.classes.count == c.classCount else {
      throw ToolError(
        "\(data): has \(files.classes.count) \(files is ClassFolders ? "folders" : "classes"), and the model "
          + "\(c.classCount) classes without names; give one for each class")
    }
    var evaluation = try Evaluation(of: files, task: c.task)
    if confusion, files.firstWithSeveralClasses != nil {
      throw ToolError("\(data): --confusion is for files of one class; leave it out")
    }
    let labels = files.labelSets
    let run = FileRun("evaluate", names: files.paths, options: failures, interrupted: "no file was counted")
    let batches = InputBatches(frontEnd: classifier.frontEnd, engine: model.engine, size: batch)
    let workspace = try model.workspace(batch: batches.mostViews(files: run.names.count))
    var sums = classifier.noScores
    try run.forEachBatch(batches) { batch in
      try classifier.add(batch, to: &sums, workspace: workspace) { file, scores in
        guard scores.isFinite else { return try run.fail(ToolError.answerNotFinite(run.names[file], "its score")) }
        try evaluation.note(scores, labels: labels[file])
      }
    }
    try run.end()
    guard evaluation.count > 0 else { throw ToolError("no file can be read; the first: \(run.skipped.first ?? "")") }
    let report = Report(evaluation, skipped: run.skipped)
    if json { return try printJSON(report) }
    try StandardOutput.show([report.line] + (confusion ? report.table : []))
  }
}

extension Manifest.Split: ExpressibleByArgument {}
