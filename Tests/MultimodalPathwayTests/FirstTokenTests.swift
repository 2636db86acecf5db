import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// A last block that computes only the token of the head gives the same bits as one that computes every token.
@Suite struct FirstTokenTests {
  @Test(arguments: ["token", "registers", "layer_scale", "odd_sizes", "pre_norm"], InstructionSet.available)
  func sameBitsAsWithAllTokens(_ name: String, _ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: try GoldenTests.configuration(golden))
    try #require(weights.configuration.pooling == .token)
    let images = golden.tensors["input"]!
    let last = weights.configuration.depth - 1
    for threads in [1, 2] {
      let model = try VisionTransformer(weights, engine: Engine(threads: threads, instructionSet: set))
      let short = try model.forward(images)
      for full in [try model.forward(images, features: true), try model.forward(images, blocks: [last])] {
        #expect(try short.logits.float32() == full.logits.float32())
        #expect(try short.pooled.float32() == full.pooled.float32())
      }
    }
  }

  @Test(arguments: InstructionSet.available, PathwayExecution.allCases)
  func sameBitsInEveryExecution(_ set: InstructionSet, _ execution: PathwayExecution) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "target."), configuration: try GoldenTests.configuration(golden))
    let joined = try target.attach(
      auxiliary: AuxiliaryWeights(checkpoint: GoldenTests.part(golden, "auxiliary.0.")), scale: 0.25)
    let model = try VisionTransformer(joined, execution: execution, engine: Engine(threads: 2, instructionSet: set))
    let images = golden.tensors["input"]!
    let (short, full) = (try model.forward(images), try model.forward(images, features: true))
    #expect(try short.logits.float32() == full.logits.float32())
  }
}
