import Foundation
import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct RunCheckpointTests {
  private func recipe() -> Recipe {
    var recipe = Recipe()
    (recipe.ema, recipe.seed) = (0.9, 3)
    return recipe
  }

  private func checkpoint() -> RunCheckpoint {
    var checkpoint = RunCheckpoint(recipe: recipe(), data: "abc")
    (checkpoint.step, checkpoint.best, checkpoint.epochLoss) = (17, 0.1 + 0.2, 1.0 / 3)
    return checkpoint
  }

  @Test func readingGivesBackEveryBit() throws {
    try Models.withFolder { folder in
      let file = folder.appendingPathComponent("checkpoint.safetensors")
      let (weights, recipe) = (try Models.joined(), recipe())
      let arena = try Models.arena(weights, recipe)
      for step in 1...2 { _ = try Optimizer(recipe, arena, engine: Engine(threads: 2)).step(step, rate: 0.01) }
      try checkpoint().write(arena, to: file)
      let other = try Models.arena(weights, recipe)
      #expect(try RunCheckpoint.read(file, into: other) == checkpoint())
      #expect(other.bits == arena.bits)
      // What follows depends on moments and average.
      for arena in [arena, other] {
        _ = try Optimizer(recipe, arena, engine: Engine(threads: 1)).step(3, rate: 0.01)
      }
      #expect(other.bits == arena.bits)
      let averages = [arena, other].map { arena in
        UnsafeBufferPointer(start: arena.average!.base, count: arena.table.valueCount).map(\.bitPattern)
      }
      #expect(averages[0] == averages[1])
    }
  }

  @Test func aCheckpointOfAnotherModelIsRefused() throws {
    try Models.withFolder { folder in
      let file = folder.appendingPathComponent("checkpoint.safetensors")
      try checkpoint().write(Models.arena(Models.joined(), recipe()), to: file)
      var narrow = Models.configuration
      narrow.classCount = 2
      narrow.hiddenWidth = 64
      #expect(throws: TrainingError.self) {
        try RunCheckpoint.read(file, into: Models.arena(Models.joined(narrow), recipe()))
      }
      let plain = PathwayWeights(try ModelWeights.random(Models.configuration, seed: 1))
      #expect {
        _ = try RunCheckpoint.read(file, into: Models.arena(plain, recipe()))
      } throws: { error in
        "\(error)".contains("has 'average/auxiliaries.0.blocks.0.attn.proj.weight'")
      }
    }
  }

  @Test func anotherFileIsRefused() throws {
    try Models.withFolder { folder in
      let file = folder.appendingPathComponent("model.safetensors")
      try Checkpoint(tensors: ModelWeights.random(Models.configuration, seed: 1).tensors).write(to: file)
      #expect(throws: TrainingError.badCheckpoint(file: file.path, reason: "it is no checkpoint of a run")) {
        try RunCheckpoint(contentsOf: file)
      }
    }
  }
}
