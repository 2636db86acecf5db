import Foundation

// Steps of a transformer in Double, each result with the error bound of float32.

/// A number, and the error bound of a correct computation.
public struct Bounded: Sendable {
  public var value: Double
  public var error: Double

  public init(_ value: Double, error: Double) {
    self.value = value
    self.error = error
  }

  /// After it was changed by at most `share` of itself.
  func rounded(by share: Double) -> Bounded { Bounded(value, error: error + share * (abs(value) + error)) }
}

/// LayerNorm of a row.
///
/// The mean has an error of gamma(width) times the mean magnitude, and so have the deviations. The root halves the
/// relative error of the variance, which is at most twice the error of a deviation plus gamma(width + 3).
public func layerNorm(_ row: [Double], gain: [Float], shift: [Float], epsilon: Float) -> [Bounded] {
  let width = row.count
  let mean = row.reduce(0, +) / Double(width)
  let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
  let deviation = (variance + Double(epsilon)).squareRoot()
  let size = row.reduce(0) { max($0, abs($1)) }
  let meanError = gamma(width + 1) * size
  let deviationError = meanError / deviation + gamma(width + 4)
  return (0..<width).map { column in
    let normal = (row[column] - mean) / deviation
    let value = normal * Double(gain[column]) + Double(shift[column])
    let normalError = meanError / deviation + unitRoundoff * size / deviation + abs(normal) * deviationError
    let sum = abs(value) + abs(Double(shift[column]))
    return Bounded(value, error: abs(Double(gain[column])) * normalError * 1.01 + gamma(4) * sum)
  }
}

/// Softmax attention of one query over keys and values, (N, D).
///
/// A score is a sum of D products, with an error of at most e = gamma(2D) |scale| sum |q||k|; its distance to the
/// highest score adds a subtraction, a product, and two roundings of the constant in it. A weight e^s then has an error
/// factor within exp(2e), times 4 ULP of two vector exponentials and the roundings of N sums, twice.
///
/// - Parameter rounding: the relative rounding of weights before they multiply values, with an exponential within
///   2^-18; 0: no rounding.
public func attention(
  query: [Double], keys: [[Double]], values: [[Double]], scale: Double, rounding: Double = 0
) -> [Bounded] {
  let (n, d) = (keys.count, query.count)
  var scores = [Double](repeating: 0, count: n)
  var scoreError = 0.0
  for key in 0..<n {
    var size = 0.0
    for c in 0..<d {
      let term = query[c] * keys[key][c]
      scores[key] += term
      size += abs(term)
    }
    scores[key] *= scale
    scoreError = max(scoreError, gamma(2 * d) * size * abs(scale))
  }
  let top = scores.max() ?? 0
  scoreError += gamma(4) * (top - (scores.min() ?? 0))
  let weights = scores.map { exp($0 - top) }
  let total = weights.reduce(0, +)
  // 2^-18 for a narrow exponential, in numerator and sum, with a margin.
  let narrow = rounding > 0 ? (1 + rounding) * (1 + 0x1p-16) : 1
  let relative = exp(2 * scoreError) * (1 + gamma(2 * (2 * n + 16))) * narrow - 1
  return (0..<d).map { c in
    var (sum, size) = (0.0, 0.0)
    for key in 0..<n {
      let term = weights[key] / total * values[key][c]
      sum += term
      size += abs(term)
    }
    return Bounded(sum, error: relative * size + 0x1p-126)
  }
}

/// Exact GELU, x Phi(x), whose slope is below 1.13, computed within 2^-21 of x, or 2^-17 after a narrow product.
public func gelu(_ x: Bounded, isNarrow: Bool) -> Bounded {
  let value = 0.5 * x.value * (1 + erf(x.value * 0.5.squareRoot()))
  return Bounded(value, error: 1.13 * x.error + (isNarrow ? 0x1p-17 : 0x1p-21) * (abs(x.value) + x.error))
}
