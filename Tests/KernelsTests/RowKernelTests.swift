import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Softmax of scores between -20 and 20.
func softmaxWithBounds(_ scores: [Float]) -> [Bounded] {
  let top = Double(scores.max() ?? 0)
  let total = scores.reduce(0) { $0 + exp(Double($1) - top) }
  return scores.map {
    let share = exp(Double($0) - top) / total
    // The distance to the top, at most 40: subtraction, product, the constant in it; the exponential: 2 ULP; all in
    // numerator and sum; count sums; two divisions.
    return Bounded(share, error: share * (2 * 40 * gamma(3) + gamma(scores.count + 16)))
  }
}

@Suite struct RowKernelTests {
  @Test(arguments: InstructionSet.available)
  func layerNormMatchesDoubleReference(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 6)
    for width in Array(1...40) + [192, 384, 768, 1000] {
      let stride = width + 2
      let x = random.floats(3 * stride, in: -3...5)
      let scale = random.floats(width)
      let shift = random.floats(width)
      let epsilon: Float = 1e-6
      var y = [Float](repeating: .nan, count: 3 * stride)
      kernels.float32Activations.layerNorm(x, stride, &y, stride, Span1D(0, 3), width, scale, shift, epsilon)
      var worst = WorstError()
      for row in 0..<3 {
        let values = x[row * stride..<row * stride + width].map(Double.init)
        let expected = layerNorm(values, gain: scale, shift: shift, epsilon: epsilon)
        for column in 0..<width {
          worst.note(
            y[row * stride + column], expected[column].value, bound: expected[column].error, at: [row, column])
        }
        #expect(y[row * stride + width].isNaN)
      }
      // The deviation of a few numbers can be too small for a meaningful bound.
      #expect(worst.isWithinBound && (width < 8 || worst.boundsAreMeaningful), "width \(width): \(worst)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func softmaxAndPoolingMatch(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 7)
    for count in 1...70 {
      let scores = random.floats(count, in: -20...20)
      var row = scores + [.nan]
      kernels.softmax(&row, count)
      var worst = WorstError()
      for (index, expected) in softmaxWithBounds(scores).enumerated() {
        worst.note(row[index], expected.value, bound: expected.error, at: [index])
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "count \(count): \(worst)")
      #expect(row[count].isNaN)

      let rows = random.wholeNumbers(4 * count, upTo: 64)
      var mean = [Float](repeating: .nan, count: count + 1)
      var maximum = mean
      kernels.pool(rows, count, 4, count, false, &mean)
      kernels.pool(rows, count, 4, count, true, &maximum)
      for column in 0..<count {
        let values = (0..<4).map { rows[$0 * count + column] }
        #expect(mean[column] == values.reduce(0, +) / 4)
        #expect(maximum[column] == values.max())
      }
      #expect(mean[count].isNaN && maximum[count].isNaN)
    }
  }

  @Test(arguments: InstructionSet.available)
  func patchesComeInConvolutionOrder(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let (channels, height, width, ph, pw) = (3, 6, 8, 3, 2)
    let image = (0..<channels * height * width).map(Float.init)
    let patches = (height / ph) * (width / pw)
    let size = channels * ph * pw
    var rows = [Float](repeating: .nan, count: patches * size)
    kernels.float32Activations.gatherPatches(image, channels, height, width, ph, pw, Span1D(0, patches), &rows, size)
    for patch in 0..<patches {
      for index in 0..<size {
        let (c, y, x) = (index / (ph * pw), index / pw % ph, index % pw)
        let source = c * height * width + (patch / (width / pw) * ph + y) * width + patch % (width / pw) * pw + x
        #expect(rows[patch * size + index] == image[source])
      }
    }
  }
}
