/// Gradient descent with momentum and coupled weight decay, as PyTorch's `SGD` without dampening. Of a value w with the
/// gradient g, with the rate r, the decay d and the momentum u:
///
///     b = u b + (g + d w)
///     w = w - r b
struct MomentumDescent: UpdateRule {
  private let rate: Float
  private let decay: Float
  private let momentum: Float

  init(_ recipe: Recipe, rate: Double, decay: Double, step: Int) {
    (self.rate, self.decay, momentum) = (Float(rate), Float(decay), Float(recipe.momentum))
  }

  @inline(__always)
  func update(
    _ values: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, factor: Float,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int
  ) {
    for index in 0..<count {
      let b = momentum * first[index] + (factor * gradient[index] + decay * values[index])
      first[index] = b
      values[index] -= rate * b
    }
  }
}
