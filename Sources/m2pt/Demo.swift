import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "See pathways work, nothing to download: handwritten digits, with a model of spoken digits attached.")

  @Option(help: "Folder of the demo's files, where they are not beside the tool.") var assets: String?
  @Option(help: "Model directory to write the merged model to (default: a temporary one).") var output: String?
  @Flag(help: "Replace a model that is in the output directory.") var overwrite = false
  @OptionGroup var engine: EngineOptions
  @Flag(help: "JSON on standard output.") var json = false

  /// Timed passes over all pictures.
  private static let timedPasses = 3

  func run() throws {
    let start = ContinuousClock.now
    let assets = try DemoAssets(path: assets)
    let engine = try engine.engine()
    let directory = output.map { ModelDirectory(url: URL(fileURLWithPath: $0), overwrites: overwrite) }
    for model in [assets.target, assets.auxiliary] { try directory?.check(source: model) }
    let weights = try assets.joined()
    for warning in weights.warnings { report("warning: \(warning)") }
    let pictures = try assets.samples.map { try ImageFile.read(assets.picture($0.name)) }
    let pixels = try assets.preprocessor()(pictures)

    let merged: ModelWeights
    if let directory {
      try directory.write { try merge(weights, assets, engine, to: $0) }
      merged = try ModelWeights(modelAt: directory.url)
    } else {
      let folder = FileManager.default.temporaryDirectory.path
      merged = try AtomicDirectory.withTemporary(in: folder, files: ModelDirectory.contents, for: folder) { temporary in
        try merge(weights, assets, engine, to: temporary)
        return try ModelWeights(modelAt: temporary)
      }
    }
    let passes = try measure(
      [
        (DemoReport.targetAlone, VisionTransformer(weights.target, engine: engine)),
        (PathwayExecution.twoBranch.rawValue, VisionTransformer(weights, execution: .twoBranch, engine: engine)),
        (PathwayExecution.folded.rawValue, VisionTransformer(weights, execution: .folded, engine: engine)),
        (PathwayExecution.merged.rawValue, VisionTransformer(merged, engine: engine)),
      ], pixels)
    let verification = try Verification(weights, input: pixels, engine: engine)

    let result = DemoReport(
      assets: assets, weights: weights, engine: engine, passes: passes, verified: verification.holds, output: output,
      duration: ContinuousClock.now - start)
    if json {
      try printJSON(result)
    } else {
      try StandardOutput.show(result.lines(pictures: pictures))
    }
    if !result.holds { throw ExitCode(1) }
  }

  /// Writes the merged model, a model directory as any other.
  private func merge(_ weights: PathwayWeights, _ assets: DemoAssets, _ engine: Engine, to folder: URL) throws {
    try weights.writeMerged(
      to: folder.appendingPathComponent("model.safetensors"), inputs: assets.files, engine: engine)
    let configuration = try Data(contentsOf: ModelLocation(assets.target).configurationFile)
    try AtomicFile.write(configuration, to: ModelLocation(folder).configurationFile)
  }

  /// Every model's logits and median time over all pictures in one batch; the models take turns.
  private func measure(
    _ models: [(name: String, model: VisionTransformer)], _ pixels: Tensor
  ) throws -> [DemoReport.Pass] {
    let workspaces = try models.map { try $0.model.workspace(batch: pixels.shape[0]) }
    let logits = try zip(models, workspaces).map {
      try $0.model.forward(pixels, workspace: $1).logits.float32()
    }
    var times = models.map { _ in [Duration]() }
    for _ in 0..<Self.timedPasses {
      for (index, item) in models.enumerated() {
        times[index].append(
          try ContinuousClock().measure { _ = try item.model.forward(pixels, workspace: workspaces[index]) })
      }
    }
    return models.indices.map { index in
      DemoReport.Pass(
        name: models[index].name, logits: logits[index], duration: times[index].sorted()[Self.timedPasses / 2])
    }
  }
}
