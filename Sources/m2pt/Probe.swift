import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayTraining

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
    let testing = try test.map { try ClassFolders($0, frontEnd, known: training.classes) }
    try regression.validate(labels: training.labels, classes: training.classes)

    let model = try VisionTransformer(
      weights, precision: options.precision.plan(), engine: options.engineOptions.engine())
    let extractor = FeatureExtractor(
      model: model, frontEnd: frontEnd, batch: batch, failures: failures,
      folder: directory.url.standardizedFileURL.deletingLastPathComponent())
    let trained = try extractor.features(training, "training features")
    let tested = try testing.map { try extractor.features($0, "test features") }

    let head = try regression.fit(
      trained.pooled, labels: trained.labels, classes: training.classes, engine: model.engine)
    let confusion = try tested.map { tested in
      var confusion = ConfusionMatrix(classes: training.classes)
      for (actual, predicted) in zip(tested.labels, try head.predict(tested.pooled, engine: model.engine)) {
        confusion.note(actual: actual, predicted: predicted)
      }
      return confusion
    }
    try directory.write(
      Checkpoint(
        tensors: try weights.configuration.linearHeadNames.reduce(weights.tensors) { tensors, name in
          tensors.merging(try head.tensors(name: name)) { $1 }
        },
        metadata: try provenance(head, original.files)),
      weights.configuration.withHead(training.classes), options.preprocessing(weights.configuration))
    let report = ProbeReport(
      head, weights.configuration.modality, folds: folds, train: trained, test: tested, confusion: confusion,
      output: output, threads: model.engine.threads)
    if json { try printJSON(report) } else { try StandardOutput.show(report.lines) }
  }

  private func provenance(_ head: RidgeHead, _ files: [URL]) throws -> [String: String] {
    var metadata = ["format": "pt", "m2pt.version": multimodalPathwayVersion]
    for (index, file) in files.enumerated() {
      metadata["m2pt.source.\(index)"] = "\(file.lastPathComponent) sha256:\(try FileDigest.sha256(of: file))"
    }
    metadata["m2pt.probe"] =
      "ridge \(head.ridge), sharpness \(head.sharpness), held-out \(head.heldOut.correct) of \(head.heldOut.total)"
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
    let workspace = try model.workspace(batch: batches.mostViews(files: folders.files.count))
    let run = FileRun(title, names: folders.files, options: failures, interrupted: "nothing was written")
    let pooled = try FloatRows(width: model.configuration.pooledWidth, onDiskOf: folder)
    var labels: [Int] = []
    try run.forEachBatch(batches) { views, pixels in
      // After a failure there will be no head: the other files are read to name all that are wrong.
      guard run.failed == 0 else { return }
      let features = try model.forward(pixels, workspace: workspace).pooled
      for (row, view) in views.enumerated() where !(try features.isFinite(row: row)) {
        try run.fail(ToolError.answerNotFinite(view.name, "a feature of it"))
      }
      try pooled.append(try features.float32())
      labels += views.map { folders.labels[$0.file] }
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

extension ModelWeights {
  /// The same transformer without a classifier: logits are the pooled features.
  func withoutHead() throws -> ModelWeights {
    var configuration = configuration
    configuration.classCount = 0
    configuration.labels = nil
    configuration.labelDescriptions = nil
    configuration.vocabulary = nil
    configuration.task = .singleLabel
    let names = Set(configuration.parameters.map(\.name))
    return try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors.filter { names.contains($0.key) }, metadata: metadata),
      configuration: configuration)
  }
}

extension VisionTransformerConfiguration {
  /// The same transformer with one linear layer as its head.
  func withHead(_ classes: [String]) -> VisionTransformerConfiguration {
    var result = self
    result.classCount = classes.count
    result.labels = classes
    result.labelDescriptions = nil
    result.vocabulary = nil
    result.task = .singleLabel
    result.points?.headWidths = []
    return result
  }
}
