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
    case .adamW: try apply(Update<AdamW>(optimizer: self, step: step, rate: rate, factor: factor))
    case .sgd: try apply(Update<MomentumDescent>(optimizer: self, step: step, rate: rate, factor: factor))
    }
    if let average = arena.average {
      var context = Average(
        own: average.base, values: arena.values.base, count: arena.table.valueCount, share: Float(1 - recipe.ema))
      try engine.run(&context) { member, context in
        // SAFETY: the engine hands over `context`, which members only read.
        context.assumingMemoryBound(to: Average.self).pointee.run(&member)
      }
    }
    return survey.norm
  }

  private func apply<Rule: UpdateRule>(_ update: Update<Rule>) throws {
    var context = update
    try engine.run(&context) { member, context in
      // SAFETY: as above.
      context.assumingMemoryBound(to: Update<Rule>.self).pointee.run(&member)
    }
    for scale in survey.scales {
      withUnsafePointer(to: Float(survey.scaleGradients[scale])) { update.move(scale, 0, 1, $0, Float(update.factor)) }
    }
  }

  /// What the members of a step share.
  private struct Update<Rule: UpdateRule> {
    let optimizer: Optimizer
    let step: Int
    let rate: Double
    /// What gradients are multiplied by.
    let factor: Double

    func run(_ member: inout Member) {
      let arena = optimizer.arena
      let (table, pieces) = (arena.table, arena.table.pieces)
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

    /// Moves elements of a tensor from `start` on.
    func move(_ index: Int, _ start: Int, _ count: Int, _ gradient: UnsafePointer<Float>, _ factor: Float) {
      let (arena, recipe) = (optimizer.arena, optimizer.recipe)
      let span = arena.table.spans[index]
      guard let moments = span.momentOffset else { return }
      let first = arena.first.base + moments + start
      let rule = Rule(
        recipe, rate: rate * optimizer.rateFactors[index], decay: span.decays ? recipe.weightDecay : 0, step: step)
      rule.update(
        arena.value(span) + start, gradient: gradient, factor: factor, first: first,
        second: arena.second.count > 0 ? arena.second.base + moments + start : first, count: count)
    }
  }

  /// average = decay average + (1 - decay) value, of everything.
  private struct Average {
    let own: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>
    let count: Int
    /// 1 - decay.
    let share: Float

    func run(_ member: inout Member) {
      let piece = ParameterTable.Piece.mostElements
      member.parallelFor((count + piece - 1) / piece) { index in
        for element in index * piece..<min(count, (index + 1) * piece) {
          own[element] += share * (values[element] - own[element])
        }
      }
    }
  }
}
