import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct TrainedWeightsTests {
  private func tensors(_ weights: PathwayWeights) throws -> [String: [Float]] {
    try weights.merged(engine: Engine(threads: 1)).tensors.mapValues { try $0.float32() }
  }

  @Test(arguments: [PathwayBias.target, .combined])
  func beforeTheFirstStepTheModelIsTheSources(_ bias: PathwayBias) throws {
    let weights = try Models.joined(bias: bias)
    let arena = try Models.arena(weights, Recipe())
    #expect(try tensors(arena.weights(like: weights, of: arena.values)) == tensors(weights))
  }

  @Test func aBlockMapAndChosenLayersAreKept() throws {
    let weights = try Models.joined(layers: [.projection, .fc1], map: .explicit([1: 0]))
    let arena = try Models.arena(weights, Recipe())
    #expect(try tensors(arena.weights(like: weights, of: arena.values)) == tensors(weights))
  }

  @Test func aTargetWithTheClassesKeepsItsHead() throws {
    let weights = try Models.joined()
    #expect(weights.hasHead(for: ["a", "b"]) && !weights.hasHead(for: ["b", "a"]))
    #expect(try tensors(weights.withHead(for: ["a", "b"], seed: 1)) == tensors(weights))
  }

  @Test func aHeadForAnotherTaskIsReplaced() throws {
    let weights = try Models.joined()
    #expect(!weights.hasHead(for: ["a", "b"], task: .multiLabel))
    let headed = try weights.withHead(for: ["a", "b"], task: .multiLabel, seed: 1)
    #expect(headed.target.configuration.task == .multiLabel && headed.hasHead(for: ["a", "b"], task: .multiLabel))
    #expect(try headed.target.tensor("head.weight").float32() != weights.target.tensor("head.weight").float32())
  }

  @Test func aNewHeadIsSmallAndLeavesTheRest() throws {
    let weights = try Models.joined()
    let headed = try weights.withHead(for: ["x", "y", "z"], seed: 1)
    #expect(headed.target.configuration.labels == ["x", "y", "z"] && headed.pathways.count == 1)
    let head = try headed.target.tensor("head.weight").float32()
    #expect(head.count == 96 && head.allSatisfy { abs($0) < 2e-4 } && Set(head).count > 90)
    #expect(try headed.target.tensor("head.bias").float32() == [0, 0, 0])
    #expect(try headed.target.tensor("pos_embed").float32() == weights.target.tensor("pos_embed").float32())
    #expect(try headed.withHead(for: ["p", "q"], seed: 1).target.tensor("head.weight").shape == [2, 32])
  }

  @Test func aModelWithoutAHeadGetsOne() throws {
    var c = Models.configuration
    (c.classCount, c.labels, c.pooling) = (0, nil, .none)
    let weights = try PathwayWeights(.random(c, seed: 1)).withHead(for: ["a", "b"], seed: 1)
    #expect(weights.target.configuration.pooling == .token)
    #expect(try weights.target.tensor("head.weight").shape == [2, 32])
  }
}
