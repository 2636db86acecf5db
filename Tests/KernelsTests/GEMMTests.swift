import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// A linear layer of the engine and its Double reference.
struct LinearCase: CustomStringConvertible, Sendable {
  var m: Int
  var n: Int
  var k: Int
  var description: String { "\(m) x \(n) x \(k)" }

  /// Row counts up to two tiles, columns around panels, K around pieces; and the layers of real models.
  static let tails: [LinearCase] =
    (1...26).map { LinearCase(m: $0, n: 33, k: 19) }
    + (1...67).map { LinearCase(m: 5, n: $0, k: 7) }
    + [1, 2, 3, 255, 256, 257, 383, 384, 385, 511, 512, 513, 769].map { LinearCase(m: 7, n: 31, k: $0) }
    + [256, 257, 300, 513].map { LinearCase(m: $0, n: 40, k: 24) }
  static let named = [LinearCase(m: 197, n: 576, k: 192), LinearCase(m: 50, n: 384, k: 1536)]
}

func linearProduct(
  _ shape: LinearCase, a: [Float], lda: Int, weight: [Float], terms: [(Float, [Float])] = [], folding: Bool = false,
  engine: Engine, blocking: Blocking? = nil, ldc: Int, c: inout [Float],
  epilogue: (inout Epilogue) -> Void = { _ in }
) throws {
  var kernels = engine.kernels
  if let blocking { kernels.blocking = blocking }
  var settings = Epilogue()
  epilogue(&settings)
  let buffers = terms.map { term in
    let buffer = FloatBuffer(count: term.1.count)
    buffer.base.update(from: term.1, count: term.1.count)
    return buffer
  }
  let folds = zip(terms, buffers).map { FoldTerm(scale: $0.0, weight: $1.base) }
  let stored = FloatBuffer(count: weight.count)
  stored.base.update(from: weight, count: weight.count)
  let matrix: WeightMatrix =
    folding
    ? .folding(
      FoldedMatrix(stored.base, n: shape.n, k: shape.k, terms: folds, owners: buffers + [stored]))
    : .packed(try PackedMatrix(stored.base, n: shape.n, k: shape.k, terms: folds, engine: engine))
  withExtendedLifetime((buffers, stored)) {}
  let scratch = (0..<engine.threads).map { _ in
    FloatBuffer(count: LinearProduct.scratchCount(kernels, k: shape.k))
  }
  for buffer in scratch { buffer.base.update(repeating: .nan, count: buffer.count) }
  try a.withUnsafeBufferPointer { a in
    try c.withUnsafeMutableBufferPointer { c in
      try engine.run { member in
        LinearProduct.run(
          &member, kernels, weight: matrix, a: a.baseAddress!, lda: lda, m: shape.m, c: c.baseAddress!,
          ldc: ldc, epilogue: settings, scratch: scratch[member.index].base)
      }
    }
  }
}

@Suite struct GEMMTests {
  @Test(arguments: InstructionSet.available, [1, 2, 3])
  func wholeNumbersAreExactAndGuardsHold(_ set: InstructionSet, threads: Int) throws {
    let engine = try Engine(threads: threads, instructionSet: set)
    var random = SeededGenerator(seed: 1)
    for shape in LinearCase.tails {
      let lda = shape.k + 3
      let ldc = shape.n + 5
      var a = random.wholeNumbers(shape.m * lda)
      for row in 0..<shape.m { for column in shape.k..<lda { a[row * lda + column] = .nan } }
      let weight = random.wholeNumbers(shape.n * shape.k)
      var c = [Float](repeating: .nan, count: shape.m * ldc)
      try linearProduct(shape, a: a, lda: lda, weight: weight, engine: engine, ldc: ldc, c: &c)
      for row in 0..<shape.m {
        for column in 0..<ldc {
          let found = c[row * ldc + column]
          if column >= shape.n {
            #expect(found.isNaN, "\(shape): wrote beyond the columns at \(row), \(column)")
          } else {
            var expected: Float = 0
            for step in 0..<shape.k { expected += a[row * lda + step] * weight[column * shape.k + step] }
            #expect(found == expected, "\(shape) at \(row), \(column)")
          }
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func epiloguesStayWithinTheirBounds(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 2)
    for shape in LinearCase.named + [LinearCase(m: 13, n: 37, k: 29)] {
      let (m, n, k) = (shape.m, shape.n, shape.k)
      let a = random.floats(m * k)
      let weight = random.floats(n * k)
      let bias = random.floats(n)
      let scale = random.floats(n)
      let residual = random.floats(m * n)
      var c = [Float](repeating: .nan, count: m * n)
      try bias.withUnsafeBufferPointer { bias in
        try scale.withUnsafeBufferPointer { scale in
          try residual.withUnsafeBufferPointer { residual in
            try linearProduct(shape, a: a, lda: k, weight: weight, engine: engine, ldc: n, c: &c) {
              $0.bias = bias.baseAddress
              $0.gamma = scale.baseAddress
              $0.residual = residual.baseAddress
              $0.residualStride = n
            }
          }
        }
      }
      var worst = WorstError()
      for row in 0..<m {
        for column in 0..<n {
          var sum = Double(bias[column])
          var size = abs(Double(bias[column]))
          for step in 0..<k {
            let term = Double(a[row * k + step]) * Double(weight[column * k + step])
            sum += term
            size += abs(term)
          }
          let expected = Double(residual[row * n + column]) + Double(scale[column]) * sum
          // K products and sums (2 roundings each without FMA), one for the bias, two for LayerScale and the residual.
          let bound = gamma(2 * k + 4) * (size * abs(Double(scale[column])) + abs(Double(residual[row * n + column])))
          worst.note(c[row * n + column], expected, bound: bound, at: [row, column])
        }
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): \(worst)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func foldedEqualsMergedToTheBit(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 3)
    for shape in [LinearCase(m: 29, n: 45, k: 77), LinearCase(m: 300, n: 64, k: 400)] {
      let a = random.floats(shape.m * shape.k)
      let weight = random.floats(shape.n * shape.k)
      let terms: [(Float, [Float])] = [(0.05, random.floats(weight.count)), (-0.3, random.floats(weight.count))]
      var merged = weight
      for (scale, auxiliary) in terms {
        for index in merged.indices { merged[index] = merged[index].addingProduct(scale, auxiliary[index]) }
      }
      var results = [[Float]](repeating: [Float](repeating: .nan, count: shape.m * shape.n), count: 3)
      let c = shape.n
      try linearProduct(shape, a: a, lda: shape.k, weight: merged, engine: engine, ldc: c, c: &results[0])
      try linearProduct(shape, a: a, lda: shape.k, weight: weight, terms: terms, engine: engine, ldc: c, c: &results[1])
      try linearProduct(
        shape, a: a, lda: shape.k, weight: weight, terms: terms, folding: true, engine: engine, ldc: c, c: &results[2])
      #expect(results[0] == results[1])
      #expect(results[0] == results[2])
    }
  }

  @Test(arguments: InstructionSet.available)
  func threadsAndRowsChangeNoBit(_ set: InstructionSet) throws {
    var random = SeededGenerator(seed: 4)
    let shape = LinearCase(m: 391, n: 70, k: 600)
    let a = random.floats(shape.m * shape.k)
    let weight = random.floats(shape.n * shape.k)
    var first = [Float]()
    for threads in 1...8 {
      let engine = try Engine(threads: threads, instructionSet: set)
      var c = [Float](repeating: .nan, count: shape.m * shape.n)
      try linearProduct(shape, a: a, lda: shape.k, weight: weight, engine: engine, ldc: shape.n, c: &c)
      if threads == 1 { first = c }
      #expect(c == first)
      let few = LinearCase(m: threads, n: shape.n, k: shape.k)
      var head = [Float](repeating: .nan, count: few.m * few.n)
      try linearProduct(few, a: a, lda: shape.k, weight: weight, engine: engine, ldc: shape.n, c: &head)
      #expect(head == Array(first.prefix(head.count)))
    }
  }

  /// `BlockingTests.cuts`: float32; narrow formats are in `NarrowFormatTests`.
  @Test(arguments: InstructionSet.available, [false, true])
  func blocksChangeNoBit(_ set: InstructionSet, folding: Bool) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 9)
    for shape in [LinearCase(m: 29, n: 45, k: 77), LinearCase(m: 391, n: 70, k: 600)] {
      let a = random.floats(shape.m * shape.k)
      let weight = random.floats(shape.n * shape.k)
      let terms: [(Float, [Float])] = [(0.05, random.floats(weight.count))]
      var first: [Float]?
      for blocking in BlockingTests.cuts {
        var c = [Float](repeating: .nan, count: shape.m * shape.n)
        try linearProduct(
          shape, a: a, lda: shape.k, weight: weight, terms: terms, folding: folding, engine: engine,
          blocking: blocking, ldc: shape.n, c: &c)
        #expect(c == first ?? c, "\(shape), \(blocking)")
        first = c
      }
    }
  }
}
