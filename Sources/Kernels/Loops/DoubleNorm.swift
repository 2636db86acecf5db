/// LayerNorm in Double of one row of a reference's pass, its own roundings moved by `signs` in all copies but the
/// first.
package struct DoubleNorm: Sendable {
  package let width: Int
  private let gain: [Double]
  private let shift: [Double]
  private let epsilon: Double
  private let signs: ProbeSigns
  private let step: Int

  package init(gain: [Float], shift: [Float], epsilon: Float, signs: ProbeSigns, step: Int) {
    width = gain.count
    self.gain = gain.map(Double.init)
    self.shift = shift.map(Double.init)
    self.epsilon = Double(epsilon)
    self.signs = signs
    self.step = step
  }

  /// Row `item` of x (copies rows, C) to that of y.
  package func row(_ item: Int, rows: Int, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>) {
    let rootWidth = Double(width).squareRoot()
    let (copy, row) = (item / rows, item % rows)
    let (source, target) = (x + item * width, y + item * width)
    var (sum, magnitude) = (0.0, 0.0)
    for column in 0..<width {
      sum += source[column]
      magnitude += abs(source[column])
    }
    var mean = sum / Double(width)
    if copy > 0 {
      // One error of mean and one of deviation for the whole row: C additions, each of at most sum |x|.
      let error = unitRoundoff * (rootWidth * magnitude / Double(width) + abs(mean))
      mean += signs(step: step, copy: copy, row) * error
    }
    var squares = 0.0
    for column in 0..<width { squares += (source[column] - mean) * (source[column] - mean) }
    var inverse = 1 / (squares / Double(width) + epsilon).squareRoot()
    if copy > 0 {
      inverse *= 1 + signs(step: step, copy: copy, rows + row) * unitRoundoff * (0.5 * rootWidth + 4)
    }
    for column in 0..<width {
      let scaled = (source[column] - mean) * inverse * gain[column]
      var value = scaled + shift[column]
      if copy > 0 {
        let error = unitRoundoff * (3 * scaled * scaled + value * value).squareRoot()
        value += signs(step: step, copy: copy, 2 * rows + row * width + column) * error
      }
      target[column] = value
    }
  }
}
