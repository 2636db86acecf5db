import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how well a model tells sorted files: top-1, top-5 and the confusion of classes.",
    discussion: """
      Takes one folder of files for each class; the folders have the names of the model's classes, or, where the model \
      has no names, as many folders as classes in the order of their names. A class without a folder has no files.
      """)

  @OptionGroup var options: ModelOptions
  @OptionGroup var views: ViewOptions
  @OptionGroup var failures: FailureOptions
  @Option(help: "Directory with a folder of files for every class.") var data: String
  @Option(help: "Pictures, clips, windows or clouds of a pass.") var batch = 8
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    var count: Int
    var top1: Double
    var top5: Double
    var classes: [String]
    /// By true class, then by predicted class.
    var confusion: [[Int]]
    var skipped: [String]
  }

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
  }

  func run() throws {
    let model = try options.load()
    let c = model.configuration
    let classifier = try Classifier(model, options.frontEnd(c, views: views))
    let folders = try ClassFolders(data, classifier.frontEnd, expecting: classifier.names)
    reportUnread(folders.unread)
    guard folders.classes.count == c.classCount else {
      throw ToolError(
        "\(data): has \(folders.classes.count) folders, and the model \(c.classCount) classes without names; "
          + "make one folder for each class")
    }
    var evaluation = Evaluation(classes: folders.classes)
    let run = FileRun("evaluate", names: folders.paths, options: failures, interrupted: "no file was counted")
    let batches = InputBatches(frontEnd: classifier.frontEnd, engine: model.engine, size: batch)
    let workspace = try model.workspace(batch: batches.mostViews(files: run.names.count))
    var sums = classifier.noScores
    try run.forEachBatch(batches) { batch in
      try classifier.add(batch, to: &sums, workspace: workspace) { file, scores in
        guard scores.isFinite else { return try run.fail(ToolError.answerNotFinite(run.names[file], "its score")) }
        try evaluation.note(scores, label: folders.labels[file])
      }
    }
    try run.end()
    guard evaluation.count > 0 else { throw ToolError("no file can be read; the first: \(run.skipped.first ?? "")") }
    let report = Report(
      count: evaluation.count, top1: evaluation.top1, top5: evaluation.top5, classes: evaluation.classes,
      confusion: evaluation.confusion.counts, skipped: run.skipped)
    guard !json else { return try printJSON(report) }
    try StandardOutput.show([
      String(
        format: "%d files: top-1 %.2f %%, top-5 %.2f %%", report.count, 100 * report.top1, 100 * report.top5)
        + (report.skipped.isEmpty ? "" : ", \(report.skipped.count) left out")
    ])
  }
}
