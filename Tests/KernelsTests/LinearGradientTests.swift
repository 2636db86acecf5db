import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// The three gradients of a linear layer in both formats: whole numbers are exact, floats within Higham's bound of a
/// sum of products of the rounded operands.
@Suite struct LinearGradientTests {
  static let precisions = [Precision.float32, .bfloat16]

  /// dY (m, n) and X (m, k) with strides of their own, in words, and NaN between the rows.
  struct Case: CustomStringConvertible, Sendable {
    var m: Int
    var n: Int
    var k: Int
    var description: String { "\(m) x \(n) x \(k)" }
    var dyStride: Int { n + 3 }
    var xStride: Int { k + 5 }

    /// Around tiles of rows, panels of columns, and the blocks of a weight gradient in each direction.
    static let tails: [Case] =
      (1...26).map { Case(m: $0, n: 33, k: 19) } + (1...67).map { Case(m: 5, n: $0, k: 7) }
      + (1...67).map { Case(m: 5, n: 7, k: $0) }
      + [127, 128, 129, 255, 256, 257, 300, 513].map { Case(m: $0, n: 40, k: 24) }
      + [47, 48, 49, 95, 96, 97, 191, 192, 193].map { Case(m: 9, n: $0, k: 10) }
      + [95, 96, 97, 191, 193, 383, 384, 385].map { Case(m: 9, n: 10, k: $0) }
      // Blocks of every size: on one thread the largest, on three smaller ones.
      + [Case(m: 130, n: 200, k: 390), Case(m: 9, n: 400, k: 800)]

    /// Rows of the format; the other half of a last word is zero, as a layer's rows have it.
    func rows(_ values: [Float], _ width: Int, _ stride: Int, _ precision: Precision) -> FloatBuffer {
      let buffer = FloatBuffer(count: values.count / width * stride)
      for index in 0..<buffer.count { buffer.base[index] = Float(bitPattern: .max) }
      let bytes = UnsafeMutableRawPointer(buffer.base)
      for (index, value) in values.enumerated() {
        let line = bytes + index / width * stride * 4
        if precision == .float32 {
          line.storeBytes(of: value, toByteOffset: index % width * 4, as: Float.self)
        } else {
          line.storeBytes(of: halves([value])[0], toByteOffset: index % width * 2, as: UInt16.self)
          if index % width == width - 1, width % 2 == 1 {
            line.storeBytes(of: 0, toByteOffset: width * 2, as: UInt16.self)
          }
        }
      }
      return buffer
    }
  }

  private static func scratch(_ engine: Engine, n: Int) -> [FloatBuffer] {
    (0..<engine.threads).map { _ in
      let buffer = FloatBuffer(count: LinearGradient.scratchCount(engine.kernels, n: n))
      buffer.base.update(repeating: .nan, count: buffer.count)
      return buffer
    }
  }

  private static func buffer(_ values: [Float]) -> FloatBuffer {
    let buffer = FloatBuffer(count: values.count)
    buffer.base.update(from: values, count: values.count)
    return buffer
  }

  /// dX (m, k) of contiguous dY and W, with NaN beyond its columns.
  private static func input(
    _ shape: Case, _ precision: Precision, dy: [Float], weight: [Float], terms: [(Float, [Float])] = [],
    engine: Engine, sharesPanels: Bool = false
  ) throws -> [Float] {
    let buffers = terms.map { buffer($0.1) }
    let stored = buffer(weight)
    let matrix = FoldedMatrix(
      stored.base, n: shape.n, k: shape.k,
      terms: zip(terms, buffers).map { FoldTerm(scale: $0.0, weight: $1.base) }, precision: precision,
      owners: buffers + [stored])
    let scratch = scratch(engine, n: shape.n)
    let panels = FloatBuffer(count: LinearProduct.panelCount(engine.kernels, precision, n: shape.n, k: shape.k))
    panels.base.update(repeating: .nan, count: panels.count)
    var dx = [Float](repeating: .nan, count: shape.m * shape.xStride)
    let rows = shape.rows(dy, shape.n, shape.dyStride, precision)
    try dx.withUnsafeMutableBufferPointer { dx in
      try engine.run { member in
        LinearGradient.input(
          &member, engine.kernels, weight: matrix, dy: rows.base, dyStride: shape.dyStride, m: shape.m,
          dx: dx.baseAddress!, dxStride: shape.xStride, panels: sharesPanels ? panels.base : nil,
          scratch: scratch[member.index].base)
      }
    }
    for row in 0..<shape.m {
      let rest = dx[row * shape.xStride + shape.k..<(row + 1) * shape.xStride]
      #expect(rest.allSatisfy { $0.isNaN }, "\(shape): wrote beyond row \(row)")
    }
    return (0..<shape.m * shape.k).map { dx[$0 / shape.k * shape.xStride + $0 % shape.k] }
  }

  /// dW (n, k) and db (n) of contiguous dY and X, added to `weight` and `bias`.
  private static func parameters(
    _ shape: Case, _ precision: Precision, dy: [Float], x: [Float], weight: [Float], bias: [Float], engine: Engine
  ) throws -> (weight: [Float], bias: [Float]) {
    let scratch = scratch(engine, n: shape.n)
    var (dw, db) = (weight + [.nan], bias + [.nan])
    let dyRows = shape.rows(dy, shape.n, shape.dyStride, precision)
    let xRows = shape.rows(x, shape.k, shape.xStride, precision)
    try dw.withUnsafeMutableBufferPointer { dw in
      try db.withUnsafeMutableBufferPointer { db in
        try engine.run { member in
          LinearGradient.weight(
            &member, engine.kernels, precision: precision, dy: dyRows.base, dyStride: shape.dyStride, x: xRows.base,
            xStride: shape.xStride, m: shape.m, n: shape.n, k: shape.k, into: dw.baseAddress!,
            scratch: scratch[member.index].base)
          LinearGradient.addRows(
            &member, engine.kernels, precision: precision, dyRows.base, stride: shape.dyStride, rows: shape.m,
            width: shape.n, into: db.baseAddress!)
        }
      }
    }
    #expect(dw.removeLast().isNaN && db.removeLast().isNaN, "\(shape): wrote beyond the gradients")
    return (dw, db)
  }

  @Test(arguments: InstructionSet.available, precisions)
  func wholeNumbersAreExactAndGuardsHold(_ set: InstructionSet, _ precision: Precision) throws {
    for threads in [1, 3] {
      let engine = try Engine(threads: threads, instructionSet: set)
      var random = SeededGenerator(seed: 1)
      for shape in Case.tails { try Self.expectExact(shape, precision, engine, &random) }
    }
  }

  /// Gradients of whole numbers up to 8, which either format has, and whose sums are exact in any order.
  private static func expectExact(
    _ shape: Case, _ precision: Precision, _ engine: Engine, _ random: inout SeededGenerator
  ) throws {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let (dy, x) = (random.wholeNumbers(m * n), random.wholeNumbers(m * k))
    let weight = random.wholeNumbers(n * k)
    let before = (weight: random.wholeNumbers(n * k), bias: random.wholeNumbers(n))
    let dx = try input(shape, precision, dy: dy, weight: weight, engine: engine)
    for index in dx.indices {
      let (row, column) = (index / k, index % k)
      let expected = (0..<n).reduce(Float(0)) { $0 + dy[row * n + $1] * weight[$1 * k + column] }
      #expect(dx[index] == expected, "\(shape): dX at \(row), \(column)")
    }
    #expect(
      try input(shape, precision, dy: dy, weight: weight, engine: engine, sharesPanels: true) == dx, "\(shape)")
    let (dw, db) = try parameters(
      shape, precision, dy: dy, x: x, weight: before.weight, bias: before.bias, engine: engine)
    for index in dw.indices {
      let (row, column) = (index / k, index % k)
      let expected = (0..<m).reduce(Float(0)) { $0 + dy[$1 * n + row] * x[$1 * k + column] }
      #expect(dw[index] == before.weight[index] + expected, "\(shape): dW at \(row), \(column)")
    }
    for index in db.indices {
      let expected = (0..<m).reduce(Float(0)) { $0 + dy[$1 * n + index] }
      #expect(db[index] == before.bias[index] + expected, "\(shape): db at \(index)")
    }
  }

  /// Rows of odd and even numbers, in odd and even widths: bfloat16 pairs both.
  @Test(arguments: InstructionSet.available, precisions)
  func floatsAreWithinTheBoundOfTheirSums(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    for shape in [Case(m: 394, n: 130, k: 70), Case(m: 395, n: 131, k: 71)] {
      try Self.expectWithinBounds(shape, precision, engine)
    }
  }

  /// Sums of products of operands as they are rounded, with two roundings a product.
  private static func expectWithinBounds(_ shape: Case, _ precision: Precision, _ engine: Engine) throws {
    var random = SeededGenerator(seed: 2)
    let (m, n, k) = (shape.m, shape.n, shape.k)
    func numbers(_ count: Int) -> (floats: [Float], rounded: [Double]) {
      let floats = random.floats(count)
      return (floats, floats.map { Double(precision == .float32 ? $0 : roundedToBFloat16($0)) })
    }
    let (dy, x, weight) = (numbers(m * n), numbers(m * k), numbers(n * k))
    let dx = try input(shape, precision, dy: dy.floats, weight: weight.floats, engine: engine)
    var worst = WorstError()
    for index in dx.indices {
      let terms = (0..<n).map { dy.rounded[index / k * n + $0] * weight.rounded[$0 * k + index % k] }
      worst.note(
        dx[index], terms.reduce(0, +), bound: gamma(2 * n) * terms.reduce(0) { $0 + abs($1) } + 0x1p-120,
        at: [index / k, index % k])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): dX: \(worst)")
    worst.record("linear dX, \(precision)")
    let zeros = [Float](repeating: 0, count: n * k)
    let (dw, db) = try parameters(
      shape, precision, dy: dy.floats, x: x.floats, weight: zeros, bias: Array(zeros[..<n]), engine: engine)
    worst = WorstError()
    for index in dw.indices {
      let terms = (0..<m).map { dy.rounded[$0 * n + index / k] * x.rounded[$0 * k + index % k] }
      worst.note(
        dw[index], terms.reduce(0, +), bound: gamma(2 * m) * terms.reduce(0) { $0 + abs($1) } + 0x1p-120,
        at: [index / k, index % k])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): dW: \(worst)")
    worst.record("linear dW, \(precision)")
    worst = WorstError()
    for index in db.indices {
      let terms = (0..<m).map { dy.rounded[$0 * n + index] }
      worst.note(db[index], terms.reduce(0, +), bound: gamma(m) * terms.reduce(0) { $0 + abs($1) }, at: [index])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): db: \(worst)")
    worst.record("linear db, \(precision)")
  }

  /// W_hat is the same on the way back: folding gives dX the bits that merged weights give it.
  @Test(arguments: InstructionSet.available, precisions)
  func foldedAndMergedWeightsGiveTheSameBits(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 3)
    for shape in [Case(m: 7, n: 37, k: 45), Case(m: 13, n: 64, k: 96)] {
      let count = shape.n * shape.k
      let (dy, weight) = (random.floats(shape.m * shape.n), random.floats(count))
      let terms: [(Float, [Float])] = [(0.3, random.floats(count)), (-1.7, random.floats(count))]
      let merged = (0..<count).map { index in
        terms.reduce(weight[index]) { $0.addingProduct($1.0, $1.1[index]) }
      }
      let folded = try Self.input(shape, precision, dy: dy, weight: weight, terms: terms, engine: engine)
      #expect(try folded == Self.input(shape, precision, dy: dy, weight: merged, engine: engine), "\(shape)")
      let shared = try Self.input(
        shape, precision, dy: dy, weight: weight, terms: terms, engine: engine, sharesPanels: true)
      #expect(shared == folded, "\(shape)")
    }
  }

  /// A gradient is summed from zero and added once.
  @Test(arguments: InstructionSet.available, precisions)
  func twoPassesAddTwoSums(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 4)
    let shape = Case(m: 300, n: 50, k: 40)
    let zeros = [Float](repeating: 0, count: shape.n * shape.k)
    func gradient(onto before: [Float], _ dy: [Float], _ x: [Float]) throws -> [Float] {
      try Self.parameters(
        shape, precision, dy: dy, x: x, weight: before, bias: Array(zeros[..<shape.n]), engine: engine
      ).weight
    }
    let dy = [random.floats(shape.m * shape.n), random.floats(shape.m * shape.n)]
    let x = [random.floats(shape.m * shape.k), random.floats(shape.m * shape.k)]
    let first = try gradient(onto: zeros, dy[0], x[0])
    let second = try gradient(onto: zeros, dy[1], x[1])
    #expect(try gradient(onto: first, dy[1], x[1]) == zip(first, second).map(+))
  }
}
