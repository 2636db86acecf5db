import MultimodalPathway
import PathwayKernels
import PathwayTraining
import TestSupport
import Testing

/// Five steps of PyTorch's optimizers in float64, with timm's parameter groups (Tests/Fixtures/training).
@Suite struct OptimizerGoldenTests {
  private func golden() throws -> GoldenRun {
    var c = GoldenRun.configuration(width: 8)
    c.registerTokens = 1
    return try GoldenRun("optimizer", c)
  }

  @Test(arguments: [Recipe.Optimizer.adamW, .sgd])
  func fiveStepsEqualPyTorchs(_ optimizer: Recipe.Optimizer) throws {
    let golden = try golden()
    var recipe = Recipe()
    (recipe.optimizer, recipe.clip, recipe.ema) = (optimizer, optimizer == .adamW ? 1 : 0, 0.9)
    (recipe.layerDecay, recipe.lambdaRate) = (0.65, 10)
    let arena = try Models.arena(golden.weights, recipe)
    let rates: [Double] = try golden.json("rates")
    let norms: [String: [Double]] = try golden.json("norms")
    for (index, rate) in rates.enumerated() {
      for span in arena.table.spans where span.owner == .target {
        let gradient = try golden.tensor("gradient/\(index)/\(span.name)").float32()
        (arena.gradients.base + span.offset).update(from: gradient, count: gradient.count)
      }
      let norm = try Optimizer(recipe, arena, engine: Engine(threads: 2)).step(index + 1, rate: rate)
      // Sums are in Double, of scales that float32 rounds in every step.
      #expect(abs(norm - norms[optimizer.rawValue]![index]) <= norm * 8 * unitRoundoff * Double(index + 1))
    }
    try compare(arena, arena.values, golden, "\(optimizer.rawValue)/values/", rates)
    try compare(arena, try #require(arena.average), golden, "\(optimizer.rawValue)/average/", rates)
  }

  /// A step rounds a value four times, w (1 - r d) - r u, and its update u, which is at most 10 here, some 16 times: the
  /// moments, the factor of clipping and lambda are rounded numbers too.
  private func compare(
    _ arena: ParameterArena, _ memory: FloatBuffer, _ golden: GoldenRun, _ prefix: String, _ rates: [Double]
  ) throws {
    var worst = WorstError()
    let moved = rates.reduce(0) { $0 + 10 * $1 * 10 }
    for span in arena.table.spans {
      for (index, expected) in try golden.numbers(prefix + span.name).enumerated() {
        let bound = gamma(4 * rates.count) * abs(expected) + gamma(16 * rates.count) * moved
        worst.note(memory.base[span.offset + index], expected, bound: bound, at: [span.offset, index])
      }
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(prefix): \(worst)")
  }

  @Test func layersAndDecayAreTimms() throws {
    let golden = try golden()
    let table = try ParameterTable(golden.weights)
    let factors: [String: Double] = try golden.json("factors")
    let decays: [String: Double] = try golden.json("decays")
    var recipe = Recipe()
    recipe.layerDecay = 0.65
    for span in table.spans where span.owner == .target {
      #expect(abs(table.rate(of: span, recipe) - factors[span.name]!) < 1e-15, "\(span.name)")
      #expect(span.decays == (decays[span.name]! > 0), "\(span.name)")
    }
  }
}
