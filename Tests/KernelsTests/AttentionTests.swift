import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

@Suite struct AttentionTests {
  struct Shape: CustomStringConvertible, Sendable {
    var tokens: Int
    var headSize: Int
    var description: String { "\(tokens) tokens, head size \(headSize)" }
    static let all =
      [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50, 197, 255, 256, 257, 300, 513].map { Shape(tokens: $0, headSize: 64) }
      + [1, 5, 16, 24, 32, 40, 48, 63, 72, 80, 96, 128].map { Shape(tokens: 37, headSize: $0) }
  }

  /// Softmax attention in Double, and a bound on what float32 may make of it.
  ///
  /// A score has D products and one scaling, so its error is at most e = gamma(2D + 2) |scale| sum |q||k|; a weight e^s
  /// then is off by a factor within exp(2e), times 4 ULP of two vector exponentials and the roundings of N sums, twice.
  private func reference(_ qkv: [Float], _ shape: Shape, scale: Double) -> (values: [Double], bounds: [Double]) {
    let (n, d) = (shape.tokens, shape.headSize)
    var values = [Double](repeating: 0, count: n * d)
    var bounds = values
    for query in 0..<n {
      var scores = [Double](repeating: 0, count: n)
      var scoreError = 0.0
      for key in 0..<n {
        var size = 0.0
        for c in 0..<d {
          let term = Double(qkv[query * 3 * d + c]) * Double(qkv[key * 3 * d + d + c])
          scores[key] += term
          size += abs(term)
        }
        scores[key] *= scale
        scoreError = max(scoreError, gamma(2 * d + 2) * size * scale)
      }
      let top = scores.max() ?? 0
      // The subtraction of the maximum rounds too, relative to the spread of the scores.
      scoreError += unitRoundoff * (top - (scores.min() ?? 0)) * 2
      let weights = scores.map { exp($0 - top) }
      let total = weights.reduce(0, +)
      let relative = exp(2 * scoreError) * (1 + gamma(2 * (2 * n + 16))) - 1
      for c in 0..<d {
        var sum = 0.0
        var size = 0.0
        for key in 0..<n {
          let value = Double(qkv[key * 3 * d + 2 * d + c])
          sum += weights[key] / total * value
          size += weights[key] / total * abs(value)
        }
        values[query * d + c] = sum
        bounds[query * d + c] = relative * size + 0x1p-126
      }
    }
    return (values, bounds)
  }

  @Test(arguments: InstructionSet.available)
  func matchesDoubleReference(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 5)
    for shape in Shape.all {
      let (n, d) = (shape.tokens, shape.headSize)
      let qkv = random.floats(n * 3 * d, in: -2...2)
      let scale = 1 / Float(d).squareRoot()
      let stride = d + 3
      var output = [Float](repeating: .nan, count: n * stride)
      var probabilities = [Float](repeating: .nan, count: n * n)
      let scratch = FloatBuffer(
        count: attentionScratchCount(
          tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows))
      scratch.base.update(repeating: .nan, count: scratch.count)
      qkv.withUnsafeBufferPointer { qkv in
        output.withUnsafeMutableBufferPointer { output in
          let base = qkv.baseAddress!
          var arguments = AttentionArguments(
            q: base, k: base + d, v: base + 2 * d, stride: 12 * d, output: output.baseAddress!, outputStride: 4 * stride,
            tokens: n, headSize: d, scale: scale)
          kernels.float32Activations.attention(&arguments, Span1D(0, n), scratch.base)
          probabilities.withUnsafeMutableBufferPointer {
            kernels.float32Activations.attentionProbabilities(&arguments, Span1D(0, n), $0.baseAddress!, scratch.base)
          }
        }
      }
      let expected = reference(qkv, shape, scale: Double(scale))
      var worst = WorstError()
      for query in 0..<n {
        for c in 0..<stride {
          if c < d {
            worst.note(
              output[query * stride + c], expected.values[query * d + c], bound: expected.bounds[query * d + c],
              at: [query, c])
          } else {
            #expect(output[query * stride + c].isNaN, "\(shape): wrote beyond the head")
          }
        }
        let row = probabilities[query * n..<(query + 1) * n]
        let total = row.reduce(0) { $0 + Double($1) }
        #expect(abs(total - 1) <= gamma(2 * n + 8), "\(shape): row \(query) does not sum to 1")
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): \(worst)")
    }
  }

  /// Scores from -10,000 to 10,000 neither overflow nor lose the largest.
  @Test(arguments: InstructionSet.available)
  func survivesExtremeScores(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let (n, d) = (600, 32)
    var qkv = [Float](repeating: 0, count: n * 3 * d)
    for token in 0..<n {
      qkv[token * 3 * d] = 100
      qkv[token * 3 * d + d] = token == 555 ? 100 : -100
      qkv[token * 3 * d + 2 * d] = Float(token)
    }
    var output = [Float](repeating: .nan, count: n * d)
    let scratch = FloatBuffer(
      count: attentionScratchCount(
        tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows))
    qkv.withUnsafeBufferPointer { qkv in
      output.withUnsafeMutableBufferPointer { output in
        let base = qkv.baseAddress!
        var arguments = AttentionArguments(
          q: base, k: base + d, v: base + 2 * d, stride: 12 * d, output: output.baseAddress!, outputStride: 4 * d,
          tokens: n, headSize: d, scale: 1)
        kernels.float32Activations.attention(&arguments, Span1D(0, n), scratch.base)
      }
    }
    for token in 0..<n { #expect(output[token * d] == 555) }
  }
}
