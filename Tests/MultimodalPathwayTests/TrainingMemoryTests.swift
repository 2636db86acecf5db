import Foundation
import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// What a training pass takes of memory, and when.
@Suite struct TrainingMemoryTests {
  private static func pass(
    _ training: TrainingCase, _ gradients: FloatBuffer, precision: Precision = .float32, batch: Int = 3,
    recomputesBlocks: Bool = false
  ) throws -> TrainingPass {
    try TrainingPass(
      training.c, parameters: training.pointers(training.values), gradients: training.pointers(gradients),
      precision: precision, batch: batch, recomputesBlocks: recomputesBlocks, engine: Engine(threads: 2))
  }

  private static func bytes(_ pass: TrainingPass) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: pass.memory.map { ($0.part, $0.bytes) })
  }

  /// Of two blocks, whatever belongs to a block is halved; only LayerScale keeps branches.
  @Test func recomputingKeepsOneBlock() throws {
    for (name, keepsBranches) in [("layer scale", true), ("class token", false)] {
      let training = TrainingCase(try #require(TrainingCase.configurations.first { $0.name == name }).c)
      let gradients = FloatBuffer(count: training.values.count)
      let kept = Self.bytes(try Self.pass(training, gradients))
      let recomputed = Self.bytes(try Self.pass(training, gradients, recomputesBlocks: true))
      #expect(kept.keys == recomputed.keys && kept.keys.contains("branches") == keepsBranches)
      let ofBlocks: Set = [
        "residual stream after attention", "queries, keys and values", "attention", "attention's statistics",
        "before the activation", "branches",
      ]
      for (part, bytes) in kept {
        #expect(recomputed[part] == (ofBlocks.contains(part) ? bytes / 2 : bytes), "\(part)")
      }
    }
  }

  private static let counter = dlsym(nil, "m2pt_allocation_count").map {
    // SAFETY: the symbol of Tests/Checks/count_allocations.c, a C function of this type.
    unsafeBitCast($0, to: (@convention(c) () -> Int).self)
  }

  /// Runs where Tests/Checks/allocations has put the counter before malloc.
  @Test(.enabled(if: counter != nil))
  func steadyPassesAllocateNothing() throws {
    for precision in TrainingPassTests.precisions { try Self.expectNoAllocations(precision) }
  }

  private static func expectNoAllocations(_ precision: Precision) throws {
    let count = try #require(counter)
    for name in [
      "layer scale", "norm before the blocks", "mean before the norm", "mean and maximum", "clips", "pooler",
      "two heads", "points", "parts",
    ] {
      let training = TrainingCase(try #require(TrainingCase.configurations.first { $0.name == name }).c)
      let gradients = FloatBuffer(count: training.values.count)
      let pass = try Self.pass(
        training, gradients, precision: precision, recomputesBlocks: name == "layer scale")
      let (images, slopes) = (training.images(3), training.lossWeights(3))
      let factors = [Float](repeating: 1.25, count: training.c.depth * 2 * 3)
      try images.withUnsafeBufferPointer { images in
        try factors.withUnsafeBufferPointer { factors in
          guard let base = images.baseAddress else { return }
          func step() throws {
            try pass.forward(base, batch: 3, dropPath: factors.baseAddress)
            slopes.withUnsafeBufferPointer { slopes in
              if let first = slopes.baseAddress { pass.logitGradients.update(from: first, count: slopes.count) }
            }
            try pass.backward()
          }
          try step()
          let before = count()
          for _ in 0..<3 { try step() }
          let after = count()
          #expect(after == before, "\(name), \(precision): \(after - before) allocations in 3 steps")
        }
      }
    }
  }
}
