import Foundation
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// Attention in int8, on every instruction set, next to its own integers in Double, and next to exact attention.
@Suite struct IntegerAttentionTests {
  /// q, k and v of one head in bfloat16, NaN around them.
  private struct Head {
    let n: Int
    let d: Int
    var qkv: [UInt16]
    var stride: Int { (3 * d + 1) / 2 * 2 + 2 }
    var outputStride: Int { d + 3 }
    var scale: Float { 1 / Float(d).squareRoot() }

    /// - Parameter rows: q, k and v of every token, (N, 3D).
    init(n: Int, d: Int, rows: (Int) -> [Float]) {
      (self.n, self.d) = (n, d)
      qkv = []
      qkv = [UInt16](repeating: 0x7FC0, count: n * stride)
      for token in 0..<n { qkv.replaceSubrange(token * stride..<token * stride + 3 * d, with: halves(rows(token))) }
    }

    init(n: Int, d: Int, random: inout SeededGenerator) {
      // What tokens have in common is larger than what sets them apart, as in trained models.
      let common = random.floats(3 * d, in: -3...3)
      var numbers = random.floats(n * 3 * d, in: -2...2)
      for index in numbers.indices { numbers[index] += common[index % (3 * d)] }
      self.init(n: n, d: d) { Array(numbers[$0 * 3 * d..<($0 + 1) * 3 * d]) }
    }

    /// Rows of q, k or v, (N, D).
    func rows(_ part: Int) -> [[Float]] {
      (0..<n).map { token in
        (0..<d).map { Float(bitPattern: UInt32(qkv[token * stride + part * d + $0]) << 16) }
      }
    }

    /// The outputs, (N, `outputStride`), of pieces of queries.
    func outputs(_ kernels: KernelTable, pieces: [Range<Int>]? = nil) -> [[Float]] {
      var output = [UInt16](repeating: 0x7FC1, count: n * outputStride)
      var scratch = [Float](
        repeating: .nan, count: kernels.integerAttentionScratchCount(tokens: n, headSize: d) + 16)
      let end = scratch.count - 16
      for index in end..<scratch.count { scratch[index] = 1234.5 }
      qkv.withUnsafeBytes { qkv in
        output.withUnsafeMutableBytes { output in
          let q = qkv.baseAddress!
          var arguments = AttentionArguments(
            q: q, k: q + 2 * d, v: q + 4 * d, stride: 2 * stride, output: output.baseAddress!,
            outputStride: 2 * outputStride, tokens: n, headSize: d, scale: scale)
          for piece in pieces ?? [0..<n] {
            kernels.integerAttention(&arguments, Span1D(piece.lowerBound, piece.upperBound), &scratch)
          }
        }
      }
      #expect(scratch[end...].allSatisfy { $0 == 1234.5 }, "wrote beyond the scratch")
      return (0..<n).map { row in
        (0..<outputStride).map { Float(bitPattern: UInt32(output[row * outputStride + $0]) << 16) }
      }
    }
  }

  private static let shapes: [(n: Int, d: Int)] =
    [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 50, 197, 255, 256, 257, 300, 513].map { ($0, 64) }
    + [1, 2, 3, 5, 7, 15, 16, 24, 33, 48, 63, 72, 80, 128].map { (37, $0) }

  @Test(arguments: InstructionSet.available)
  func matchesItsIntegers(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 41)
    for (n, d) in Self.shapes {
      let head = Head(n: n, d: d, random: &random)
      let reference = IntegerAttentionReference(
        keys: head.rows(1), values: head.rows(2), scale: head.scale, isBytes: kernels.int8.perWord == 4)
      let (found, queries) = (head.outputs(kernels), head.rows(0))
      var worst = WorstError()
      // Of many queries some in every tile, whatever its height.
      for query in stride(from: 0, to: n, by: n > 100 ? 5 : 1) {
        let expected = reference(queries[query]).rounded(to: .bfloat16)
        for column in 0..<head.outputStride {
          guard column < d else {
            #expect(found[query][column].isNaN, "wrote beyond the head")
            continue
          }
          worst.note(found[query][column], expected[column].value, bound: expected[column].error, at: [query, column])
        }
      }
      #expect(worst.isWithinBound && worst.boundsAre(below: 0.02), "\(n) tokens of \(d): \(worst)")
    }
  }

  /// Next to softmax in Double of the numbers before they became integers. Half a step of every q and k moves a score,
  /// half a step of every v the output.
  @Test(arguments: InstructionSet.available)
  func staysNearExactAttention(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 42)
    for (n, d) in [(197, 64), (300, 32), (50, 24)] {
      let common = random.floats(3 * d, in: -3...3)
      var numbers = random.floats(n * 3 * d, in: -0.5...0.5)
      // Keys and values have a large number in common; queries have none, which would make their steps large.
      for index in numbers.indices where index % (3 * d) >= d { numbers[index] += common[index % (3 * d)] }
      let head = Head(n: n, d: d) { Array(numbers[$0 * 3 * d..<($0 + 1) * 3 * d]) }
      let parts = (0..<3).map { head.rows($0).map { $0.map(Double.init) } }
      let means = (0..<d).map { c in parts[1].reduce(0) { $0 + $1[c] } / Double(n) }
      let keySizes = parts[1].map { zip($0, means).map { abs($0 - $1) } }
      let keySteps = keySizes.map { ($0.max() ?? 0) / 254 }
      let valueSteps = (0..<d).map { c in
        let column = parts[2].map { $0[c] }
        return ((column.max() ?? 0) - (column.min() ?? 0)) / 508
      }
      let found = head.outputs(kernels)
      var worst = WorstError()
      for query in stride(from: 0, to: n, by: 5) {
        let q = parts[0][query]
        let queryStep = ((q.max() ?? 0) - (q.min() ?? 0)) / 510
        var scoreError = 0.0
        for key in 0..<n {
          let error = zip(q, keySizes[key]).reduce(0) {
            $0 + abs($1.0) * keySteps[key] + ($1.1 + keySteps[key]) * queryStep
          }
          scoreError = max(scoreError, error * Double(head.scale) * 1.01)
        }
        let expected = attention(query: q, keys: parts[1], values: parts[2], scale: Double(head.scale))
        // A softmax whose scores are off by e has weights off by factors within exp(2e); their differences add to 0.
        for column in 0..<d {
          let spread = valueSteps[column] * 508
          let bound = (exp(2 * scoreError) - 1) * spread + valueSteps[column] * 1.01 + 0x1p-14 * spread
          let rounded = Bounded(expected[column].value, error: expected[column].error + bound)
          worst.note(
            found[query][column], rounded.value, bound: [rounded].rounded(to: .bfloat16)[0].error, at: [query, column])
        }
      }
      #expect(worst.isWithinBound && worst.boundsAre(below: 0.1), "\(n) tokens of \(d): \(worst)")
    }
  }

  /// One key has the largest score by 7.5, so that the weight of each of 999 others is 1/1,808 of its own: less than
  /// half a step of 8 bits, and a third of all weight.
  @Test(arguments: InstructionSet.available)
  func smallWeightsAreNotLost(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let (n, d) = (1_000, 16)
    let head = Head(n: n, d: d) { token in
      var row = [Float](repeating: 0, count: 3 * d)
      row[0] = 5
      row[d] = token == 700 ? 6 : 0
      for column in 0..<d { row[2 * d + column] = token == 700 ? 1 : -1 }
      return row
    }
    let weight = exp(-7.5) * 999
    let expected = (1 - weight) / (1 + weight)
    for row in head.outputs(kernels) {
      for value in row[..<d] { #expect(abs(Double(value) - expected) < 0.03, "\(value), not \(expected)") }
    }
  }

  @Test(arguments: InstructionSet.available)
  func piecesChangeNoBit(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    var random = SeededGenerator(seed: 43)
    let head = Head(n: 70, d: 40, random: &random)
    let whole = head.outputs(kernels).map { $0.map(\.bitPattern) }
    #expect(head.outputs(kernels, pieces: [0..<1, 1..<14, 14..<70]).map { $0.map(\.bitPattern) } == whole)
  }

  /// What is not finite becomes no number that looks right.
  @Test(arguments: InstructionSet.available, [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteShows(_ set: InstructionSet, _ number: Float) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let (n, d) = (37, 24)
    var random = SeededGenerator(seed: 44)
    let numbers = random.floats(n * 3 * d)
    for part in 0..<3 where part > 0 || number.isInfinite {
      var rows = numbers
      rows[20 * 3 * d + part * d + 5] = number
      let found = Head(n: n, d: d) { Array(rows[$0 * 3 * d..<($0 + 1) * 3 * d]) }.outputs(kernels)
      for row in 0..<n where part > 0 || row == 20 {
        #expect((0..<d).contains { !found[row][$0].isFinite }, "part \(part), row \(row)")
        if part == 1 { #expect((0..<d).allSatisfy { !found[row][$0].isFinite }, "row \(row)") }
        if part == 2 { #expect(!found[row][5].isFinite && found[row][4].isFinite, "row \(row)") }
      }
    }
  }
}
