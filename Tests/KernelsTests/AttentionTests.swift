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
            q: base, k: base + d, v: base + 2 * d, stride: 12 * d, output: output.baseAddress!,
            outputStride: 4 * stride,
            tokens: n, headSize: d, scale: scale)
          kernels.float32Activations.attention(&arguments, Span1D(0, n), scratch.base)
          probabilities.withUnsafeMutableBufferPointer {
            kernels.float32Activations.attentionProbabilities(&arguments, Span1D(0, n), $0.baseAddress!, scratch.base)
          }
        }
      }
      func rows(_ part: Int) -> [[Double]] {
        (0..<n).map { token in qkv[(3 * token + part) * d..<(3 * token + part + 1) * d].map(Double.init) }
      }
      let (queries, keys, values) = (rows(0), rows(1), rows(2))
      var worst = WorstError()
      for query in 0..<n {
        let expected = attention(query: queries[query], keys: keys, values: values, scale: Double(scale))
        for c in 0..<stride {
          if c < d {
            worst.note(output[query * stride + c], expected[c].value, bound: expected[c].error, at: [query, c])
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

  /// Scores from -10,000 to 10,000 do not overflow, and the largest one dominates.
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
