import ArgumentParser
import Foundation
import MultimodalPathway

struct Features: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write features of files, (N, tokens, C), and pooled features, (N, C), to a safetensors file.")

  @OptionGroup var input: ModelInput
  @Option(help: "Features as they leave this block; without it, after the final norm.") var block: Int?
  @Option(help: "The safetensors file.") var output: String

  func run() throws {
    let model = try input.options.load()
    var features: [Float] = []
    var pooled: [Float] = []
    var shape: [Int] = []
    var count = 0
    try input.forEachBatch(
      model, "features",
      pass: { try model.forward($0, features: block == nil, blocks: block.map { [$0] } ?? [], workspace: $1) }
    ) { views, result in
      guard let tensor = block.map({ result.blocks[$0] }) ?? result.features else { return }
      features += try tensor.float32()
      pooled += try result.pooled.float32()
      shape = Array(tensor.shape.dropFirst())
      count += views.count
    }
    try Checkpoint(
      tensors: [
        "features": Tensor(features, shape: [count] + shape),
        "pooled": Tensor(pooled, shape: [count, model.configuration.pooledWidth]),
      ], metadata: ["m2pt.version": multimodalPathwayVersion, "m2pt.block": block.map(String.init) ?? "final norm"]
    ).write(to: URL(fileURLWithPath: output))
    print("wrote \(output): features \([count] + shape), pooled \([count, model.configuration.pooledWidth])")
  }
}
