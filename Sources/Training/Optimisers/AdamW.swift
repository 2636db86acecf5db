/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), with the operations of PyTorch's `AdamW`
/// in their order. Of a value w with the gradient g, in step t from 1, with the rate r and the decay d:
///
///     w = w (1 - r d)
///     m = m + (1 - beta1) (g - m)
///     v = beta2 v + (1 - beta2) g g
///     w = w - r / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
struct AdamW: UpdateRule {
  static let beta1 = 0.9
  static let beta2 = 0.999
  static let epsilon: Float = 1e-8

  private let keep: Float
  private let rate: Float
  private let firstShare: Float
  private let secondKeep: Float
  private let secondShare: Float
  private let root: Float

  init(_ recipe: Recipe, rate: Double, decay: Double, step: Int) {
    let (first, second) = (1 - Self.power(Self.beta1, step), 1 - Self.power(Self.beta2, step))
    keep = Float(1 - rate * decay)
    self.rate = Float(rate / first)
    firstShare = Float(1 - Self.beta1)
    secondKeep = Float(Self.beta2)
    secondShare = Float(1 - Self.beta2)
    root = Float(second.squareRoot())
  }

  /// By squaring: the same bits on every system.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }

  @inline(__always)
  func update(
    _ values: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, factor: Float,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int
  ) {
    for index in 0..<count {
      let g = factor * gradient[index]
      let m = first[index] + firstShare * (g - first[index])
      let v = secondKeep * second[index] + secondShare * g * g
      first[index] = m
      second[index] = v
      values[index] = keep * values[index] - rate * (m / (v.squareRoot() / root + Self.epsilon))
    }
  }
}
