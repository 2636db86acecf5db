import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData
import PathwayProbing

struct Probe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a classifier of a model and sorted files: a linear head on its features, in closed form.",
    discussion: """
      Takes one folder a class of whatever the model reads, pictures, videos, sound or points, and fits ridge \
      regression to the pooled features, with the ridge chosen on held-out folds. The result is a model directory for \
      `m2pt classify --model`, and one of pictures for timm too. Files that cannot be read are all named, and no model \
      is written, unless --skip-unreadable leaves them out. Features wait on the disk of the output, so that memory \
      does not depend on the number of files.
      """)

  @OptionGroup var options: ModelOptions
  @Option(help: "Directory with a folder of files for every class.") var train: String
  @Option(help: "The same with other files, to measure accuracy on.") var test: String?
  @Option(help: "The model directory to write.") var output: String
  @Flag(help: "Replace a model that is in the output directory.") var overwrite = false
  @Option(help: "Held-out folds that choose the ridge.") var folds = 5
  @Option(help: "Pictures, clips, windows or clouds of a pass.") var batch = 8
  @OptionGroup var failures: FailureOptions
  @Flag(help: "JSON on standard output.") var json = false

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
    guard (2...1000).contains(folds) else { throw ValidationError("--folds takes 2...1000.") }
  }

  func run() throws {
    let source = URL(fileURLWithPath: options.model)
    let directory = ModelDirectory(url: URL(fileURLWithPath: output), overwrites: overwrite)
    try directory.check(source: ModelLocation(source).directory, inputs: options.precision.inputs)
    var regression = RidgeRegression()
    regression.folds = folds
    let original = try options.weights()
    let weights = try original.withoutHead()
    let frontEnd = try options.frontEnd(weights.configuration)
    let training = try ClassFolders(train, frontEnd)
    reportUnread(training.unread)
    let testing = try test.map { try ClassFolders($0, frontEnd, expecting: training.classes) }
    reportUnread(testing?.unread ?? [:])
    try regression.validate(labels: training.labels, classes: training.classes)

    let engine = try options.engineOptions.engine()
    let model = try VisionTransformer(weights, precision: options.precision.plan(on: engine), engine: engine)
    let extractor = FeatureExtractor(
      model: model, frontEnd: frontEnd, batch: batch, failures: failures,
      folder: directory.url.standardizedFileURL.deletingLastPathComponent())
    let trained = try extractor.features(training, "training features")
    let tested = try testing.map { try extractor.features($0, "test features") }

    let head = try regression.fit(
      trained.pooled, labels: trained.labels, classes: training.classes, engine: model.engine)
    let heldOut = try ConfusionMatrix(classes: training.classes, actual: trained.labels, predicted: head.heldOut)
    let confusion = try tested.map { tested in
      try ConfusionMatrix(
        classes: training.classes, actual: tested.labels,
        predicted: head.predict(tested.pooled, engine: model.engine))
    }
    try directory.write(
      Checkpoint(
        tensors: try weights.configuration.linearHeadNames.reduce(weights.tensors) { tensors, name in
          tensors.merging(try head.tensors(name: name)) { $1 }
        },
        metadata: try provenance(head, heldOut, original.files)),
      weights.configuration.withHead(training.classes), options.preprocessing(weights.configuration))
    let report = ProbeReport(
      head, heldOut, weights.configuration.modality, folds: folds, train: trained, test: tested,
      confusion: confusion, output: output, threads: model.engine.threads)
    if json { try printJSON(report) } else { try StandardOutput.show(report.lines) }
  }

  private func provenance(
    _ head: RidgeHead, _ heldOut: ConfusionMatrix, _ files: [URL]
  ) throws -> [String: String] {
    var metadata = ["format": "pt", "m2pt.version": multimodalPathwayVersion]
    for (index, file) in files.enumerated() {
      metadata["m2pt.source.\(index)"] = "\(file.lastPathComponent) sha256:\(try FileDigest.sha256(of: file))"
    }
    metadata["m2pt.probe"] =
      "ridge \(head.ridge), sharpness \(head.sharpness), held-out \(heldOut.correct) of \(heldOut.total)"
    return metadata
  }
}

/// Pooled features of sorted files, by one model, one front end and one workspace.
struct FeatureExtractor {
  let model: VisionTransformer
  let frontEnd: any FrontEnd
  let batch: Int
  let failures: FailureOptions
  /// Where features wait, on a disk.
  let folder: URL

  struct Extracted {
    /// (n, C), or what else pooling makes: what a head reads.
    let pooled: FloatRows
    let labels: [Int]
    let skipped: [String]
    let seconds: Double
  }

  /// - Throws: `ExitCode` where files cannot be read and are not skipped, all of which are named; where one stops the
  ///   run, what is wrong with it; `ToolError` where none is left.
  func features(_ folders: ClassFolders, _ title: String) throws -> Extracted {
    let start = DispatchTime.now().uptimeNanoseconds
    let batches = InputBatches(frontEnd: frontEnd, engine: model.engine, size: batch)
    let workspace = try model.workspace(batch: batches.mostViews(files: folders.paths.count))
    let run = FileRun(title, names: folders.paths, options: failures, interrupted: "nothing was written")
    let pooled = try FloatRows(width: model.configuration.pooledWidth, onDiskOf: folder)
    var labels: [Int] = []
    try run.forEachBatch(batches) { batch in
      // After a failure there will be no head: the other files are read to name all that are wrong.
      guard run.failed == 0 else { return }
      let features = try model.forward(batch.values, workspace: workspace).pooled
      for (row, view) in batch.views.enumerated() where !features.isFinite(row: row) {
        try run.fail(ToolError.answerNotFinite(run.names[view.file], "a feature of it"))
      }
      try pooled.append(try features.float32())
      labels += batch.views.map { folders.labels[$0.file] }
    }
    if run.failed > 0 {
      report(
        "no model was written"
          + (failures.skipsUnreadable ? "" : "; --skip-unreadable leaves files out that cannot be read"))
    }
    try run.end()
    guard !labels.isEmpty else { throw ToolError("no file can be read; the first: \(run.skipped.first ?? "")") }
    return Extracted(
      pooled: pooled, labels: labels, skipped: run.skipped,
      seconds: Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9)
  }
}
