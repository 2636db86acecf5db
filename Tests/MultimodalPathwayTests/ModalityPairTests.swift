import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Every ordered pair of the four modalities, joined, run in all executions, merged and verified.
@Suite struct ModalityPairTests {
  /// A model of a modality, blocks of width 32 and depth 3 in all, and an input for it.
  private static func model(_ modality: Modality, seed: UInt64) throws -> (ModelWeights, Tensor) {
    if modality == .points {
      let (golden, weights) = try PointGoldenTests.golden("segmenter")
      return (weights, golden["points"]!)
    }
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(height: 32, width: 16), patchSize: Extent(square: 8), width: 32,
      depth: 3, heads: 4)
    c.classCount = 5
    c.modality = modality
    switch modality {
    case .audio:
      c.channels = 1
      c.task = .multiLabel
    case .video:
      (c.frames, c.tubelet) = (4, 2)
      (c.hasClassToken, c.pooling, c.normalizesAfterPooling) = (false, .mean, true)
      c.qkvBias = .queryAndValue
    case .image, .points: break
    }
    var random = SeededGenerator(seed: seed)
    let shape = [2] + c.inputShape
    return (try .random(c, seed: seed), Tensor(random.floats(shape.reduce(1, *)), shape: shape))
  }

  private static let pairs = Modality.allCases.flatMap { target in
    Modality.allCases.filter { $0 != target }.map { (target, $0) }
  }

  @Test(arguments: pairs)
  func attachesRunsMergesVerifies(_ target: Modality, _ auxiliary: Modality) throws {
    let engine = try Engine(threads: 2)
    let (weights, input) = try Self.model(target, seed: 91)
    let other = try Self.model(auxiliary, seed: 92).0
    let heads = other.configuration.heads
    let joined = try weights.attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors), heads: heads), scale: 0.1)
    #expect(joined.warnings.isEmpty == (heads == weights.configuration.heads))
    func logits(_ execution: PathwayExecution) throws -> [Float] {
      try VisionTransformer(joined, execution: execution, engine: engine)(input).float32()
    }
    let merged = try VisionTransformer(joined.merged(engine: engine), engine: engine)(input).float32()
    #expect(try logits(.merged) == merged && logits(.folded) == merged)
    #expect(try merged != VisionTransformer(weights, engine: engine)(input).float32())
    let verification = try Verification(joined, input: input, engine: engine)
    #expect(verification.holds && verification.layers.count == 12)
    // Every layer acts: qkv too, whose bias is split in the video model.
    for layer in PathwayLayer.allCases {
      let one = try weights.attach(
        auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors), heads: heads), layers: [layer],
        scale: 0.1)
      let found = try VisionTransformer(one, execution: .merged, engine: engine)(input).float32()
      #expect(try found != VisionTransformer(weights, engine: engine)(input).float32(), "\(layer)")
    }
  }
}
