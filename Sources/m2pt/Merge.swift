import ArgumentParser
import Foundation
import MultimodalPathway

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fold auxiliaries into a target: one plain checkpoint that timm loads with strict=True.")

  @OptionGroup var pathway: PathwayOptions
  @OptionGroup var engine: EngineOptions
  @Option(help: "The merged safetensors file.") var output: String

  func run() throws {
    let weights = try pathway.joined()
    try weights.writeMerged(
      to: URL(fileURLWithPath: output), inputs: pathway.inputs(), engine: engine.engine())
    print("wrote \(output): \(weights.target.tensors.count) tensors, \(weights.target.parameterCount) parameters")
  }
}
