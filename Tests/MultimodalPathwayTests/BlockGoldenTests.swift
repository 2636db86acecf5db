import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// One transformer block against PyTorch's in float64.
@Suite struct BlockGoldenTests {
  @Test(arguments: InstructionSet.available)
  func aBlockMatchesPyTorch(_ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/block.safetensors"))
    let heads = try #require(golden.metadata["heads"].flatMap { Int($0) })
    let epsilon = try #require(golden.metadata["epsilon"].flatMap { Float($0) })
    let tokens = golden.tensors["input"]!
    let width = tokens.shape[2]
    let hidden = golden.tensors["weights.mlp.fc1.bias"]!.shape[0]
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_one_block", imageSize: Extent(square: 8), patchSize: Extent(square: 8), width: width,
      depth: 1, heads: heads, hiddenWidth: hidden)
    c.hasLayerScale = true
    c.classCount = 0
    c.epsilon = epsilon
    // The parts around the block have no effect on it.
    var tensors = try ModelWeights.random(c, seed: 3).tensors
    for (name, tensor) in GoldenTests.part(golden, "weights.").tensors { tensors["blocks.0." + name] = tensor }
    let weights = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c)
    let model = try VisionTransformer(weights, engine: Engine(threads: 2, instructionSet: set))
    let output = try model.forward(tokens: tokens, blocks: [0])
    try GoldenTests.expectClose(output.blocks[0]!, golden.tensors["float64.output"]!, "output")
  }
}
