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

  /// In bfloat16 the bounds are mostly those of rounding p and ds, 2^-8 of every term.
  @Test(arguments: InstructionSet.available, LinearGradientTests.precisions)
  func gradientsAreWithinTheirBounds(_ set: InstructionSet, _ precision: Precision) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 1)
    for shape in Shape.all {
      let (n, d) = (shape.tokens, shape.headSize)
      let head = Head(shape, precision, kernels, &random)
      let scale = 1 / Float(d).squareRoot()
      head.run(kernels, scale: scale)
      func part(_ index: Int) -> [[Double]] {
        (0..<n).map { row in (0..<d).map { head.value(head.qkv, row, head.stride, index * d + $0) } }
      }
      let slopes = (0..<shape.queries).map { row in
        (0..<d).map { head.value(head.dout, row, head.outputStride, $0) }
      }
      let expected = attentionGradient(
        q: part(0), k: part(1), v: part(2), dout: slopes, scale: Double(scale),
        rounding: precision == .float32 ? 0 : 0x1p-8)
      var worst = WorstError()
      for (index, parts) in [expected.dq, expected.dk, expected.dv].enumerated() {
        for row in 0..<n {
          for column in 0..<d {
            let value = parts[row][column]
            worst.note(
              head.value(head.gradients, row, head.stride, index * d + column), value.value, bound: value.error,
              at: [index, row, column])
          }
        }
      }
      let share = precision == .float32 ? 0.05 : 0.25
      #expect(worst.isWithinBound && worst.boundsAre(below: share), "\(shape): \(worst)")
      worst.record("attention dq, dk, dv, \(precision)")
      #expect(
        (0..<n).allSatisfy { head.value(head.gradients, $0, head.stride, 3 * d).isNaN }, "\(shape): wrote beyond a row")
    }
  }

  /// One head's rows in a format: random numbers that are exact in it, and NaN around them.
  private struct Head {
    let shape: Shape
    let precision: Precision
    /// Elements from one row to the next.
    let stride: Int
    let outputStride: Int
    let qkv: FloatBuffer
    let dout: FloatBuffer
    let output: FloatBuffer
    let gradients: FloatBuffer

    init(_ shape: Shape, _ precision: Precision, _ kernels: KernelTable, _ random: inout SeededGenerator) {
      (self.shape, self.precision) = (shape, precision)
      let (n, d) = (shape.tokens, shape.headSize)
      let perWord = kernels.products(precision).perWord
      let strides = [3 * d, d].map { (kernels.products(precision).words($0) + 1) * perWord }
      (stride, outputStride) = (strides[0], strides[1])
      func rows(_ width: Int, _ stride: Int, _ numbers: [Float]) -> FloatBuffer {
        let buffer = FloatBuffer(count: n * stride / perWord)
        for index in 0..<buffer.count { buffer.base[index] = Float(bitPattern: .max) }
        let bytes = UnsafeMutableRawPointer(buffer.base)
        for (index, number) in numbers.enumerated() {
          let place = index / width * stride + index % width
          if precision == .float32 {
            bytes.storeBytes(of: number, toByteOffset: place * 4, as: Float.self)
          } else {
            bytes.storeBytes(of: halves([number])[0], toByteOffset: place * 2, as: UInt16.self)
          }
        }
        return buffer
      }
      qkv = rows(3 * d, stride, random.floats(n * 3 * d, in: -2...2))
      dout = rows(d, outputStride, random.floats(n * d))
      output = rows(1, outputStride, [])
      gradients = rows(1, stride, [])
    }

    func value(_ buffer: FloatBuffer, _ row: Int, _ stride: Int, _ column: Int) -> Double {
      let (bytes, place) = (UnsafeRawPointer(buffer.base), row * stride + column)
      if precision == .float32 { return Double(bytes.load(fromByteOffset: place * 4, as: Float.self)) }
      return Double(Float(bitPattern: UInt32(bytes.load(fromByteOffset: place * 2, as: UInt16.self)) << 16))
    }

    /// Forward and backward pass.
    func run(_ kernels: KernelTable, scale: Float) {
      let (n, d) = (shape.tokens, shape.headSize)
      let bytes = precision == .float32 ? 4 : 2
      let statistics = FloatBuffer(count: 2 * n)
      let scratch = FloatBuffer(
        count: max(
          attentionScratchCount(tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows),
          attentionGradientScratchCount(
            tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows)))
      scratch.base.update(repeating: .nan, count: scratch.count)
      let (q, place) = (UnsafeRawPointer(qkv.base), UnsafeMutableRawPointer(gradients.base))
      var forward = AttentionArguments(
        q: q, k: q + d * bytes, v: q + 2 * d * bytes, stride: stride * bytes, output: output.base,
        outputStride: outputStride * bytes, tokens: n, headSize: d, scale: scale)
      forward.statistics = statistics.base
      kernels.activations(precision).attention(&forward, Span1D(0, n), scratch.base)
      scratch.base.update(repeating: .nan, count: scratch.count)
      var arguments = AttentionGradientArguments(
        forward: forward, outputGradient: dout.base, dq: place, dk: place + d * bytes, dv: place + 2 * d * bytes,
        queries: shape.queries)
      kernels.gradients(of: precision).attention(&arguments, scratch.base)
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
