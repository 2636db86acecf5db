import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Attention's gradient next to Double, with what its own forward pass leaves.
@Suite struct AttentionGradientTests {
  struct Shape: CustomStringConvertible, Sendable {
    var tokens: Int
    var headSize: Int
    var queries: Int
    var description: String { "\(tokens) tokens, head size \(headSize), \(queries) queries" }
    static let all =
      [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50].map { Shape(tokens: $0, headSize: 24, queries: $0) }
      + [1, 5, 16, 31, 32, 33, 40, 64, 80].map { Shape(tokens: 19, headSize: $0, queries: 19) }
      + [255, 256, 257, 300].map { Shape(tokens: $0, headSize: 8, queries: $0) }
      + [Shape(tokens: 37, headSize: 24, queries: 1), Shape(tokens: 300, headSize: 8, queries: 1)]
  }

  @Test(arguments: InstructionSet.available)
  func gradientsAreWithinTheirBounds(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 1)
    for shape in Shape.all {
      let (n, d) = (shape.tokens, shape.headSize)
      let scale = 1 / Float(d).squareRoot()
      let (stride, outputStride) = (3 * d + 1, d + 3)
      let qkv = random.floats(n * stride, in: -2...2)
      let dout = random.floats(n * outputStride)
      var output = [Float](repeating: .nan, count: n * outputStride)
      var statistics = [Float](repeating: .nan, count: 2 * n)
      var gradients = [Float](repeating: .nan, count: n * stride)
      let scratch = FloatBuffer(
        count: max(
          attentionScratchCount(tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows),
          attentionGradientScratchCount(
            tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)))
      scratch.base.update(repeating: .nan, count: scratch.count)
      qkv.withUnsafeBufferPointer { qkv in
        output.withUnsafeMutableBufferPointer { output in
          statistics.withUnsafeMutableBufferPointer { statistics in
            gradients.withUnsafeMutableBufferPointer { gradients in
              let (q, place) = (qkv.baseAddress!, gradients.baseAddress!)
              var forward = AttentionArguments(
                q: q, k: q + d, v: q + 2 * d, stride: stride * 4, output: output.baseAddress!,
                outputStride: outputStride * 4, tokens: n, headSize: d, scale: scale)
              forward.statistics = statistics.baseAddress!
              kernels.float32Activations.attention(&forward, Span1D(0, n), scratch.base)
              scratch.base.update(repeating: .nan, count: scratch.count)
              var arguments = AttentionGradientArguments(
                forward: forward, outputGradient: dout, dq: place, dk: place + d, dv: place + 2 * d,
                queries: shape.queries)
              kernels.gradients.attention(&arguments, scratch.base)
            }
          }
        }
      }
      func part(_ index: Int) -> [[Double]] {
        (0..<n).map { row in (0..<d).map { Double(qkv[row * stride + index * d + $0]) } }
      }
      let slopes = (0..<shape.queries).map { row in (0..<d).map { Double(dout[row * outputStride + $0]) } }
      let expected = attentionGradient(q: part(0), k: part(1), v: part(2), dout: slopes, scale: Double(scale))
      var worst = WorstError()
      for (index, parts) in [expected.dq, expected.dk, expected.dv].enumerated() {
        for row in 0..<n {
          for column in 0..<d {
            let value = parts[row][column]
            worst.note(
              gradients[row * stride + index * d + column], value.value, bound: value.error, at: [index, row, column])
          }
        }
      }
      #expect(worst.isWithinBound && worst.boundsAre(below: 0.05), "\(shape): \(worst)")
      #expect((0..<n).allSatisfy { gradients[$0 * stride + 3 * d].isNaN }, "\(shape): wrote beyond a row")
    }
  }

  /// Statistics are those of probabilities: e^(scale (s - maximum)) times the reciprocal adds up to 1, and keeping them
  /// changes no bit of the output.
  @Test(arguments: InstructionSet.available)
  func keepingStatisticsChangesNothing(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 2)
    for (n, d) in [(5, 8), (300, 16)] {
      let qkv = random.floats(n * 3 * d, in: -2...2)
      let scratch = FloatBuffer(
        count: attentionScratchCount(
          tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows))
      func output(_ statistics: UnsafeMutablePointer<Float>?) -> [Float] {
        var output = [Float](repeating: .nan, count: n * d)
        qkv.withUnsafeBufferPointer { qkv in
          output.withUnsafeMutableBufferPointer { output in
            let q = qkv.baseAddress!
            var arguments = AttentionArguments(
              q: q, k: q + d, v: q + 2 * d, stride: 12 * d, output: output.baseAddress!, outputStride: 4 * d, tokens: n,
              headSize: d, scale: 0.25)
            arguments.statistics = statistics
            kernels.float32Activations.attention(&arguments, Span1D(0, n), scratch.base)
          }
        }
        return output
      }
      var statistics = [Float](repeating: .nan, count: 2 * n)
      let kept = statistics.withUnsafeMutableBufferPointer { output($0.baseAddress) }
      #expect(kept == output(nil))
      for query in 0..<n {
        let scores = (0..<n).map { key in
          (0..<d).reduce(0.0) { $0 + Double(qkv[query * 3 * d + $1]) * Double(qkv[key * 3 * d + d + $1]) }
        }
        let size = 4 * Double(d)
        let top = scores.max() ?? 0
        #expect(abs(Double(statistics[query]) - top) <= gamma(2 * d) * size)
        let total = scores.reduce(0) { $0 + exp(0.25 * ($1 - top)) }
        let relative = exp(2 * 0.25 * gamma(2 * d + 5) * 2 * size) * (1 + gamma(2 * n + 20)) - 1
        #expect(abs(Double(statistics[n + query]) * total - 1) <= relative)
      }
    }
  }
}
