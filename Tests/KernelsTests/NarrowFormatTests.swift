import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Products in bfloat16 and int8, attention in bfloat16, on every instruction set, against Double references whose
/// inputs are rounded as the kernels round them.
@Suite struct NarrowFormatTests {
  private static func float(_ half: UInt16) -> Float { Float(bitPattern: UInt32(half) << 16) }

  /// A product through the engine, (M, N).
  private static func product(
    _ shape: LinearCase, a: [Float], weight: [Float], terms: [(Float, [Float])] = [], folds: Bool = false,
    _ precision: Precision, _ engine: Engine, blocking: Blocking? = nil, epilogue: Epilogue = Epilogue()
  ) throws -> [Float] {
    let ldc = shape.n + 5
    var c = [Float](repeating: .nan, count: shape.m * ldc)
    try narrowProduct(
      shape, a: a, weight: weight, terms: terms, folds: folds, precision, engine: engine, blocking: blocking, ldc: ldc,
      c: &c, epilogue: epilogue)
    for row in 0..<shape.m {
      for column in shape.n..<ldc { #expect(c[row * ldc + column].isNaN, "\(shape): wrote beyond the columns") }
    }
    return (0..<shape.m).flatMap { c[$0 * ldc..<$0 * ldc + shape.n] }
  }

  /// Whole numbers below 2^8 are bfloat16, and their sums of products exact.
  @Test(arguments: InstructionSet.available, [1, 3])
  func wholeNumbersAreExactInBFloat16(_ set: InstructionSet, threads: Int) throws {
    let engine = try Engine(threads: threads, instructionSet: set)
    var random = SeededGenerator(seed: 31)
    for shape in LinearCase.tails {
      let a = random.wholeNumbers(shape.m * shape.k)
      let weight = random.wholeNumbers(shape.n * shape.k)
      let found = try Self.product(shape, a: a, weight: weight, .bfloat16, engine)
      for row in 0..<shape.m {
        for column in 0..<shape.n {
          var expected: Float = 0
          for step in 0..<shape.k { expected += a[row * shape.k + step] * weight[column * shape.k + step] }
          #expect(found[row * shape.n + column] == expected, "\(shape) at \(row), \(column)")
        }
      }
    }
  }

  /// gamma(2K + 4) of the absolute products: two roundings a product where pairs are not fused.
  @Test(arguments: InstructionSet.available)
  func bfloat16StaysWithinItsBound(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 32)
    for shape in LinearCase.named + [LinearCase(m: 13, n: 37, k: 29)] {
      let (m, n, k) = (shape.m, shape.n, shape.k)
      let (a, weight) = (random.floats(m * k), random.floats(n * k))
      let found = try Self.product(shape, a: a, weight: weight, .bfloat16, engine)
      let (x, w) = (a.map(roundedToBFloat16), weight.map(roundedToBFloat16))
      var worst = WorstError()
      for row in 0..<m {
        for column in 0..<n {
          var (sum, size) = (0.0, 0.0)
          for step in 0..<k {
            let term = Double(x[row * k + step]) * Double(w[column * k + step])
            sum += term
            size += abs(term)
          }
          worst.note(found[row * n + column], sum, bound: gamma(2 * k + 4) * size + 0x1p-120, at: [row, column])
        }
      }
      #expect(worst.isWithinBound && (worst.boundsAreMeaningful || k < 2), "\(shape): \(worst)")
    }
  }

  /// Sums of int8 are exact. The errors are quantisation, repeated here, and five roundings of either part of
  /// `c (s sum u q + o sum q)`: the sum as a float, its product, their sum (two without fused multiply-add), the
  /// product with c.
  @Test(arguments: InstructionSet.available, [1, 3])
  func int8IsItsQuantizedProduct(_ set: InstructionSet, threads: Int) throws {
    let engine = try Engine(threads: threads, instructionSet: set)
    var random = SeededGenerator(seed: 33)
    for shape in LinearCase.tails + LinearCase.named {
      let (m, n, k) = (shape.m, shape.n, shape.k)
      let (a, weight) = (random.floats(m * k), random.floats(n * k))
      let found = try Self.product(shape, a: a, weight: weight, .int8, engine)
      let (u, rows) = Self.quantizedActivations(a, rows: m, k)
      let (q, scales) = quantizedWeights(weight, rows: n, k)
      var worst = WorstError()
      for row in 0..<m {
        for column in 0..<n {
          var (sum, columnSum) = (0, 0)
          for step in 0..<k {
            sum += u[row * k + step] * q[column * k + step]
            columnSum += q[column * k + step]
          }
          let scale = Double(scales[column])
          let (first, second) = (Double(rows[row].scale) * Double(sum), Double(rows[row].offset) * Double(columnSum))
          worst.note(
            found[row * n + column], scale * (first + second), bound: gamma(5) * scale * (abs(first) + abs(second)),
            at: [row, column])
        }
      }
      #expect(worst.isWithinBound && (worst.boundsAreMeaningful || k < 2), "\(shape): \(worst)")
    }
  }

  private static func quantizedActivations(
    _ values: [Float], rows: Int, _ k: Int
  ) -> (integers: [Int], scales: [RowScale]) {
    var (integers, scales): ([Int], [RowScale]) = ([], [])
    for row in 0..<rows {
      let part = values[row * k..<(row + 1) * k]
      let low = part.min() ?? 0
      let scale = ((part.max() ?? 0) - low) / 255
      scales.append(RowScale(scale: scale, offset: low))
      integers += part.map { Int((($0 - low) * (scale > 0 ? 1 / scale : 0)).rounded(.toNearestOrEven)) }
    }
    return (integers, scales)
  }

  /// Sums at the edge of 32 bits: 2^16 products of 255 by 127, all of one sign.
  @Test(arguments: InstructionSet.available)
  func int8TakesTheLongestRows(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 1, instructionSet: set)
    let k = 1 << 16
    let shape = LinearCase(m: 1, n: 1, k: k)
    // One number is the lower end of the range, all others the upper end.
    let a = [Float](repeating: 255, count: k - 1) + [0]
    let found = try Self.product(shape, a: a, weight: [Float](repeating: -127, count: k), .int8, engine)
    let expected = -255.0 * 127 * Double(k - 1)
    #expect(abs(Double(found[0]) - expected) <= gamma(5) * abs(expected))
  }

  @Test(arguments: InstructionSet.available, [Precision.bfloat16, .int8])
  func foldedIsPacked(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 34)
    for shape in [LinearCase(m: 13, n: 70, k: 131), LinearCase(m: 300, n: 33, k: 64), LinearCase(m: 1, n: 1, k: 1)] {
      let a = random.floats(shape.m * shape.k)
      let matrices = (0..<3).map { _ in random.floats(shape.n * shape.k) }
      let terms = [(Float(0.05), matrices[1]), (Float(-0.3), matrices[2])]
      let packed = try Self.product(shape, a: a, weight: matrices[0], terms: terms, precision, engine)
      let folded = try Self.product(shape, a: a, weight: matrices[0], terms: terms, folds: true, precision, engine)
      #expect(packed == folded, "\(shape)")
    }
  }

  @Test(arguments: InstructionSet.available, [Precision.bfloat16, .int8])
  func blocksChangeNoBit(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 36)
    for shape in [LinearCase(m: 29, n: 45, k: 77), LinearCase(m: 300, n: 33, k: 1203)] {
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      let terms: [(Float, [Float])] = [(0.05, random.floats(weight.count))]
      for folds in [false, true] {
        var first: [Float]?
        for blocking in BlockingTests.cuts {
          let found = try Self.product(
            shape, a: a, weight: weight, terms: terms, folds: folds, precision, engine, blocking: blocking)
          #expect(found == first ?? found, "\(shape), folds \(folds), \(blocking)")
          first = found
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func rowsOfOneNumberAreItsOffset(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 1, instructionSet: set)
    let shape = LinearCase(m: 4, n: 3, k: 21)
    let numbers: [Float] = [0, -3, 7, 0x1p-140]
    var a = numbers.flatMap { number in [Float](repeating: number, count: 21) }
    // A range too small for its reciprocal.
    a[83] = 0x1p-139
    let found = try Self.product(shape, a: a, weight: [Float](repeating: 1, count: 63), .int8, engine)
    // Of weights all 1, c times 127 is 1 to one rounding.
    for (row, number) in numbers.enumerated() {
      for column in 0..<3 {
        let difference = abs(Double(found[row * 3 + column]) - 21 * Double(number))
        #expect(difference <= gamma(6) * 21 * Double(abs(number)) + 0x1p-126)
      }
    }
  }

  /// Scores and sums within float32's bounds; probabilities rounded to bfloat16 (2^-8), the output once more.
  @Test(arguments: InstructionSet.available)
  func bfloat16AttentionMatchesDoubleReference(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 35)
    for (n, d) in [(1, 64), (2, 32), (5, 7), (197, 64), (33, 17), (257, 48), (300, 128)] {
      let stride = (3 * d + 1) / 2 * 2 + 2
      var qkv = [UInt16](repeating: 0, count: n * stride + 2)
      for token in 0..<n {
        // Values have a mean that is large compared with their roundings.
        let numbers = random.floats(2 * d, in: -2...2) + random.floats(d, in: -1...4)
        qkv.replaceSubrange(token * stride..<token * stride + 3 * d, with: halves(numbers))
      }
      let outStride = (d + 1) / 2 * 2 + 2
      var output = [UInt16](repeating: 0x7FC0, count: n * outStride)
      var probabilities = [Float](repeating: .nan, count: n * n)
      var scratch = [Float](
        repeating: .nan,
        count: attentionScratchCount(
          tokens: n, headSize: d, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows))
      let scale = 1 / Float(d).squareRoot()
      qkv.withUnsafeBytes { qkv in
        output.withUnsafeMutableBytes { output in
          let base = qkv.baseAddress!
          var arguments = AttentionArguments(
            q: base, k: base + 2 * d, v: base + 4 * d, stride: 2 * stride, output: output.baseAddress!,
            outputStride: 2 * outStride, tokens: n, headSize: d, scale: scale)
          kernels.bfloat16Activations.attention(&arguments, Span1D(0, n), &scratch)
          kernels.bfloat16Activations.attentionProbabilities(&arguments, Span1D(0, n), &probabilities, &scratch)
        }
      }
      func value(_ token: Int, _ column: Int) -> Double { Double(Self.float(qkv[token * stride + column])) }
      func rows(_ part: Int) -> [[Double]] {
        (0..<n).map { token in (0..<d).map { value(token, part * d + $0) } }
      }
      let (queries, keys, values) = (rows(0), rows(1), rows(2))
      var worst = WorstError()
      for query in 0..<n {
        let scores = (0..<n).map { key in
          (0..<d).reduce(0.0) { $0 + value(query, $1) * value(key, d + $1) } * Double(scale)
        }
        let top = scores.max()!
        let weights = scores.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        // |q| |k| <= 4 d scale: the error of a score, which moves its exponential by as much.
        let drift = 2 * gamma(2 * d + 8) * 4 * Double(d) * Double(scale) + gamma(2 * n + 16)
        for key in 0..<n {
          worst.note(
            probabilities[query * n + key], weights[key] / total, bound: drift * weights[key] / total + 0x1p-120,
            at: [query, key])
        }
        let expected = attention(
          query: queries[query], keys: keys, values: values, scale: Double(scale), rounding: 0x1p-8
        ).rounded(to: .bfloat16)
        for column in 0..<outStride {
          let found = Self.float(output[query * outStride + column])
          guard column < d else {
            #expect(found.isNaN, "wrote beyond the head")
            continue
          }
          worst.note(found, expected[column].value, bound: expected[column].error, at: [query, column])
        }
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(n) tokens of \(d): \(worst)")
    }
  }
}
