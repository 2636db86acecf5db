import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// A pass of a model in Double on 1 + P copies of its input, of which the first is exact; what layers' references
/// share.
///
/// In the other copies every intermediate result is moved by its deviation (RoundingModel.swift) with a random sign.
/// What then reaches the output is one draw of the whole model's rounding error, amplified by the model's own
/// derivatives (Monte Carlo arithmetic, Parker 1997; here with Rademacher signs, so that the mean square of the
/// response is the sum of squares that Hoeffding's inequality asks for).
package final class ReferencePass {
  let weights: PathwayWeights
  let engine: Engine
  let signs: ProbeSigns
  /// 1 + P.
  let copies: Int
  private var step = 0

  package init(_ weights: PathwayWeights, copies: Int, engine: Engine, signs: ProbeSigns) {
    self.weights = weights
    self.copies = copies
    self.engine = engine
    self.signs = signs
  }

  /// Numbers a result, so that its signs are its own.
  func nextStep() -> Int {
    step += 1
    return step
  }

  /// Moves every probe's copy of `values`, (copies, count), by `deviation`, (count).
  func probe(_ values: DoubleBuffer, _ deviation: DoubleBuffer, count: Int) {
    signs.move(values.base, by: deviation.base, copies: copies, count: count, step: nextStep())
  }

  /// y of `rows` rows of every copy, and the deviation of float32's error in every element, (rows, N).
  func apply(
    _ layer: DoubleProduct, to x: DoubleBuffer, rows: Int
  ) throws -> (y: DoubleBuffer, deviation: DoubleBuffer) {
    let y = try DoubleBuffer.zeros(copies * rows * layer.n)
    let deviation = try DoubleBuffer.zeros(rows * layer.n)
    try layer.run(engine, x: x.base, rows: rows, y: y.base, deviation: deviation.base)
    try layer.run(engine, x: x.base + rows * layer.k, rows: (copies - 1) * rows, y: y.base + rows * layer.n)
    return (y, deviation)
  }
}
