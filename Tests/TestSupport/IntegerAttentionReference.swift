import Foundation

/// Attention of one query in int8 (IntegerAttention.swift): its integers made again, its sums in Double.
///
/// What is left to differ: five roundings of either part of a score, as of a product in int8; the exponent's four and
/// 2^-18 of its power; half a step of a power, and the roundings of `shifter + power steps` where they are two; one of
/// an exact sum as float32, and a few of sums over blocks of keys.
public struct IntegerAttentionReference {
  private let keys: (integers: [Int], scales: [Float])
  private let values: (integers: [Int], scales: [Float], middles: [Float])
  private let n: Int
  private let d: Int
  private let scale: Double
  private let steps: Double

  /// - Parameters:
  ///   - keys: (N, D), and values, exact in bfloat16.
  ///   - isBytes: whether words hold bytes: powers have 16 bits then, and 15 in words of 16-bit integers.
  public init(keys: [[Float]], values: [[Float]], scale: Float, isBytes: Bool) {
    (n, d) = (keys.count, keys[0].count)
    self.scale = Double(scale)
    steps = isBytes ? 65_535 : 32_767
    let means = (0..<d).map { c in keys.reduce(Float(0)) { $0 + $1[c] } / Float(keys.count) }
    self.keys = quantizedWeights(keys.flatMap { zip($0, means).map { $0 - $1 } }, rows: n, d)
    var columns: (integers: [Int], scales: [Float], middles: [Float]) = ([], [], [])
    for c in 0..<d {
      let column = values.map { $0[c] }
      let (low, high) = (column.min() ?? 0, column.max() ?? 0)
      let (middle, step) = ((low + high) * 0.5, (high - low) / 254)
      columns.scales.append(step)
      columns.middles.append(middle)
      columns.integers += column.map { Int((($0 - middle) * (step > 0 ? 1 / step : 0)).rounded(.toNearestOrEven)) }
    }
    self.values = columns
  }

  /// The outputs, (D), before they are rounded to bfloat16.
  public func callAsFunction(_ query: [Float]) -> [Bounded] {
    let low = query.min() ?? 0
    let step = ((query.max() ?? 0) - low) / 255
    let u = query.map { Int((($0 - low) * (step > 0 ? 1 / step : 0)).rounded(.toNearestOrEven)) }
    var scoreError = 0.0
    let scores = (0..<n).map { key in
      let q = keys.integers[key * d..<(key + 1) * d]
      let sum = zip(u, q).reduce(0) { $0 + $1.0 * $1.1 }
      let parts = (Double(step) * Double(sum), Double(low) * Double(q.reduce(0, +)))
      let factor = Double(keys.scales[key]) * scale
      scoreError = max(scoreError, gamma(5) * abs(factor) * (abs(parts.0) + abs(parts.1)))
      return factor * (parts.0 + parts.1)
    }
    let top = scores.max() ?? 0
    scoreError += gamma(4) * (top - (scores.min() ?? 0))
    let relative = exp(2 * scoreError) * (1 + 0x1p-17) * (1 + gamma(20)) - 1
    let powers = scores.map { steps * exp($0 - top) }
    let errors = powers.map { $0 * relative + 0.5 + 0x1p-8 }
    let total = powers.reduce(0, +)
    let least = max(1, total - errors.reduce(0, +))
    return (0..<d).map { c in
      let integers = values.integers[c * n..<(c + 1) * n].map(Double.init)
      let mean = zip(powers, integers).reduce(0) { $0 + $1.0 * $1.1 } / total
      let size = zip(powers, integers).reduce(0) { $0 + ($1.0 + 1) * abs($1.1) } / total
      // (sum (p + e) v) / sum (p + e) is off by sum e (v - mean) / sum (p + e).
      let drift = zip(errors, integers).reduce(0) { $0 + $1.0 * abs($1.1 - mean) } / least
      let (factor, middle) = (Double(values.scales[c]), Double(values.middles[c]))
      let roundings = gamma(4 * (n / 256 + 1) + 24) * (size + abs(mean)) + drift
      return Bounded(
        factor * mean + middle, error: factor * roundings + gamma(2) * (factor * abs(mean) + abs(middle)) + 0x1p-120)
    }
  }
}
