import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Gradients of what works on rows, of every width around a vector, next to Double.
@Suite struct RowGradientTests {
  private static func row(_ values: [Float], _ index: Int, _ width: Int, _ stride: Int) -> [Double] {
    values[index * stride..<index * stride + width].map(Double.init)
  }

  @Test(arguments: InstructionSet.available)
  func layerNormIsWithinItsBound(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 1)
    for width in Array(1...40) + [192, 384, 1000] {
      let (rows, stride, epsilon) = (3, width + 2, Float(1e-6))
      let (x, dy) = (random.floats(rows * stride, in: -3...5), random.floats(rows * stride))
      let (gain, residual) = (random.floats(width), random.floats(rows * stride))
      var dx = [Float](repeating: .nan, count: rows * stride)
      var sums = [Float](repeating: .nan, count: 2 * width + 1)
      kernels.gradients.layerNorm(
        x, stride, dy, stride, &dx, stride, residual, Span1D(0, rows), width, gain, epsilon, &sums)
      let expected = (0..<rows).map { row in
        layerNormGradient(
          Self.row(x, row, width, stride), dy: Self.row(dy, row, width, stride), gain: gain.map(Double.init),
          epsilon: Double(epsilon))
      }
      var worst = WorstError()
      for row in 0..<rows {
        for column in 0..<width {
          let (other, value) = (Double(residual[row * stride + column]), expected[row].dx[column])
          let sum = other + value.value
          let bound = value.error + gamma(2) * (abs(other) + abs(value.value) + value.error)
          worst.note(dx[row * stride + column], sum, bound: bound, at: [row, column])
        }
        #expect(dx[row * stride + width].isNaN)
      }
      for column in 0..<width {
        let gains = expected.map { $0.dgain[column] }
        let shifts = expected.map { $0.dshift[column] }
        let size = gains.reduce(0) { $0 + abs($1.value) + $1.error }
        worst.note(
          sums[column], gains.reduce(0) { $0 + $1.value },
          bound: gains.reduce(0) { $0 + $1.error } + gamma(2 * rows) * size, at: [-1, column])
        worst.note(
          sums[width + column], shifts.reduce(0, +), bound: gamma(rows) * shifts.reduce(0) { $0 + abs($1) },
          at: [-2, column])
      }
      #expect(sums[2 * width].isNaN)
      // Of a few numbers the deviation can be too small for any bound to mean much.
      #expect(worst.isWithinBound && (width < 8 || worst.boundsAreMeaningful), "width \(width): \(worst)")
      worst.record("LayerNorm dx, dgain, dshift")
    }
  }

  /// In place of dy and without a residual, the same numbers as next to it.
  @Test(arguments: InstructionSet.available)
  func layerNormWorksInPlace(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 2)
    for width in [5, 16, 37] {
      let (x, dy, gain) = (random.floats(4 * width), random.floats(4 * width), random.floats(width))
      var (inPlace, apart) = (dy, [Float](repeating: .nan, count: 4 * width))
      var sums = [Float](repeating: 0, count: 2 * width)
      inPlace.withUnsafeMutableBufferPointer { rows in
        kernels.gradients.layerNorm(
          x, width, rows.baseAddress!, width, rows.baseAddress!, width, nil, Span1D(0, 4), width, gain, 1e-6, &sums)
      }
      kernels.gradients.layerNorm(x, width, dy, width, &apart, width, nil, Span1D(0, 4), width, gain, 1e-6, &sums)
      #expect(inPlace == apart)
    }
  }

  @Test(arguments: InstructionSet.available)
  func branchesOfWholeNumbersAreExact(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 3)
    for width in 1...40 {
      let (rows, stride) = (6, width + 1)
      let (d, branch) = (random.wholeNumbers(rows * stride), random.wholeNumbers(rows * stride))
      let (gain, factors) = (random.wholeNumbers(width), [Float](arrayLiteral: 2, 0))
      var result = [Float](repeating: .nan, count: rows * stride)
      var sums = [Float](repeating: .nan, count: width + 1)
      result.withUnsafeMutableBufferPointer { result in
        d.withUnsafeBufferPointer { d in
          branch.withUnsafeBufferPointer { branch in
            gain.withUnsafeBufferPointer { gain in
              factors.withUnsafeBufferPointer { factors in
                var arguments = BranchGradientArguments(
                  gradient: d.baseAddress!, gradientStride: stride, result: result.baseAddress!, resultStride: stride,
                  branch: branch.baseAddress!, branchStride: stride, gamma: gain.baseAddress!,
                  factors: factors.baseAddress!, rowsPerFactor: 3, width: width)
                kernels.gradients.branch(&arguments, Span1D(0, rows), &sums)
              }
            }
          }
        }
      }
      for column in 0..<width {
        for row in 0..<rows {
          let place = row * stride + column
          #expect(result[place] == d[place] * gain[column] * factors[row / 3])
        }
        let sum = (0..<rows).reduce(Float(0)) {
          $0 + d[$1 * stride + column] * branch[$1 * stride + column] * factors[$1 / 3]
        }
        #expect(sums[column] == sum)
      }
      #expect(sums[width].isNaN && (0..<rows).allSatisfy { result[$0 * stride + width].isNaN })
    }
  }

  /// Means share a gradient among all rows, maxima among those that have it.
  @Test(arguments: InstructionSet.available)
  func poolingOfWholeNumbersIsExact(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 4)
    for width in 1...40 {
      let (rows, stride) = (4, width + 1)
      let x = random.wholeNumbers(rows * stride, upTo: 2)
      // Multiples of the numbers of ties, so that shares are whole.
      let gradient = random.wholeNumbers(width).map { 12 * $0 }
      let before = random.wholeNumbers(rows * stride)
      var (mean, maximum) = (before, before)
      kernels.gradients.pool(gradient, 2, x, stride, &mean, stride, rows, width, false)
      kernels.gradients.pool(gradient, 2, x, stride, &maximum, stride, rows, width, true)
      for column in 0..<width {
        let values = (0..<rows).map { x[$0 * stride + column] }
        let top = values.max()
        let ties = Float(values.count { $0 == top })
        for row in 0..<rows {
          let place = row * stride + column
          #expect(mean[place] == before[place] + 2 * gradient[column] / Float(rows))
          let share = values[row] == top ? 2 * gradient[column] / ties : 0
          #expect(maximum[place] == before[place] + share, "width \(width), \(row), \(column)")
        }
      }
    }
  }

  /// Of bfloat16 the narrow GELU's, rounded, and nothing beyond the last word.
  @Test(arguments: InstructionSet.available, LinearGradientTests.precisions)
  func rowsOfGELUHaveItsBits(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 1, instructionSet: set)
    let (kernels, gradients) = (engine.kernels, engine.kernels.gradients(of: precision))
    var random = SeededGenerator(seed: 5)
    for width in Array(1...40) {
      let stride = kernels.products(precision).words(width) + 1
      let x = random.floats(2 * width + 16, in: -6...6)
      let gap = [Float](repeating: .nan, count: 2 * stride)
      var (y, dx) = (gap, gap)
      var (values, slopes) = (x, x)
      let gradient = random.floats(width)
      gradients.geluRows(x, width, &y, stride, Span1D(0, 2), width)
      gradients.geluGradientRows(gradient, 0.25, x, width, &dx, stride, Span1D(0, 2), width)
      let whole = (2 * width + 16) / 16 * 16
      kernels.elementary(precision == .float32 ? .gelu : .geluOfNarrow, x, &values, whole)
      kernels.elementary(.geluSlope, x, &slopes, whole)
      for row in 0..<2 {
        let (found, slope) = (self.row(y, row, stride, width, precision), self.row(dx, row, stride, width, precision))
        for column in 0..<width {
          let index = row * width + column
          func rounded(_ value: Float) -> Float { precision == .float32 ? value : roundedToBFloat16(value) }
          #expect(found[column] == rounded(values[index]))
          #expect(slope[column] == rounded(gradient[column] * 0.25 * slopes[index]))
        }
        #expect(y[(row + 1) * stride - 1].isNaN && dx[(row + 1) * stride - 1].isNaN)
      }
    }
  }

  /// Rows are rounded to nearest even; the other half of a last word is zero.
  @Test(arguments: InstructionSet.available)
  func copiedRowsAreRounded(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 6)
    for width in 1...40 {
      let stride = (width + 1) / 2 + 1
      // Ties too: half a step of bfloat16 above numbers of odd and even bits.
      let x = (0..<2 * width).map { index in
        index % 3 == 0
          ? Float(bitPattern: 0x3F80_8000 + UInt32(index) << 16) : Float.random(in: -3...3, using: &random)
      }
      var y = [Float](repeating: .nan, count: 2 * stride)
      kernels.bfloat16Gradients.copyRows(x, width, &y, stride, Span1D(0, 2), width)
      for row in 0..<2 {
        let found = self.row(y, row, stride, width, .bfloat16)
        #expect(found == x[row * width..<(row + 1) * width].map(roundedToBFloat16), "width \(width)")
        if width % 2 == 1 { #expect(y[row * stride + width / 2].bitPattern >> 16 == 0) }
        #expect(y[(row + 1) * stride - 1].isNaN, "width \(width): wrote beyond a row")
      }
    }
  }

  /// A row of a matrix in either format; the stride is in words.
  private func row(_ words: [Float], _ row: Int, _ stride: Int, _ width: Int, _ precision: Precision) -> [Float] {
    words.withUnsafeBytes { bytes in
      let line = UnsafeRawBufferPointer(rebasing: bytes[(row * stride * 4)...])
      return (0..<width).map { index in
        if precision == .float32 { return line.loadUnaligned(fromByteOffset: index * 4, as: Float.self) }
        let half = line.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
        return Float(bitPattern: UInt32(half) << 16)
      }
    }
  }
}
