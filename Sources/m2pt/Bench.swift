import ArgumentParser
import Foundation
import MultimodalPathway

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Time forward passes of an architecture with random weights.")

  @Option(help: "timm's name.") var architecture = "vit_base_patch16_224"
  @Option(help: "Images of a pass.") var batch = 1
  @Option(help: "Counted passes.") var runs = 20
  @OptionGroup var engine: EngineOptions
  @Flag(help: "JSON on standard output.") var json = false

  private struct Report: Encodable {
    var architecture: String
    var batch: Int
    var threads: Int
    var isa: String
    var median_ms: Double
    var min_ms: Double
    var max_ms: Double
    var gflops: Double
  }

  func validate() throws {
    guard (1...1024).contains(batch), (1...10_000).contains(runs) else {
      throw ValidationError("--batch takes 1...1024, --runs 1...10000.")
    }
  }

  func run() throws {
    let c = try VisionTransformerConfiguration.preset(architecture)
    let engine = try engine.engine()
    let model = try VisionTransformer(ModelWeights.random(c, seed: 1), engine: engine)
    let shape = [batch, c.channels, c.imageSize.height, c.imageSize.width]
    let images = Tensor((0..<shape.reduce(1, *)).map { Float($0 % 255) / 128 - 1 }, shape: shape)
    let workspace = model.workspace(batch: batch)
    var times: [Double] = []
    for run in 0..<runs + 2 {
      let start = DispatchTime.now().uptimeNanoseconds
      _ = try model.forward(images, workspace: workspace)
      if run >= 2 { times.append(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6) }
    }
    times.sort()
    let n = Double(c.tokenCount)
    let block = n * Double(c.width) * Double(4 * c.width + 2 * c.hiddenWidth) + 2 * n * n * Double(c.width)
    let patches = Double(c.grid.height * c.grid.width) * Double(c.patchValues) * Double(c.width)
    let operations = 2 * Double(batch) * (Double(c.depth) * block + patches + Double(c.width * c.classCount))
    let median = times[times.count / 2]
    let result = Report(
      architecture: c.architecture, batch: batch, threads: engine.threads, isa: engine.instructionSet.rawValue,
      median_ms: median, min_ms: times[0], max_ms: times[times.count - 1], gflops: operations / median * 1e-6)
    if json { return try printJSON(result) }
    print(
      String(
        format: "%@ batch %d, %d threads, %@: median %.1f ms (%.1f...%.1f), %.0f GFLOP/s", result.architecture, batch,
        result.threads, result.isa, median, result.min_ms, result.max_ms, result.gflops))
  }
}
