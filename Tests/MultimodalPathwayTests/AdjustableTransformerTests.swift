import Foundation
import MultimodalPathway
import Synchronization
import TestSupport
import Testing

/// Pathways that are changed on a loaded model.
@Suite struct AdjustableTransformerTests {
  private let target: ModelWeights
  private let auxiliaries: [AuxiliaryWeights]
  private let images: Tensor

  init() throws {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 24), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 2, hiddenWidth: 96)
    c.classCount = 5
    target = try .random(c, seed: 1)
    auxiliaries = try [2, 3].map {
      try AuxiliaryWeights(checkpoint: Checkpoint(tensors: ModelWeights.random(c, seed: $0).tensors))
    }
    var random = SeededGenerator(seed: 4)
    images = Tensor(random.floats(2 * 3 * 24 * 24), shape: [2, 3, 24, 24])
  }

  private func joined(_ scale: Float = 0.05) throws -> PathwayWeights {
    try target.attach(auxiliary: auxiliaries[0], bias: .combined, scale: scale)
  }

  /// The changes that an app makes, each of the result of the one before.
  private func changes() -> [(name: String, change: (PathwayWeights) throws -> PathwayWeights)] {
    let other = auxiliaries[1]
    return [
      ("all scales", { try $0.scaled(0.2) }), ("one layer", { try $0.scaled(["blocks.1.mlp.fc1": -0.3]) }),
      ("a kind of layer", { try $0.scaled(["attn.proj": 0]) }), ("nothing", { $0 }),
      ("another auxiliary too", { try $0.attach(auxiliary: other, blockMap: .reversed, scale: 0.1) }),
      ("of the other", { try $0.scaled(["mlp.fc2": 0.4], auxiliary: 1) }), ("without the first", { try $0.detached() }),
      ("without any", { try $0.detached() }), ("an exchange", { try $0.attach(auxiliary: other, scale: 0.07) }),
    ]
  }

  @Test(arguments: PathwayExecution.allCases, [PrecisionPlan.float32, .bfloat16, .int8])
  func aChangedModelHasTheBitsOfOneThatIsLoadedSo(_ execution: PathwayExecution, _ plan: PrecisionPlan) throws {
    let engine = try Engine(threads: 2)
    let transformer = try AdjustableTransformer(joined(), execution: execution, precision: plan, engine: engine)
    var weights = try joined()
    for (name, change) in changes() {
      weights = try change(weights)
      let changed = try transformer.update(change)
      let loaded = try VisionTransformer(weights, execution: execution, precision: plan, engine: engine)
      #expect(try changed(images).float32() == loaded(images).float32(), "\(name)")
      #expect(changed === transformer.model && transformer.weights.pathways.count == weights.pathways.count)
      #expect(changed.execution == execution && changed.precision == loaded.precision)
    }
  }

  @Test func aModelThatWasTakenStaysAsItIs() throws {
    let transformer = try AdjustableTransformer(joined(), engine: Engine(threads: 1))
    let old = transformer.model
    let before = try old(images).float32()
    try transformer.update { try $0.scaled(0.5) }
    #expect(try old(images).float32() == before)
    #expect(try transformer.model(images).float32() != before)
  }

  @Test func passesSeeOneOfTwoModelsWhole() throws {
    let engine = try Engine(threads: 2)
    let transformer = try AdjustableTransformer(joined(), engine: engine)
    let scales: [Float] = [0.05, 0.4]
    let expected = try scales.map { try VisionTransformer(joined($0), execution: .merged, engine: engine)(images) }
      .map { try $0.float32() }
    #expect(expected[0] != expected[1])
    let (state, readers) = (State(), DispatchGroup())
    for _ in 0..<3 {
      readers.enter()
      // Threads of their own: those of a pool could wait until the changes are done.
      Thread {
        defer { readers.leave() }
        do {
          repeat {
            let logits = try transformer.model(images).float32()
            #expect(expected.contains(logits))
            state.passes.add(1, ordering: .relaxed)
          } while !state.isDone.load(ordering: .relaxed)
        } catch {
          Issue.record(error)
        }
      }.start()
    }
    while state.passes.load(ordering: .relaxed) == 0 { usleep(1000) }
    for change in 0..<20 { try transformer.update { try $0.scaled(scales[(change + 1) % 2]) } }
    state.isDone.store(true, ordering: .relaxed)
    readers.wait()
    #expect(try transformer.model(images).float32() == expected[0])
  }

  private final class State: Sendable {
    let isDone = Atomic(false)
    let passes = Atomic(0)
  }

  @Test func aChangeThatFailsChangesNothing() throws {
    let transformer = try AdjustableTransformer(joined(), engine: Engine(threads: 1))
    let model = transformer.model
    #expect(throws: PathwayError.scaleNotFinite(layer: "blocks.0.attn.proj")) {
      try transformer.update { try $0.scaled(.nan) }
    }
    #expect(throws: PathwayError.noSuchAuxiliary(found: 1, count: 1)) {
      try transformer.update { try $0.scaled(0.1, auxiliary: 1) }
    }
    #expect(throws: PathwayError.noSuchAuxiliary(found: -1, count: 1)) {
      try transformer.update { try $0.detached(-1) }
    }
    #expect(throws: PathwayError.notJoined(layer: "blocks.2.attn.qkv")) {
      try transformer.update { try $0.scaled(["blocks.2.attn.qkv": 1]) }
    }
    #expect(transformer.model === model && transformer.weights.pathways[0].scales["blocks.0.attn.qkv"] == 0.05)
  }

  @Test func warningsAreThoseOfTheAuxiliariesThatAreLeft() throws {
    let two = try joined().attach(auxiliary: auxiliaries[1], blockMap: .reversed)
    #expect(try two.detached(1).warnings == joined().warnings)
    #expect(try two.detached(0).detached(0).warnings.isEmpty)
  }

  @Test func anotherTargetIsLoadedWhole() throws {
    let transformer = try AdjustableTransformer(joined(), engine: Engine(threads: 1))
    let other = try ModelWeights.random(target.configuration, seed: 8)
    let changed = try transformer.update { _ in PathwayWeights(other) }
    #expect(try changed(images).float32() == VisionTransformer(other, engine: changed.engine)(images).float32())
  }
}
