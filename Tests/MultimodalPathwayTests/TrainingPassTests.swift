import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// A training pass next to inference, to differences of a transformer in Double, and to itself.
@Suite struct TrainingPassTests {
  static let names = TrainingCase.configurations.map(\.name)
  /// Batch norms in training are those of points.
  static let namesWithoutBatchNorms = TrainingCase.configurations.filter { $0.c.points == nil }.map(\.name)
  static let precisions = [Precision.float32, .bfloat16]

  private static func training(_ name: String) throws -> TrainingCase {
    TrainingCase(try #require(TrainingCase.configurations.first { $0.name == name }).c)
  }

  /// Factors of drop path that are all different, and a dropped branch.
  private static func factors(_ training: TrainingCase, batch: Int) -> [Float] {
    (0..<training.c.depth * 2 * batch).map { $0 == 1 ? 0 : 1 + Float($0) / 8 }
  }

  @Test(arguments: InstructionSet.available, namesWithoutBatchNorms)
  func logitsHaveTheBitsOfInference(_ set: InstructionSet, _ name: String) throws {
    let training = try Self.training(name)
    let engine = try Engine(threads: 2, instructionSet: set)
    let images = Tensor(training.images(2), shape: [2] + training.c.inputShape)
    for precision in Self.precisions {
      let model = try VisionTransformer(training.weights(), precision: PrecisionPlan(precision), engine: engine)
      #expect(try training.run(engine, precision: precision).logits == model(images).float32(), "\(precision)")
    }
  }

  /// Root mean square of the error over that of the gradient, tensor by tensor: at most `roundings` rounding errors
  /// that add up as in a random walk. Forward and backward through two blocks of a small width: fewer than 4,096 in a
  /// chain.
  static func expectClose(
    _ found: some Sequence<Float>, _ expected: [Double], _ label: String, roundings: Double = 4096
  ) {
    let relative = relativeDifference(found.map(Double.init), expected)
    let bound = roundings.squareRoot() * unitRoundoff
    #expect(relative <= bound, "\(label): relative error \(relative)")
    let operation = label.replacing(/blocks\.[0-9]+\./, with: "").split(separator: " ").last.map(String.init) ?? label
    recordError("small model, \(operation), root mean square over the tensor's", share: relative / bound, error: relative)
  }

  private static func relativeDifference(_ found: [Double], _ expected: [Double]) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (x, y) in zip(found, expected) {
      difference += (x - y) * (x - y)
      size += y * y
    }
    return (difference / size).squareRoot()
  }

  /// With drop path and without.
  @Test(arguments: names, [false, true])
  func gradientsAreDerivatives(_ name: String, dropsPaths: Bool) throws {
    let training = try Self.training(name)
    let batch = training.usualBatch
    // Half as many differences of the largest models.
    if training.c.points != nil, !dropsPaths { return }
    let factors = dropsPaths ? Self.factors(training, batch: batch) : nil
    var reference = DoubleTransformer(training.c)
    reference.dropPath = factors?.map(Double.init) ?? []
    let images = training.images(batch).map(Double.init)
    let weights = training.lossWeights(batch).map(Double.init)
    let values = (0..<training.values.count).map { Double(training.values.base[$0]) }
    // Short steps, over which no other token becomes the maximum.
    func slopes(_ values: [Double]) -> [Double] {
      differences(values, step: 1e-5) { reference.loss($0, images: images, batch: batch, weights: weights) }
    }
    let expected = slopes(values)
    // Batch norms of few inputs divide by small deviations: how far the gradient moves with the parameters' roundings.
    let share = 0x1p-20
    var random = SeededGenerator(seed: 4)
    let moved =
      training.c.points == nil
      ? nil : slopes(values.map { $0 * (1 + share * Double.random(in: -1...1, using: &random)) })
    for set in InstructionSet.available {
      let found = try training.run(Engine(threads: 2, instructionSet: set), batch: batch, dropPath: factors).gradients
      for item in training.compared({ Array(expected[training.starts[$0]..<training.starts[$0 + 1]]) }) {
        let own = item.ranges.flatMap { expected[$0] }
        let condition = moved.map { moved in
          max(1, Self.relativeDifference(item.ranges.flatMap { moved[$0] }, own) / share)
        }
        #expect(condition ?? 1 < 1024, "\(item.name): the bound means nothing")
        Self.expectClose(
          item.ranges.flatMap { found[$0] }, own, "\(set), \(item.name)",
          roundings: 4096 * (condition ?? 1) * (condition ?? 1))
      }
    }
  }

  @Test(arguments: InstructionSet.available, names)
  func bitsDependOnNoThreads(_ set: InstructionSet, _ name: String) throws {
    let training = try Self.training(name)
    let factors = Self.factors(training, batch: 5)
    for precision in Self.precisions {
      func run(threads: Int) throws -> (logits: [Float], gradients: [Float]) {
        let engine = try Engine(threads: threads, instructionSet: set)
        return try training.run(engine, precision: precision, batch: 5, dropPath: factors)
      }
      let expected = try run(threads: 1)
      for threads in [2, 3, 8] {
        let found = try run(threads: threads)
        #expect(
          found.logits == expected.logits && found.gradients == expected.gradients, "\(precision), \(threads) threads")
      }
    }
  }

  /// Gradients are dL/dW_hat: those of a model that is merged have the same bits.
  @Test(arguments: InstructionSet.available, precisions)
  func pathwaysHaveTheGradientsOfMergedWeights(_ set: InstructionSet, _ precision: Precision) throws {
    let training = try Self.training("biases of queries and values")
    let engine = try Engine(threads: 2, instructionSet: set)
    let auxiliaries = [TrainingCase(training.c, seed: 7), TrainingCase(training.c, seed: 8)]
    let merged = TrainingCase(training.c)
    let scales = FloatBuffer(count: 2 * 2 * 4)
    var random = SeededGenerator(seed: 9)
    var terms: [TrainedTerm] = []
    var biases: [FloatBuffer] = []
    for (m, auxiliary) in auxiliaries.enumerated() {
      for block in 0..<2 {
        for (place, layer) in PathwayLayer.allCases.enumerated() {
          let scale = scales.base + (m * 2 + block) * 4 + place
          scale.pointee = Float.random(in: -1...1, using: &random)
          func index(_ part: String) throws -> Int? {
            training.parameters.firstIndex { $0.name == layer.name(inBlock: block) + part }
          }
          func add(_ source: UnsafePointer<Float>, to index: Int, from first: Int = 0) {
            let target = merged.values.base + training.starts[index]
            for element in 0..<training.parameters[index].count {
              target[element] = target[element].addingProduct(scale.pointee, source[first + element])
            }
          }
          let weight = try #require(try index(".weight"))
          let other = auxiliary.values.base + training.starts[weight]
          add(other, to: weight)
          // The second auxiliary's biases are combined.
          let bias = FloatBuffer(count: 18)
          for element in 0..<18 { bias.base[element] = Float.random(in: -1...1, using: &random) }
          biases.append(bias)
          if m == 1 {
            if let own = try index(".bias") { add(bias.base, to: own) }
            if layer == .qkv {
              let names = ["blocks.\(block).attn.q_bias", "blocks.\(block).attn.v_bias"]
              for (part, name) in names.enumerated() {
                add(bias.base, to: try #require(training.parameters.firstIndex { $0.name == name }), from: 12 * part)
              }
            }
          }
          terms.append(
            TrainedTerm(block: block, layer: layer, weight: other, bias: m == 1 ? bias.base : nil, scale: scale))
        }
      }
    }
    let found = try training.run(engine, precision: precision, pathways: terms)
    let expected = try merged.run(engine, precision: precision)
    #expect(found.logits == expected.logits && found.gradients == expected.gradients)
    withExtendedLifetime((auxiliaries, scales, biases)) {}
  }

  /// Parameters are read in every pass: a pass after a change is that of a new one.
  @Test func parametersAreReadInEveryPass() throws {
    let training = try Self.training("registers without positions")
    let engine = try Engine(threads: 2)
    let gradients = FloatBuffer(count: training.values.count)
    let pass = try TrainingPass(
      training.c, parameters: training.pointers(training.values), gradients: training.pointers(gradients), batch: 2,
      engine: engine)
    func logits() throws -> [Float] {
      try training.images(2).withUnsafeBufferPointer { try pass.forward(#require($0.baseAddress), batch: 2) }
      return Array(UnsafeBufferPointer(start: pass.logits, count: 6))
    }
    let before = try logits()
    for index in 0..<training.values.count { training.values.base[index] *= 0.75 }
    let after = try logits()
    #expect(before != after)
    #expect(try after == training.run(engine).logits)
    let images = Tensor(training.images(2), shape: [2] + training.c.inputShape)
    #expect(try pass.model(images).float32() == after)
  }

  @Test(arguments: names, precisions)
  func twoPassesAddTheirGradients(_ name: String, _ precision: Precision) throws {
    let training = try Self.training(name)
    let engine = try Engine(threads: 2)
    let second = training.images(2, seed: 11)
    let first = try training.run(engine, precision: precision).gradients
    let alone = try training.run(engine, precision: precision, images: second).gradients
    let both = try training.run(engine, precision: precision, images: second, before: first).gradients
    #expect(both == zip(first, alone).map(+))
  }

  @Test(arguments: names, precisions)
  func recomputingBlocksChangesNoBit(_ name: String, _ precision: Precision) throws {
    let training = try Self.training(name)
    let engine = try Engine(threads: 2)
    let factors = Self.factors(training, batch: 2)
    let kept = try training.run(engine, precision: precision, dropPath: factors)
    let recomputed = try training.run(engine, precision: precision, dropPath: factors, recomputesBlocks: true)
    #expect(kept.logits == recomputed.logits && kept.gradients == recomputed.gradients)
  }

  /// Nothing is added for a frozen parameter, and the others' bits do not depend on it.
  @Test(
    arguments: ["layer scale", "norm before the blocks", "mean before the norm", "pooler", "two heads", "parts"],
    precisions)
  func frozenParametersHaveNoGradient(_ name: String, _ precision: Precision) throws {
    let training = try Self.training(name)
    let engine = try Engine(threads: 2)
    let all = try training.run(engine, precision: precision).gradients
    let names = training.parameters.map(\.name)
    func isEmbedding(_ name: String) -> Bool { !name.hasPrefix("blocks.") && !name.hasPrefix("head.") }
    for frozen in [
      Set(names.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)),
      Set(names.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)),
      // From below: the embedding, a block too, all but the head, everything.
      Set(names.filter(isEmbedding)), Set(names.filter { isEmbedding($0) || $0.hasPrefix("blocks.0.") }),
      Set(names.filter { !$0.hasPrefix("head.") }), Set(names),
    ] {
      let found = try training.run(engine, precision: precision, frozen: frozen).gradients
      for (index, parameter) in training.parameters.enumerated() {
        let range = training.starts[index]..<training.starts[index + 1]
        #expect(
          frozen.contains(parameter.name) ? found[range].allSatisfy { $0 == 0 } : found[range] == all[range],
          "\(parameter.name)")
      }
    }
  }
}
