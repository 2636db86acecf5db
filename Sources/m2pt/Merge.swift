import ArgumentParser
import Foundation
import MultimodalPathway

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fold auxiliaries into a target: one plain checkpoint that timm loads with strict=True.")

  @OptionGroup var pathway: PathwayOptions
  @OptionGroup var engine: EngineOptions
  @Option(help: "The merged safetensors file.") var output: String
  @OptionGroup var replacement: OverwriteOption
  @Option(help: "Numbers of the merged file: float32, float16, bfloat16, or target for the target's own format.")
  var dtype = MergedFormat.float32

  enum MergedFormat: String, ExpressibleByArgument, CaseIterable {
    case float32, float16, bfloat16, target

    func elementType(_ target: ModelWeights) -> ElementType {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      // Sums are made in float32: a wider target is written so.
      case .target: target.storedType == .float64 ? .float32 : target.storedType
      }
    }
  }

  func validate() throws { try pathway.requireAuxiliary() }

  func run() throws {
    let weights = try pathway.joined()
    let file = OutputFile(output, .merged, replacement)
    try file.check(inputs: pathway.inputs(weights))
    try weights.writeMerged(to: file.url, as: dtype.elementType(weights.target), engine: engine.engine())
    let target = weights.target
    try StandardOutput.show(["wrote \(output): \(target.tensors.count) tensors, \(target.parameterCount) parameters"])
  }
}
