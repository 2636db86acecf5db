import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Point-MAE's classifier and part segmentation model against PyTorch in float64 (Tests/Fixtures/points).
@Suite struct PointGoldenTests {
  static func golden(_ name: String) throws -> (tensors: [String: Tensor], weights: ModelWeights) {
    let golden = try Checkpoint(contentsOf: Fixture.url("points/\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
    return (golden.tensors, weights)
  }

  static func integers(_ tensor: Tensor) -> [Int] {
    tensor.withUnsafeBytes { bytes in
      (0..<tensor.count).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }
  }

  @Test(arguments: ["classifier", "segmenter"], InstructionSet.available)
  func matchesPyTorch(_ name: String, _ set: InstructionSet) throws {
    let (golden, weights) = try Self.golden(name)
    let c = weights.configuration
    let model = try VisionTransformer(weights, engine: Engine(threads: 2, instructionSet: set))
    let points = try #require(golden["points"])
    let categories = golden["categories"].map(Self.integers) ?? []
    let output = try model.forward(
      points, features: true, blocks: Array(0..<c.depth), categories: categories)
    let (tokens, positions) = try model.embedded(points)
    for (label, found) in [
      ("tokens", try Self.groups(tokens, c)), ("positions", try Self.groups(#require(positions), c)),
      ("features", try #require(output.features)), ("logits", output.logits),
    ] + (0..<c.depth).map({ ("block.\($0)", output.blocks[$0]!) }) {
      try GoldenTests.expectClose(found, golden["float64.\(label)"]!, "\(name) \(label)")
    }
    #expect(output.logits.shape == [2] + c.answerShape)
    var logits = [Float](repeating: .nan, count: output.logits.count)
    var span = logits.mutableSpan
    try model.forward(points, into: &span, categories: categories, workspace: model.workspace(batch: 2))
    #expect(try logits == output.logits.float32())
  }

  /// Tokens without the class token.
  private static func groups(_ tensor: Tensor, _ c: VisionTransformerConfiguration) throws -> Tensor {
    let values = try tensor.float32()
    let size = c.tokenCount * c.width
    let kept = (0..<tensor.shape[0]).flatMap { values[($0 * size + c.prefixTokens * c.width)..<($0 + 1) * size] }
    return Tensor(kept, shape: [tensor.shape[0], c.tokenCount - c.prefixTokens, c.width])
  }

  @Test(arguments: ["classifier", "segmenter"], InstructionSet.available)
  func threadsAndBatchChangeNoBit(_ name: String, _ set: InstructionSet) throws {
    let (golden, weights) = try Self.golden(name)
    let points = try golden["points"]!.float32() + golden["points"]!.float32().reversed()
    let (cloud, count) = (points.count / 4, weights.configuration.points!.points)
    func answers(_ threads: Int, _ batch: Range<Int>) throws -> [Float] {
      let model = try VisionTransformer(weights, engine: Engine(threads: threads, instructionSet: set))
      let part = Array(points[batch.lowerBound * cloud..<batch.upperBound * cloud])
      return try model(Tensor(part, shape: [batch.count, count, 3])).float32()
    }
    let all = try answers(1, 0..<4)
    let size = all.count / 4
    for threads in [1, 2, 3, 8] {
      for batch in [0..<1, 1..<3, 3..<4, 0..<4] {
        #expect(try answers(threads, batch) == Array(all[batch.lowerBound * size..<batch.upperBound * size]))
      }
    }
  }
}
