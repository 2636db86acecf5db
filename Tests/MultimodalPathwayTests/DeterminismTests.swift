import MultimodalPathway
import TestSupport
import Testing

/// The same bits for any number of threads and any batch: whole models, on every instruction set, in every precision
/// and execution, with sizes that leave tails everywhere.
@Suite struct DeterminismTests {
  static let plans: [PrecisionPlan] = [
    .float32, .bfloat16, .int8,
    PrecisionPlan(
      .int8,
      overrides: [
        "blocks.0.attn.proj": .float32, "blocks.0.mlp.fc2": .bfloat16, "blocks.1.attn.qkv": .float32,
        "blocks.1.mlp.fc1": .bfloat16,
      ]),
  ]
  /// 10 tokens and ViT's 197.
  static let sides = [24, 112]
  /// Every number of threads with a batch of its own and with all images, and every batch on one thread and on two.
  private static let teams: [(threads: Int, batch: Int)] =
    (1...8).flatMap { [($0, $0), ($0, 9)] } + (1...9).flatMap { [(1, $0), (2, $0)] }

  private static func joined(side: Int, pooling: VisionTransformerConfiguration.Pooling) throws -> PathwayWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: side), patchSize: Extent(square: 8), width: 50,
      depth: 2, heads: 2, hiddenWidth: 103)
    c.classCount = 7
    c.pooling = pooling
    c.normalizesAfterPooling = pooling == .mean
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: ModelWeights.random(c, seed: 9).tensors))
    return try ModelWeights.random(c, seed: 5).attach(auxiliary: auxiliary, scale: 0.3)
  }

  private static func images(_ count: Int, side: Int) -> [Float] {
    var random = SeededGenerator(seed: 6)
    return random.floats(count * 3 * side * side)
  }

  /// With only the class token in the last block, and with a mean of the patches before its last layer.
  @Test(arguments: InstructionSet.available, plans)
  func bitsDependOnNeitherThreadsNorBatch(_ set: InstructionSet, _ plan: PrecisionPlan) throws {
    for side in Self.sides {
      for pooling in [VisionTransformerConfiguration.Pooling.token, .mean] {
        let weights = try Self.joined(side: side, pooling: pooling)
        let pixels = 3 * side * side
        let values = Self.images(9, side: side)
        // Folding repeats the packing of every product: few tokens suffice.
        for execution in side == Self.sides[0] ? PathwayExecution.allCases : [.merged] {
          var expected: [Float]?
          for team in Self.teams.sorted(by: { ($1.batch, $0.threads) < ($0.batch, $1.threads) }) {
            let engine = try Engine(threads: team.threads, instructionSet: set)
            let model = try VisionTransformer(weights, execution: execution, precision: plan, engine: engine)
            let images = Tensor(Array(values[..<(team.batch * pixels)]), shape: [team.batch, 3, side, side])
            let logits = try model(images).float32()
            let all = expected ?? logits
            #expect(
              logits == Array(all[..<(team.batch * 7)]),
              "\(side), \(pooling), \(execution): \(team.threads) threads, batch \(team.batch)")
            expected = all
          }
        }
      }
    }
  }

  /// The place of an image in a batch, and other requested outputs, change none of its bits.
  @Test(arguments: InstructionSet.available, plans)
  func bitsDependOnNoNeighbour(_ set: InstructionSet, _ plan: PrecisionPlan) throws {
    let side = Self.sides[0]
    let (pixels, count) = (3 * side * side, 10 * 50)
    let values = Self.images(9, side: side)
    let model = try VisionTransformer(
      Self.joined(side: side, pooling: .token), execution: .merged, precision: plan,
      engine: Engine(threads: 2, instructionSet: set))
    let all = try model.forward(Tensor(values, shape: [9, 3, side, side]), features: true)
    let (logits, features) = (try all.logits.float32(), try #require(all.features).float32())
    for image in 0..<9 {
      let one = Tensor(Array(values[image * pixels..<(image + 1) * pixels]), shape: [1, 3, side, side])
      let own = try model.forward(one, features: true)
      #expect(try own.features?.float32() == Array(features[image * count..<(image + 1) * count]), "image \(image)")
      #expect(try model(one).float32() == Array(logits[image * 7..<(image + 1) * 7]), "image \(image)")
    }
  }
}
