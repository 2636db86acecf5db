import Foundation

/// A learning rate that rises in a line during the warm-up and falls to 0 along a cosine afterwards, step by step.
///
/// Step t of T, from 0, with a warm-up of W steps and the base rate r:
///
///     r (t + 1) / W                                t < W
///     r (1 + cos(pi (t - W) / (T - W))) / 2        otherwise
public struct LearningRateSchedule: Sendable, Hashable {
  /// r.
  public let base: Double
  /// T.
  public let steps: Int
  /// W, at most T.
  public let warmup: Int

  /// A schedule of `steps` steps, of which `warmup` are the warm-up.
  public init(base: Double, steps: Int, warmup: Int) {
    self.base = base
    self.steps = max(0, steps)
    self.warmup = min(max(0, warmup), self.steps)
  }

  /// The schedule of a recipe whose epochs have `stepsPerEpoch` steps.
  public init(_ recipe: Recipe, stepsPerEpoch: Int) {
    self.init(
      base: recipe.learningRate, steps: recipe.epochs * stepsPerEpoch,
      warmup: Int((min(recipe.warmupEpochs, Double(recipe.epochs)) * Double(stepsPerEpoch)).rounded()))
  }

  /// The rate of a step, from 0.
  public func callAsFunction(_ step: Int) -> Double {
    if step < warmup { return base * Double(step + 1) / Double(warmup) }
    guard step < steps else { return 0 }
    return base * 0.5 * (1 + cos(.pi * Double(step - warmup) / Double(steps - warmup)))
  }
}
