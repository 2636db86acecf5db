import Foundation

// Gradients of the operations of a block in Double, each with the bound of what float32 may make of it.
// GradientReferenceTests compares every one with differences of the operation itself.

/// d/dx gelu(x) = Phi(x) + x phi(x).
public func geluSlope(_ x: Double) -> Double {
  0.5 * erfc(-x * 0.5.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
}

/// A row's mean and 1 / sqrt(variance + epsilon).
public func normStatistics(_ row: [Double], epsilon: Double) -> (mean: Double, inverse: Double) {
  let mean = row.reduce(0, +) / Double(row.count)
  let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
  return (mean, 1 / (variance + epsilon).squareRoot())
}

/// dx of y = gain (x - mean) inverse + shift for one row, and what the row adds to the gradients of gain and shift.
///
/// A normal number n is off by e = |mean's error| inverse + (relative error of inverse and of the difference) |n|. The
/// two means of g = gain dy, of width terms each, have gamma(width + 4) of their mean size, and that of g n inherits e.
public func layerNormGradient(
  _ row: [Double], dy: [Double], gain: [Double], epsilon: Double
) -> (dx: [Bounded], dgain: [Bounded], dshift: [Double]) {
  let (width, count) = (row.count, Double(row.count))
  let (mean, inverse) = normStatistics(row, epsilon: epsilon)
  let size = row.reduce(0) { max($0, abs($1)) }
  let meanError = gamma(width + 1) * size * inverse
  let relative = meanError + gamma(width + 8)
  let normals = row.map { value in
    let n = (value - mean) * inverse
    return Bounded(n, error: meanError + unitRoundoff * size * inverse + abs(n) * relative)
  }
  let g = zip(gain, dy).map(*)
  let meanSlope = g.reduce(0, +) / count
  let slopeSize = g.reduce(0) { $0 + abs($1) } / count
  let meanProduct = zip(g, normals).reduce(0) { $0 + $1.0 * $1.1.value } / count
  let productSize = zip(g, normals).reduce(0) { $0 + abs($1.0 * $1.1.value) } / count
  let productError =
    zip(g, normals).reduce(0) { $0 + abs($1.0) * $1.1.error } / count + gamma(width + 4) * productSize
  let dx = (0..<width).map { column in
    let n = normals[column]
    let inner = g[column] - meanSlope - n.value * meanProduct
    let terms = abs(g[column]) + slopeSize + abs(n.value) * productSize
    let error =
      gamma(8) * terms + gamma(width + 4) * slopeSize + abs(n.value) * productError
      + n.error * (abs(meanProduct) + productError)
    return Bounded(inverse * inner, error: inverse * (error * (1 + relative) + abs(inner) * relative) * 1.01)
  }
  let dgain = (0..<width).map { column in
    let value = dy[column] * normals[column].value
    return Bounded(value, error: abs(dy[column]) * normals[column].error + gamma(2) * abs(value))
  }
  return (dx, dgain, dy)
}

/// dq, dk and dv of o = softmax(scale q k^T) v for one head, (N, D) each, of the gradients `dout` of the first queries.
///
/// Scores, probabilities and the output have the errors that `attention` derives. With e of a probability's relative
/// error, ds = scale p (dp - delta) is off by p scale ((|dp| + |delta|) (e + gamma(4)) + errors of dp and delta). Sums
/// of N terms add gamma(2N) of their size.
///
/// - Parameter rounding: the relative rounding of the output, of probabilities and of ds before they become factors,
///   and of gradients where they are stored, with an exponential within 2^-18; 0: no rounding.
public func attentionGradient(
  q: [[Double]], k: [[Double]], v: [[Double]], dout: [[Double]], scale: Double, rounding: Double = 0
) -> (dq: [[Bounded]], dk: [[Bounded]], dv: [[Bounded]]) {
  let (n, d) = (k.count, k[0].count)
  var dq = q.map { $0.map { _ in Sum() } }
  var (dk, dv) = (k.map { $0.map { _ in Sum() } }, k.map { $0.map { _ in Sum() } })
  for query in dout.indices {
    let output = attention(query: q[query], keys: k, values: v, scale: scale, rounding: rounding)
      .map { $0.rounded(by: rounding) }
    let scores = k.map { dot(q[query], $0) }
    let values = scores.map { $0.value * scale }
    let top = values.max() ?? 0
    let worst = scores.reduce(0) { max($0, gamma(2 * d) * $1.size * abs(scale)) }
    let scoreError = worst + gamma(5) * (top - (values.min() ?? 0))
    let narrow = rounding > 0 ? 1 + 0x1p-16 : 1
    let relative = exp(2 * scoreError) * (1 + gamma(2 * (2 * n + 20))) * narrow - 1
    let powers = values.map { exp($0 - top) }
    let total = powers.reduce(0, +)
    let products = dot(dout[query], output.map(\.value))
    let delta = Bounded(
      products.value,
      error: gamma(2 * d + 4) * products.size + zip(dout[query], output).reduce(0) { $0 + abs($1.0) * $1.1.error })
    for key in 0..<n {
      let p = powers[key] / total
      let dp = dot(dout[query], v[key])
      let slope = dp.value - delta.value
      let sizes = abs(dp.value) + abs(delta.value)
      let ds = Bounded(
        scale * p * slope,
        error: abs(scale) * p
          * (sizes * (relative + gamma(6)) + (gamma(2 * d) * dp.size + delta.error) * (1 + relative))
      ).rounded(by: rounding)
      for c in 0..<d {
        dq[query][c].add(ds, k[key][c])
        dk[key][c].add(ds, q[query][c])
        dv[key][c].add(Bounded(p, error: p * relative).rounded(by: rounding), dout[query][c])
      }
    }
  }
  func bounded(_ sums: [[Sum]], _ count: Int) -> [[Bounded]] {
    sums.map { $0.map { $0.bounded(count).rounded(by: rounding) } }
  }
  return (bounded(dq, n), bounded(dk, dout.count), bounded(dv, dout.count))
}

/// A sum of products and the sum of their sizes.
private func dot(_ a: [Double], _ b: [Double]) -> (value: Double, size: Double) {
  zip(a, b).reduce((0, 0)) { ($0.0 + $1.0 * $1.1, $0.1 + abs($1.0 * $1.1)) }
}

/// A sum of products of which one factor is not known exactly.
private struct Sum {
  private var value = 0.0
  private var size = 0.0
  private var error = 0.0

  mutating func add(_ a: Bounded, _ b: Double) {
    value += a.value * b
    size += (abs(a.value) + a.error) * abs(b)
    error += a.error * abs(b)
  }

  /// Of `count` terms.
  func bounded(_ count: Int) -> Bounded { Bounded(value, error: error + gamma(2 * count + 2) * size + 0x1p-120) }
}

/// Four-point central differences of `function` at `x` in every coordinate. The error is of fourth order in `step`.
public func differences(_ x: [Double], step: Double = 1e-3, _ function: ([Double]) -> Double) -> [Double] {
  x.indices.map { index in
    func value(_ steps: Double) -> Double {
      var moved = x
      moved[index] += steps * step
      return function(moved)
    }
    return (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
  }
}
