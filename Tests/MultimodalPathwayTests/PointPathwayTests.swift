import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Point transformers as targets, and as auxiliaries of images with blocks of the same shapes.
@Suite struct PointPathwayTests {
  static func image(seed: UInt64, heads: Int = 4) throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 32, depth: 3,
      heads: heads)
    c.classCount = 5
    return try .random(c, seed: seed)
  }

  static func auxiliary(_ weights: ModelWeights, heads: Int? = nil) throws -> AuxiliaryWeights {
    try AuxiliaryWeights(checkpoint: Checkpoint(tensors: weights.tensors), heads: heads)
  }

  @Test(arguments: ["classifier", "segmenter"], InstructionSet.available)
  func pointsTakeAnImagesBlocks(_ name: String, _ set: InstructionSet) throws {
    let (golden, target) = try PointGoldenTests.golden(name)
    let engine = try Engine(threads: 2, instructionSet: set)
    let map = BlockMap.explicit(target.configuration.depth == 3 ? [0: 0, 1: 2, 2: 1] : [0: 0, 1: 2])
    let auxiliary = try Self.auxiliary(Self.image(seed: 71))
    func logits(_ scale: Float, _ execution: PathwayExecution) throws -> [Float] {
      let joined = try target.attach(auxiliary: auxiliary, blockMap: map, scale: scale)
      return try VisionTransformer(joined, execution: execution, engine: engine)(golden["points"]!).float32()
    }
    let plain = try VisionTransformer(target, engine: engine)(golden["points"]!).float32()
    for execution in PathwayExecution.allCases { #expect(try logits(0, execution) == plain) }
    let joined = try target.attach(auxiliary: auxiliary, blockMap: map, scale: 0.25)
    let merged = try VisionTransformer(joined.merged(engine: engine), engine: engine)(golden["points"]!).float32()
    #expect(try logits(0.25, .folded) == merged && merged != plain)

    let verification = try Verification(joined, input: golden["points"]!, engine: engine)
    #expect(verification.holds, "\(name)")
    #expect(verification.layers.count == 4 * target.configuration.depth)
    let tokens = try golden["float64.tokens"]!.asFloat32()
    #expect(try Verification(joined, input: tokens, engine: engine).holds)
  }

  @Test func imagesTakePointsBlocks() throws {
    let (_, points) = try PointGoldenTests.golden("segmenter")
    let engine = try Engine(threads: 2)
    let target = try Self.image(seed: 72)
    let joined = try target.attach(auxiliary: Self.auxiliary(points, heads: 2), bias: .combined, scale: 0.1)
    var random = SeededGenerator(seed: 73)
    let images = Tensor(random.floats(2 * 3 * 32 * 32), shape: [2, 3, 32, 32])
    #expect(try Verification(joined, input: images, engine: engine).holds)
    #expect(joined.warnings.count == 1 && joined.warnings[0].contains("4 heads, the auxiliary 2"))
    // The point model has no qkv bias, so it neither adds nor receives one.
    #expect(throws: PathwayError.biasMissing(layer: "blocks.0.attn.qkv")) {
      try points.attach(auxiliary: Self.auxiliary(target), bias: .combined, scale: 0.1)
    }
  }

  @Test func mergedFilesCarryTheirPoints() throws {
    let (golden, target) = try PointGoldenTests.golden("segmenter")
    let engine = try Engine(threads: 2)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    let joined = try target.attach(auxiliary: Self.auxiliary(Self.image(seed: 74)), scale: 0.1)
    try joined.writeMerged(to: file, engine: engine)
    let merged = try ModelWeights(modelAt: file)
    #expect(merged.configuration == target.configuration)
    let model = try VisionTransformer(merged, engine: engine)
    let folded = try VisionTransformer(joined, execution: .folded, engine: engine)
    let categories = PointGoldenTests.integers(golden["categories"]!)
    #expect(
      try model.forward(golden["points"]!, categories: categories).logits.float32()
        == folded.forward(golden["points"]!, categories: categories).logits.float32())
  }
}
