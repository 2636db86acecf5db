import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// The kernels of point transformers in training, of every width around a vector: whole numbers are exact, others
/// within derived bounds.
@Suite struct PointTrainingTests {
  private static func column(_ values: [Float], _ column: Int, _ stride: Int) -> [Double] {
    Swift.stride(from: column, to: values.count, by: stride).map { Double(values[$0]) }
  }

  /// A mean of r numbers is off by gamma(r) of their mean size, e; a sum of squares of distances from it by gamma of
  /// itself, and by r e^2, since distances from the true mean have the sum 0.
  @Test(arguments: InstructionSet.available)
  func momentsAreWithinTheirBounds(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 1)
    for width in Array(1...40) {
      let (rows, stride) = (37, width + 2)
      let x = random.floats(rows * stride, in: -1...3)
      var moments = [Float](repeating: .nan, count: 2 * width + 1)
      kernels.pointTraining.moments(x, stride, Span1D(0, rows), width, &moments)
      var worst = WorstError()
      for column in 0..<width {
        let values = Self.column(x, column, stride)
        let mean = values.reduce(0, +) / Double(rows)
        let error = gamma(rows) * values.reduce(0) { $0 + abs($1) } / Double(rows)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        worst.note(moments[column], mean, bound: error, at: [0, column])
        worst.note(
          moments[width + column], squares, bound: gamma(2 * rows + 4) * squares + Double(rows) * error * error,
          at: [1, column])
      }
      #expect(worst.isWithinBound && moments[2 * width].isNaN, "width \(width): \(worst)")
      worst.record("batch norm moments")
    }
  }

  /// Statistics, gains and shifts that are whole numbers or powers of two: every result is exact.
  @Test(arguments: InstructionSet.available, [Float(0), 0.5])
  func batchNormsOfWholeNumbersAreExact(_ set: InstructionSet, slope: Float) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 2)
    for width in 1...40 {
      let (rows, stride) = (6, width + 1)
      let (x, dy) = (random.wholeNumbers(rows * stride), random.wholeNumbers(rows * stride))
      let (mean, shift) = (random.wholeNumbers(width), random.wholeNumbers(width))
      let (gain, means) = (random.wholeNumbers(width), random.wholeNumbers(2 * width))
      let inverse = (0..<width).map { Float($0 % 2 == 0 ? 0.5 : 2) }
      var y = [Float](repeating: .nan, count: rows * stride)
      var dx = y
      var sums = [Float](repeating: .nan, count: 2 * width + 1)
      x.withUnsafeBufferPointer { x in
        mean.withUnsafeBufferPointer { mean in
          inverse.withUnsafeBufferPointer { inverse in
            gain.withUnsafeBufferPointer { gain in
              shift.withUnsafeBufferPointer { shift in
                var arguments = BatchNormArguments(
                  x: x.baseAddress!, xStride: stride, width: width, mean: mean.baseAddress!,
                  inverse: inverse.baseAddress!, gain: gain.baseAddress!, shift: shift.baseAddress!, slope: slope)
                kernels.pointTraining.batchNorm(&arguments, &y, stride, Span1D(0, rows))
                kernels.pointTraining.batchNormSums(&arguments, dy, stride, Span1D(0, rows), &sums)
                kernels.pointTraining.batchNormGradient(&arguments, dy, stride, means, &dx, stride, Span1D(0, rows))
              }
            }
          }
        }
      }
      for column in 0..<width {
        var (products, slopes) = (Float(0), Float(0))
        for row in 0..<rows {
          let place = row * stride + column
          let n = (x[place] - mean[column]) * inverse[column]
          let value = gain[column] * n + shift[column]
          let d = value > 0 ? dy[place] : slope * dy[place]
          #expect(y[place] == (value > 0 ? value : slope * value), "width \(width), \(row), \(column)")
          let inner = d - means[width + column] - n * means[column]
          #expect(dx[place] == gain[column] * inverse[column] * inner, "width \(width), \(row), \(column)")
          products += d * n
          slopes += d
        }
        #expect(sums[column] == products && sums[width + column] == slopes)
      }
      #expect(sums[2 * width].isNaN && (0..<rows).allSatisfy { y[$0 * stride + width].isNaN })
      #expect((0..<rows).allSatisfy { dx[$0 * stride + width].isNaN })
    }
  }

  /// NaN is not made 0 by ReLU: a run that diverges must show it.
  @Test(arguments: InstructionSet.available)
  func batchNormsKeepNaN(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let width = 21
    let (x, ones) = ([Float](repeating: .nan, count: width), [Float](repeating: 1, count: width))
    var y = ones
    x.withUnsafeBufferPointer { x in
      ones.withUnsafeBufferPointer { ones in
        var arguments = BatchNormArguments(
          x: x.baseAddress!, xStride: width, width: width, mean: ones.baseAddress!, inverse: ones.baseAddress!,
          gain: ones.baseAddress!, shift: ones.baseAddress!, slope: 0)
        kernels.pointTraining.batchNorm(&arguments, &y, width, Span1D(0, 1))
      }
    }
    #expect(y.allSatisfy { $0.isNaN })
  }

  /// The first of equal maxima gets all of the gradient, in a place of its own or in place of x.
  @Test(arguments: InstructionSet.available)
  func theFirstMaximumHasTheGradient(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 3)
    for width in 1...40 {
      let (rows, stride) = (7, width + 1)
      let x = random.wholeNumbers(rows * stride, upTo: 2)
      let (gradient, before) = (random.wholeNumbers(width), random.wholeNumbers(rows * stride))
      var (added, inPlace) = (before, x)
      kernels.pointTraining.maximumGradient(gradient, x, stride, &added, stride, rows, width, true)
      inPlace.withUnsafeMutableBufferPointer {
        kernels.pointTraining.maximumGradient(
          gradient, $0.baseAddress!, stride, $0.baseAddress!, stride, rows, width, false)
      }
      for column in 0..<width {
        let values = (0..<rows).map { x[$0 * stride + column] }
        let first = values.firstIndex(of: values.max()!)
        for row in 0..<rows {
          let (place, share) = (row * stride + column, row == first ? gradient[column] : 0)
          #expect(added[place] == before[place] + share && inPlace[place] == share, "width \(width), \(row), \(column)")
        }
      }
      for row in 0..<rows { #expect(inPlace[row * stride + width] == x[row * stride + width]) }
    }
  }

  /// The scatter is the transpose of the mixing: sum(dy mix(rows)) = sum(scatter(dy) rows).
  @Test(arguments: InstructionSet.available)
  func scatteringIsTheTransposeOfMixing(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 4)
    for width in 1...40 {
      let (count, centers, stride) = (9, 5, width + 1)
      let (rows, dy) = (random.wholeNumbers(centers * stride), random.wholeNumbers(count * stride))
      let shares = random.wholeNumbers(3 * count)
      let indices = (0..<3 * count).map { Int32(($0 * 7 + $0 / 3) % centers) }
      var (mixed, scattered) = ([Float](repeating: 0, count: width), [Float](repeating: 0, count: centers * stride))
      kernels.pointTraining.scatterRows(dy, stride, indices, shares, count, width, &scattered, stride)
      var (left, right) = (0.0, 0.0)
      for point in 0..<count {
        kernels.mixRows(
          rows, stride, Array(indices[3 * point..<3 * point + 3]), Array(shares[3 * point..<3 * point + 3]), width,
          &mixed)
        for column in 0..<width { left += Double(dy[point * stride + column] * mixed[column]) }
      }
      for center in 0..<centers {
        for column in 0..<width {
          let place = center * stride + column
          right += Double(scattered[place] * rows[place])
          let expected = (0..<3 * count).filter { Int(indices[$0]) == center }.reduce(Float(0)) {
            $0 + shares[$1] * dy[$1 / 3 * stride + column]
          }
          #expect(scattered[place] == expected, "width \(width), \(center), \(column)")
        }
        #expect(scattered[center * stride + width] == 0)
      }
      #expect(left == right, "width \(width)")
    }
  }
}
