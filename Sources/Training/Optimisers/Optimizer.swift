import PathwayKernels

/// The optimizer of all tensors: the target's, the auxiliaries' and the scales.
///
/// A piece of G is read once for the target's tensor and every auxiliary that is joined to it, whose gradient is
/// lambda G. Scales are changed last: `dL/dW'` is of the scale that the forward pass had.
///
/// Nothing is allocated after `init`.
package final class Optimizer {
  private let recipe: Recipe
  private let arena: ParameterArena
  private let engine: Engine
  private let survey: GradientSurvey
  /// The factor of every tensor's learning rate.
  private let rateFactors: [Double]

  package init(_ recipe: Recipe, _ arena: ParameterArena, engine: Engine) {
    (self.recipe, self.arena, self.engine) = (recipe, arena, engine)
    survey = GradientSurvey(arena)
    rateFactors = arena.table.spans.map { arena.table.rate(of: $0, recipe) }
  }

  /// Changes the values of all that trains, and the average.
  ///
  /// - Parameters:
  ///   - step: its number, from 1.
  ///   - rate: the learning rate of the last layer.
  /// - Returns: the norm of all gradients before clipping.
  /// - Throws: `TrainingError.diverged` before anything is changed; `EngineError`.
  package func step(_ step: Int, rate: Double) throws -> Double {
    try survey.run(engine: engine)
    if let layer = survey.notFinite { throw TrainingError.diverged(step: step, layer: layer, rate: rate) }
    // As PyTorch's clip_grad_norm_.
    let factor = recipe.clip > 0 ? min(1, recipe.clip / (survey.norm + 1e-6)) : 1
    switch recipe.optimizer {
    case .adamW:
      try apply(rate: rate, factor: factor) { AdamW(rate: $0, decay: $1, step: step) }
    case .sgd:
      try apply(rate: rate, factor: factor) { MomentumDescent(rate: $0, decay: $1, momentum: recipe.momentum) }
    }
    try updateAverage()
    return survey.norm
  }

  private func apply<Rule: UpdateRule>(
    rate: Double, factor: Double, _ rule: (_ rate: Double, _ decay: Double) -> Rule
  ) throws {
    let table = arena.table
    /// Moves elements from `start` on.
    func move(_ index: Int, _ start: Int, _ count: Int, _ gradient: UnsafePointer<Float>, _ factor: Float) {
      let span = table.spans[index]
      guard let moments = span.momentOffset else { return }
      let second = arena.second.count > 0 ? arena.second.base + moments + start : arena.first.base + moments + start
      rule(rate * rateFactors[index], span.decays ? recipe.weightDecay : 0).update(
        arena.value(span) + start, gradient: gradient, factor: factor, first: arena.first.base + moments + start,
        second: second, count: count)
    }
    let pieces = table.pieces
    try engine.run { member in
      member.parallelFor(pieces.count) { index in
        let (target, start, count) = (pieces[index].target, pieces[index].start, pieces[index].count)
        let gradient = UnsafePointer(arena.gradients.base + table.spans[target].offset + start)
        for member in table.joints[target]?.members ?? [] {
          let lambda = arena.value(table.spans[member.scale]).pointee
          move(member.auxiliary, start, count, gradient, Float(factor) * lambda)
        }
        move(target, start, count, gradient, Float(factor))
      }
    }
    for scale in survey.scales {
      withUnsafePointer(to: Float(survey.scaleGradients[scale])) { move(scale, 0, 1, $0, Float(factor)) }
    }
  }

  /// average = decay average + (1 - decay) value, of everything.
  private func updateAverage() throws {
    guard let average = arena.average else { return }
    let share = Float(1 - recipe.ema)
    let (own, values, count) = (average.base, arena.values.base, arena.table.valueCount)
    let piece = ParameterTable.Piece.mostElements
    try engine.run { member in
      member.parallelFor((count + piece - 1) / piece) { index in
        for element in index * piece..<min(count, (index + 1) * piece) {
          own[element] += share * (values[element] - own[element])
        }
      }
    }
  }
}
