import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Whole models in narrow formats.
@Suite struct PrecisionTests {
  static let narrow: [Precision] = [.bfloat16, .int8]

  private static func weights(width: Int = 64, classes: Int = 10) throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 40), patchSize: Extent(square: 8), width: width,
      depth: 3, heads: 2, hiddenWidth: width * 2 + 3)
    c.classCount = classes
    c.hasLayerScale = true
    return try ModelWeights.random(c, seed: 5)
  }

  /// Similar tokens, so that the means of attention are not near zero.
  private static func images(_ count: Int) -> Tensor {
    var random = SeededGenerator(seed: 6)
    return Tensor(random.floats(count * 3 * 40 * 40, in: 0.5...1), shape: [count, 3, 40, 40])
  }

  /// Every step is within the bound of its own arithmetic, also for unaligned widths, where heads begin within a word.
  private static func expectSteps(
    _ weights: ModelWeights, _ plan: PrecisionPlan, _ engine: Engine, blocks: Range<Int>, _ label: String
  ) throws {
    let model = try VisionTransformer(weights, precision: plan, engine: engine)
    var reference = BlockReference(weights, model)
    try reference.check(blocks, images(2))
    let worst = reference.worst
    // Attention rounds to bfloat16 twice, then to int8: 1 % in the worst case.
    for (step, worst, share) in [
      ("norms", worst.norms, 0.01), ("products", worst.products, 0.01), ("attention", worst.attention, 0.02),
    ] {
      #expect(worst.isWithinBound && worst.boundsAre(below: share), "\(label), \(step): \(worst)")
    }
  }

  @Test(arguments: InstructionSet.available, Precision.allCases)
  func everyStepKeepsItsBound(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    for width in [64, 50] {
      try Self.expectSteps(Self.weights(width: width), PrecisionPlan(precision), engine, blocks: 0..<3, "\(width)")
    }
  }

  @Test(arguments: InstructionSet.available, narrow)
  func bitsDependOnNeitherThreadsNorBatch(_ set: InstructionSet, _ precision: Precision) throws {
    let weights = try Self.weights()
    let images = Self.images(5)
    let values = try images.float32()
    func logits(_ threads: Int, _ images: Tensor) throws -> [Float] {
      let engine = try Engine(threads: threads, instructionSet: set)
      return try VisionTransformer(weights, precision: PrecisionPlan(precision), engine: engine)(images).float32()
    }
    let expected = try logits(1, images)
    for threads in [2, 3, 8] { #expect(try logits(threads, images) == expected, "\(threads) threads") }
    let pixels = 3 * 40 * 40
    for image in 0..<5 {
      let one = Tensor(Array(values[image * pixels..<(image + 1) * pixels]), shape: [1, 3, 40, 40])
      #expect(try logits(2, one) == Array(expected[image * 10..<(image + 1) * 10]), "image \(image)")
    }
  }

  @Test(arguments: InstructionSet.available, narrow)
  func foldedIsMerged(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    let weights = try Self.weights()
    let auxiliary = try AuxiliaryWeights(
      checkpoint: Checkpoint(tensors: ModelWeights.random(weights.configuration, seed: 9).tensors))
    let joined = try weights.attach(auxiliary: auxiliary, scale: 0.3)
    let plan = PrecisionPlan(precision)
    let images = Self.images(2)
    func logits(_ execution: PathwayExecution) throws -> [Float] {
      try VisionTransformer(joined, execution: execution, precision: plan, engine: engine)(images).float32()
    }
    let merged = try logits(.merged)
    #expect(try logits(.folded) == merged)
    let written = try VisionTransformer(joined.merged(engine: engine), precision: plan, engine: engine)
    #expect(try written(images).float32() == merged)
    #expect(try logits(.twoBranch) != merged)
  }

  /// The last block gives the same bits for the row of the class token as for all rows.
  @Test(arguments: InstructionSet.available, narrow)
  func firstTokenHasTheSameBits(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    let images = Self.images(2)
    let last = PathwayLayer.allCases.map { ($0.name(inBlock: 2), precision) }
    for overrides in [[:], Dictionary(uniqueKeysWithValues: last)] {
      let plan = PrecisionPlan(precision, overrides: overrides)
      let model = try VisionTransformer(Self.weights(), precision: plan, engine: engine)
      #expect(try model.forward(images).logits.float32() == model.forward(images, features: true).logits.float32())
    }
  }

  /// Consecutive layers of different precisions, each with the output of the previous one.
  @Test(arguments: InstructionSet.available)
  func everyMixtureKeepsItsBounds(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    let weights = try Self.weights(width: 50)
    for number in 0..<81 {
      var digits = number
      var overrides: [String: Precision] = [:]
      for layer in PathwayLayer.allCases {
        overrides[layer.name(inBlock: 1)] = Precision.allCases[digits % 3]
        digits /= 3
      }
      try Self.expectSteps(
        weights, PrecisionPlan(.float32, overrides: overrides), engine, blocks: 1..<2, "\(overrides)")
    }
  }

  /// In an int8 plan, layers with one row per image are bfloat16, except those that the plan names.
  @Test func singleRowsAreNotInt8() throws {
    func found(
      _ pooling: VisionTransformerConfiguration.Pooling, hasNorm: Bool, _ plan: PrecisionPlan
    ) throws -> [Precision] {
      var c = try Self.weights().configuration
      (c.pooling, c.hasFinalNorm) = (pooling, hasNorm)
      let model = try VisionTransformer(.random(c, seed: 5), precision: plan, engine: Engine(threads: 1))
      #expect(PathwayLayer.allCases.allSatisfy { model.precision[1, $0] == plan.standard })
      return PathwayLayer.allCases.map { model.precision[2, $0] }
    }
    #expect(try found(.token, hasNorm: true, .int8) == [.int8, .bfloat16, .bfloat16, .bfloat16])
    #expect(try found(.mean, hasNorm: false, .int8) == [.int8, .int8, .int8, .bfloat16])
    #expect(try found(.mean, hasNorm: true, .int8) == [.int8, .int8, .int8, .int8])
    let named = PrecisionPlan(.int8, overrides: ["blocks.2.mlp.fc1": .int8, "blocks.2.mlp.fc2": .float32])
    #expect(try found(.token, hasNorm: true, named) == [.int8, .bfloat16, .int8, .float32])
    for plan in [PrecisionPlan.float32, .bfloat16] {
      #expect(try found(.token, hasNorm: true, plan).allSatisfy { $0 == plan.standard })
    }
  }

  @Test func plansNameExistingLayers() throws {
    let engine = try Engine(threads: 1)
    let plan = PrecisionPlan(.int8, overrides: ["blocks.3.mlp.fc2": .float32])
    #expect(throws: PathwayError.self) { try VisionTransformer(Self.weights(), precision: plan, engine: engine) }
  }

  /// The patch embedding follows the plan, but is never int8.
  @Test func plansNameThePatchEmbedding() throws {
    let engine = try Engine(threads: 1)
    let name = "patch_embed.proj"
    #expect(PrecisionPlan.float32.patchEmbedding == .float32)
    #expect(PrecisionPlan.bfloat16.patchEmbedding == .bfloat16 && PrecisionPlan.int8.patchEmbedding == .bfloat16)
    let weights = try Self.weights()
    #expect(throws: PathwayError.neverInt8(layer: name)) {
      try VisionTransformer(weights, precision: PrecisionPlan(.float32, overrides: [name: .int8]), engine: engine)
    }
    func tokens(_ plan: PrecisionPlan) throws -> [Float] {
      try VisionTransformer(weights, precision: plan, engine: engine).embedded(Self.images(1)).tokens.float32()
    }
    let exact = try tokens(.float32)
    #expect(try tokens(PrecisionPlan(.int8, overrides: [name: .float32])) == exact)
    #expect(try tokens(PrecisionPlan(.float32, overrides: [name: .bfloat16])) != exact)
  }

  /// Every token is within the bound of its product, also for overlapping patches that end within a word.
  @Test(arguments: InstructionSet.available, [Precision.float32, .bfloat16])
  func patchEmbeddingKeepsItsBound(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    for (size, patch, step) in [(40, 8, nil), (35, 5, nil), (17, 5, 3)] as [(Int, Int, Int?)] {
      var c = VisionTransformerConfiguration(
        architecture: "vit_of_ones_own", imageSize: Extent(square: size), patchSize: Extent(square: patch), width: 50,
        depth: 1, heads: 2, hiddenWidth: 64)
      c.patchStride = step.map { Extent(square: $0) }
      let weights = try ModelWeights.random(c, seed: 7)
      var random = SeededGenerator(seed: 8)
      let values = random.floats(2 * 3 * size * size)
      let model = try VisionTransformer(weights, precision: PrecisionPlan(precision), engine: engine)
      let tokens = try model.embedded(Tensor(values, shape: [2, 3, size, size])).tokens.float32()
      func numbers(_ name: String) throws -> [Float] { try #require(weights.tensors[name]).float32() }
      let layer = LayerReference(
        weight: try numbers("patch_embed.proj.weight"), bias: try numbers("patch_embed.proj.bias"), precision)
      let positions = try numbers("pos_embed")
      var worst = WorstError()
      let (across, distance) = ((size - patch) / (step ?? patch) + 1, step ?? patch)
      for index in 0..<2 * across * across {
        let (image, place) = (index / (across * across), index % (across * across))
        let corner = (place / across * size + place % across) * distance
        let pixels = (0..<3 * patch * patch).map { element in
          let (channel, y, x) = (element / (patch * patch), element / patch % patch, element % patch)
          return values[((image * 3 + channel) * size + y) * size + corner + x]
        }
        let row = precision == .float32 ? pixels : pixels.map(roundedToBFloat16)
        let sums = row.withUnsafeBytes { layer(StoredRow($0.baseAddress!, count: row.count, .float32)) }
        for column in 0..<50 {
          let position = Bounded(Double(positions[(place + 1) * 50 + column]), error: 0)
          let expected = residual(position, gain: 1, sums[column])
          let found = tokens[(image * (across * across + 1) + place + 1) * 50 + column]
          worst.note(found, expected.value, bound: expected.error, at: [index, column])
        }
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(size), \(patch): \(worst)")
    }
  }
}
