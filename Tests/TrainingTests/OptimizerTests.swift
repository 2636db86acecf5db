import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct OptimizerTests {
  private func step(_ weights: PathwayWeights, _ recipe: Recipe, threads: Int = 2) throws -> ParameterArena {
    let arena = try Models.arena(weights, recipe)
    _ = try Optimizer(recipe, arena, engine: Engine(threads: threads)).step(1, rate: 0.01)
    return arena
  }

  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    change(&recipe)
    return recipe
  }

  private func changes(_ recipe: Recipe, scale: Float = 0.1) throws -> Set<String> {
    let weights = try Models.joined(scale: scale)
    return try step(weights, recipe).changed(from: Models.arena(weights, recipe))
  }

  @Test func everythingMovesWhereNothingIsFrozen() throws {
    #expect(try changes(recipe()) == Set(ParameterTable(Models.joined()).spans.map(\.name)))
  }

  @Test func frozenLinearLayersStay() throws {
    let changed = try changes(recipe { $0.freeze = .linear })
    #expect(changed.count == 10 && changed.isSuperset(of: ["head.weight", "head.bias"]))
    #expect(changed.subtracting(["head.weight", "head.bias"]).allSatisfy { $0.hasPrefix("scales.0.") })
  }

  @Test func frozenAuxiliariesStay() throws {
    let all = try ParameterTable(Models.joined()).spans.map(\.name)
    #expect(try changes(recipe { $0.freeze = .auxiliary }) == Set(all.filter { !$0.hasPrefix("auxiliaries.") }))
  }

  @Test func anAuxiliaryWithScale0MovesByItsDecayAlone() throws {
    #expect(
      try changes(recipe { $0.weightDecay = 0 }, scale: 0).allSatisfy { !$0.hasPrefix("auxiliaries.") })
    let weights = try Models.joined(scale: 0)
    let arena = try step(weights, recipe())
    let name = "blocks.1.mlp.fc1.weight"
    let before = try weights.pathways[0].auxiliary.weight(1, .fc1).float32()
    #expect(try arena.numbers("auxiliaries.0.\(name)") == before.map { Float(1 - 0.01 * 0.05) * $0 })
  }

  @Test func scalesThatDoNotLearnStay() throws {
    #expect(try changes(recipe { $0.lambdaRate = 0 }).allSatisfy { !$0.hasPrefix("scales.") })
  }

  @Test func layersThatAreNotJoinedHaveNoAuxiliary() throws {
    let names = try ParameterTable(Models.joined(layers: [.fc2], map: .explicit([1: 0]))).spans.map(\.name)
    #expect(
      names.filter { $0.contains("s.0.blocks") && !$0.hasPrefix("blocks") } == [
        "auxiliaries.0.blocks.1.mlp.fc2.weight", "scales.0.blocks.1.mlp.fc2",
      ])
  }

  @Test(arguments: Recipe.Optimizer.allCases)
  func anyNumberOfThreadsGivesTheSameBits(_ optimizer: Recipe.Optimizer) throws {
    let recipe = recipe {
      $0.optimizer = optimizer
      ($0.clip, $0.ema) = (0.5, 0.9)
    }
    let one = try step(Models.joined(bias: .combined), recipe, threads: 1)
    let three = try step(Models.joined(bias: .combined), recipe, threads: 3)
    #expect(one.bits == three.bits)
  }

  /// SGD moves by rate x gradient: the norm of all moves together is rate x clip.
  @Test func clippingBoundsTheNormOfEverything() throws {
    let recipe = recipe {
      $0.optimizer = .sgd
      ($0.clip, $0.weightDecay) = (0.25, 0)
    }
    let weights = try Models.joined()
    let (before, after) = (try Models.arena(weights, recipe), try step(weights, recipe))
    var square = 0.0
    for span in after.table.spans {
      for (old, new) in try zip(before.numbers(span.name), after.numbers(span.name)) {
        square += (Double(new) - Double(old)) * (Double(new) - Double(old))
      }
    }
    // Each of some 20,000 moves of 1e-5 is a difference of numbers that float32 rounds at 1e-8.
    #expect(abs(square.squareRoot() - 0.01 * 0.25) < 0.01 * 0.25 * 1e-2)
  }

  @Test func gradientsBelowTheNormAreNotClipped() throws {
    let weights = try Models.joined()
    let free = try step(weights, recipe())
    #expect(try step(weights, recipe { $0.clip = 1e6 }).bits == free.bits)
  }

  @Test func aGradientThatIsNotFiniteChangesNothingAndIsNamed() throws {
    let (weights, recipe) = (try Models.joined(), recipe())
    let arena = try Models.arena(weights, recipe)
    let span = try #require(arena.table.spans.first { $0.name == "blocks.1.norm1.bias" })
    arena.gradients.base[span.offset + 3] = .nan
    let before = arena.bits
    #expect(throws: TrainingError.diverged(step: 7, layer: "blocks.1.norm1.bias", rate: 0.01)) {
      try Optimizer(recipe, arena, engine: Engine(threads: 1)).step(7, rate: 0.01)
    }
    #expect(arena.bits == before)
  }

  @Test func theAverageIsOfAllValues() throws {
    let (weights, recipe) = (try Models.joined(), recipe { $0.ema = 0.75 })
    let arena = try step(weights, recipe)
    let before = try Models.arena(weights, recipe)
    let average = try #require(arena.average)
    for index in 0..<arena.table.valueCount {
      let old = before.values.base[index]
      #expect(average.base[index] == old + 0.25 * (arena.values.base[index] - old))
    }
  }
}
