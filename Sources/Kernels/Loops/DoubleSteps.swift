import Foundation

/// What a reference's pass does element by element, on all copies of it: values are (copies, rows, width), deviations
/// (rows, width).
package enum DoubleSteps {
  /// x += gamma y; `deviation`, of y, becomes that of the sum, with two roundings.
  ///
  /// - Parameter gamma: (width); absent: ones.
  package static func addResidual(
    _ y: DoubleBuffer, _ deviation: DoubleBuffer, to x: DoubleBuffer, gamma: [Double]?, copies: Int, rows: Int,
    width: Int
  ) {
    let (x, y, deviation, count) = (x.base, y.base, deviation.base, rows * width)
    for index in 0..<copies * count { x[index] += (gamma?[index % width] ?? 1) * y[index] }
    for index in 0..<count {
      let g = gamma?[index % width] ?? 1
      let (own, scaled, sum) = (g * deviation[index], unitRoundoff * g * y[index], unitRoundoff * x[index])
      deviation[index] = (own * own + scaled * scaled + sum * sum).squareRoot()
    }
  }

  /// y = GELU(y): |GELU'| <= 1.13; erf within 8 ULP (2^-20 relative) and three roundings besides.
  package static func applyGELU(_ y: DoubleBuffer, _ deviation: DoubleBuffer, copies: Int, count: Int) {
    let (y, deviation) = (y.base, deviation.base)
    for index in 0..<count {
      let x = y[index]
      let (own, erfError) = (1.13 * deviation[index], 0.5 * abs(x) * 0x1p-20)
      deviation[index] = (own * own + erfError * erfError + 3 * unitRoundoff * unitRoundoff * x * x).squareRoot()
    }
    for index in 0..<copies * count {
      let x = y[index]
      y[index] = 0.5 * x * (1 + erf(x * 0.5.squareRoot()))
    }
  }

  /// Means over the tokens `range` of `values`, (copies batch, tokens, width), and their deviation, (batch, width):
  /// every partial sum is rounded, and the quotient.
  package static func means(
    of values: DoubleBuffer, range: Range<Int>, copies: Int, batch: Int, tokens: Int, width: Int
  ) -> (means: DoubleBuffer, deviation: DoubleBuffer) {
    let count = Double(range.count)
    let (means, deviation) = (DoubleBuffer(count: copies * batch * width), DoubleBuffer(count: batch * width))
    for item in 0..<copies * batch {
      let mean = means.base + item * width
      var squares = [Double](repeating: 0, count: width)
      for token in range {
        let row = values.base + (item * tokens + token) * width
        for column in 0..<width {
          mean[column] += row[column]
          squares[column] += mean[column] * mean[column]
        }
      }
      for column in 0..<width {
        mean[column] /= count
        guard item < batch else { continue }
        deviation.base[item * width + column] =
          unitRoundoff * (squares[column] / (count * count) + mean[column] * mean[column]).squareRoot()
      }
    }
    return (means, deviation)
  }

  /// The deviation of every element of copy 0, (rows, width), from the other copies' responses: pooled over its row
  /// and over its column, the larger of both.
  package static func responses(_ values: DoubleBuffer, copies: Int, rows: Int, width: Int) -> [Double] {
    let (values, count) = (values.base, rows * width)
    var rowSquares = [Double](repeating: 0, count: rows)
    var columnSquares = [Double](repeating: 0, count: width)
    for copy in 1..<copies {
      for index in 0..<count {
        let response = values[copy * count + index] - values[index]
        rowSquares[index / width] += response * response
        columnSquares[index % width] += response * response
      }
    }
    let probes = Double(copies - 1)
    return (0..<count).map { index in
      max(
        rowSquares[index / width] / (probes * Double(width)), columnSquares[index % width] / (probes * Double(rows))
      ).squareRoot()
    }
  }
}
