import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Every ordered pair of the four modalities, and text and speech as auxiliaries: joined, run in all executions, merged
/// and verified.
@Suite struct ModalityPairTests {
  /// The training data of an auxiliary: a modality of targets, text or speech.
  enum Auxiliary: Equatable, CustomTestStringConvertible {
    case modality(Modality)
    /// A BERT, 8 heads.
    case text
    /// A Whisper encoder, 4 heads, without a bias of keys.
    case speech

    var testDescription: String {
      switch self {
      case .modality(let modality): modality.rawValue
      case .text: "text"
      case .speech: "speech"
      }
    }

    static let all = Modality.allCases.map { modality($0) } + [text, speech]

    func weights() throws -> AuxiliaryWeights {
      let synthetic: SyntheticAuxiliary
      switch self {
      case .modality(let modality):
        let other = try ModalityPairTests.model(modality, seed: 92).0
        return try AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors), heads: other.configuration.heads)
      case .text: synthetic = .bert
      case .speech: synthetic = .whisper
      }
      return try AuxiliaryWeights(
        checkpoint: synthetic.checkpoint(depth: 3, width: 32, hidden: 128, seed: 92), heads: self == .text ? 8 : 4)
    }
  }

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
    c.input = .init(modality)
    switch modality {
    case .audio:
      c.channels = 1
      c.task = .multiLabel
    case .video:
      c.input = .video(.init(frames: 4))
      (c.hasClassToken, c.pooling, c.normalizesAfterPooling) = (false, .mean, true)
      c.qkvBias = .queryAndValue
    case .image, .points: break
    }
    var random = SeededGenerator(seed: seed)
    let shape = [2] + c.inputShape
    return (try .random(c, seed: seed), Tensor(random.floats(shape.reduce(1, *)), shape: shape))
  }

  private static let pairs = Modality.allCases.flatMap { target in
    Auxiliary.all.filter { $0 != .modality(target) }.map { (target, $0) }
  }

  @Test(arguments: pairs)
  func attachesRunsMergesVerifies(_ target: Modality, _ kind: Auxiliary) throws {
    let engine = try Engine(threads: 2)
    let (weights, input) = try Self.model(target, seed: 91)
    let auxiliary = try kind.weights()
    let joined = try weights.attach(auxiliary: auxiliary, scale: 0.1)
    let mismatch = "the target has \(weights.configuration.heads) heads, the auxiliary \(auxiliary.heads!)"
    #expect(joined.warnings.contains { $0.contains(mismatch) } == (auxiliary.heads != weights.configuration.heads))
    func logits(_ execution: PathwayExecution) throws -> [Float] {
      try VisionTransformer(joined, execution: execution, engine: engine)(input).float32()
    }
    let merged = try VisionTransformer(joined.merged(engine: engine), engine: engine)(input).float32()
    #expect(try logits(.merged) == merged && logits(.folded) == merged)
    #expect(try merged != VisionTransformer(weights, engine: engine)(input).float32())
    let verification = try Verification(joined, input: input, engine: engine)
    #expect(verification.holds && verification.layers.count == 12)
    // Every layer has an effect, also qkv, whose bias is split in the video model.
    for layer in PathwayLayer.allCases {
      let one = try weights.attach(auxiliary: auxiliary, layers: [layer], scale: 0.1)
      let found = try VisionTransformer(one, execution: .merged, engine: engine)(input).float32()
      #expect(try found != VisionTransformer(weights, engine: engine)(input).float32(), "\(layer)")
    }
  }

  /// `M2PT_PAIR_TABLE=pairs.md swift test -c release --filter ModalityPairTests` writes every pair's worst error over
  /// its bound: of any layer in any execution, and of two-branch against merged logits.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["M2PT_PAIR_TABLE"] != nil))
  func table() throws {
    let engine = try Engine(threads: 2)
    var lines = [
      "| target \\ auxiliary | " + Auxiliary.all.map(\.testDescription).joined(separator: " | ") + " |",
      "| --- |" + String(repeating: " --- |", count: Auxiliary.all.count),
    ]
    for target in Modality.allCases {
      let (weights, input) = try Self.model(target, seed: 91)
      let cells = try Auxiliary.all.map { kind in
        guard kind != .modality(target) else { return "" }
        let joined = try weights.attach(auxiliary: kind.weights(), scale: 0.1)
        let result = try Verification(joined, input: input, engine: engine)
        let layers = result.layers.flatMap(\.comparisons).map(\.ratio).max() ?? .nan
        let logits = result.outputs[1].comparisons.filter { $0.sameBits == nil && $0.second == "merged" }.map(\.ratio)
        #expect(result.holds)
        return String(format: "%.3f, %.3f%@", layers, logits.max() ?? .nan, joined.warnings.isEmpty ? "" : " (heads)")
      }
      lines.append("| \(target) | " + cells.joined(separator: " | ") + " |")
    }
    let file = try #require(ProcessInfo.processInfo.environment["M2PT_PAIR_TABLE"])
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
  }
}
