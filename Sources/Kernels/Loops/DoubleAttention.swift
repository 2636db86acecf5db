import Foundation

/// Softmax attention in Double for all copies of a reference's pass, probes included.
///
/// An error of a score is one of its row's weights; an error of a row's sum of weights is one of the whole output row;
/// an error of a weighted sum of values is one of its element.
package struct DoubleAttention: Sendable {
  private let copies: Int
  private let batch: Int
  private let tokens: Int
  private let heads: Int
  private let headSize: Int
  private let signs: ProbeSigns
  private let step: Int

  private var width: Int { heads * headSize }

  package init(copies: Int, batch: Int, tokens: Int, heads: Int, headSize: Int, signs: ProbeSigns, step: Int) {
    self.copies = copies
    self.batch = batch
    self.tokens = tokens
    self.heads = heads
    self.headSize = headSize
    self.signs = signs
    self.step = step
  }

  /// Heads of all images: items of `head`.
  package var items: Int { batch * heads }

  /// One head of one image: qkv (copies B N, 3C) to its columns of (copies B N, C), contiguous both.
  package func head(_ item: Int, _ qkv: UnsafePointer<Double>, _ output: UnsafeMutablePointer<Double>) {
    let (image, channel) = (item / heads, item % heads * headSize)
    let (n, d, width) = (tokens, headSize, width)
    // K^T of every copy: scores of four keys at once.
    let padded = (n + 3) / 4 * 4
    let keys = DoubleBuffer(count: copies * d * padded)
    for copy in 0..<copies {
      for token in 0..<n {
        let row = qkv + ((copy * batch + image) * n + token) * 3 * width + width + channel
        for index in 0..<d { keys.base[(copy * d + index) * padded + token] = row[index] }
      }
    }
    let scores = DoubleBuffer(count: padded)
    let errors = DoubleBuffer(count: padded)
    let sums = DoubleBuffer(count: 3 * d)
    for query in 0..<n {
      for copy in 0..<copies {
        let first = (copy * batch + image) * n
        let q = qkv + (first + query) * 3 * width + channel
        score(q, keys.base + copy * d * padded, padded, scores.base, copy == 0 ? errors.base : nil)
        if copy > 0 {
          for key in 0..<n {
            let index = (item * n + query) * n + key
            scores.base[key] += signs(step: step, copy: copy, index) * errors.base[key]
          }
        }
        let v = qkv + first * 3 * width + 2 * width + channel
        let o = output + (first + query) * width + channel
        weigh(
          scores.base, v, sums.base, o, copy: copy,
          index: batch * heads * n * n + (item * n + query) * (d + 1))
      }
    }
  }

  /// Scores of one query against all keys; with `errors`, their deviations: D partial sums and products, four roundings
  /// of the distance to the maximum in units of the exponent, and exp2 within 2 ULP.
  private func score(
    _ q: UnsafePointer<Double>, _ keys: UnsafePointer<Double>, _ padded: Int, _ scores: UnsafeMutablePointer<Double>,
    _ errors: UnsafeMutablePointer<Double>?
  ) {
    let scale = 1 / Double(headSize).squareRoot()
    var top = -Double.infinity
    for group in stride(from: 0, to: padded, by: 4) {
      var (sum, squares) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      let base = UnsafeRawPointer(keys + group)
      for index in 0..<headSize {
        let product = q[index] * base.loadUnaligned(fromByteOffset: index * padded * 8, as: SIMD4<Double>.self)
        sum += product
        if errors != nil { squares += sum * sum + product * product }
      }
      for lane in 0..<4 {
        scores[group + lane] = scale * sum[lane]
        errors?[group + lane] = scale * scale * squares[lane]
        if group + lane < tokens { top = max(top, scale * sum[lane]) }
      }
    }
    guard let errors else { return }
    for key in 0..<tokens {
      let below = scores[key] - top
      errors[key] = unitRoundoff * (errors[key] + 4 * below * below + 16).squareRoot()
    }
  }

  /// o = softmax(scores) V for one query. `sums` is scratch of 3D.
  private func weigh(
    _ scores: UnsafeMutablePointer<Double>, _ v: UnsafePointer<Double>, _ sums: UnsafeMutablePointer<Double>,
    _ o: UnsafeMutablePointer<Double>, copy: Int, index: Int
  ) {
    let d = headSize
    let squares = sums + d
    sums.update(repeating: 0, count: 2 * d)
    var top = scores[0]
    for key in 1..<max(1, tokens) { top = max(top, scores[key]) }
    var (total, totalSquares) = (0.0, 0.0)
    for key in 0..<tokens {
      let weight = exp(scores[key] - top)
      total += weight
      totalSquares += total * total
      let row = v + key * 3 * width
      for column in 0..<d {
        sums[column] += weight * row[column]
        // Twice: a product's rounding, or an online softmax's rescaling, in addition to the sum's.
        squares[column] += 2 * sums[column] * sums[column]
      }
    }
    var factor = 1 / total
    if copy > 0 {
      factor *=
        1 + signs(step: step, copy: copy, index) * unitRoundoff * (totalSquares / (total * total) + 2).squareRoot()
    }
    for column in 0..<d {
      o[column] = factor * sums[column]
      if copy > 0 {
        let error = unitRoundoff * squares[column].squareRoot() / total
        o[column] += signs(step: step, copy: copy, index + 1 + column) * error
      }
    }
  }
}
