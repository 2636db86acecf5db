import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// What training adds to an epilogue: outputs that inference does not keep, and never other bits of those that it does.
@Suite struct TrainingEpilogueTests {
  private static let shapes = [
    LinearCase(m: 13, n: 37, k: 29), LinearCase(m: 24, n: 64, k: 16), LinearCase(m: 5, n: 7, k: 3),
  ]

  private static func product(
    _ shape: LinearCase, _ a: [Float], _ weight: [Float], _ set: InstructionSet, _ epilogue: (inout Epilogue) -> Void
  ) throws -> [Float] {
    var c = [Float](repeating: .nan, count: shape.m * shape.n)
    try linearProduct(
      shape, a: a, lda: shape.k, weight: weight, engine: Engine(threads: 2, instructionSet: set), ldc: shape.n, c: &c,
      epilogue: epilogue)
    return c
  }

  /// With GELU after it, and with LayerScale and a residual.
  @Test(arguments: InstructionSet.available, [true, false])
  func whatIsKeptIsTheSumAfterTheBias(_ set: InstructionSet, appliesGELU: Bool) throws {
    var random = SeededGenerator(seed: 1)
    for shape in Self.shapes {
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      let (bias, gain, residual) = (
        random.floats(shape.n), random.floats(shape.n), random.floats(shape.m * shape.n)
      )
      var kept = [Float](repeating: .nan, count: shape.m * (shape.n + 3))
      func settings(
        _ e: inout Epilogue, _ bias: UnsafeBufferPointer<Float>, _ gain: UnsafeBufferPointer<Float>,
        _ residual: UnsafeBufferPointer<Float>
      ) {
        e.bias = bias.baseAddress
        e.appliesGELU = appliesGELU
        if !appliesGELU {
          (e.gamma, e.residual, e.residualStride) = (gain.baseAddress, residual.baseAddress, shape.n)
        }
      }
      try bias.withUnsafeBufferPointer { bias in
        try gain.withUnsafeBufferPointer { gain in
          try residual.withUnsafeBufferPointer { residual in
            try kept.withUnsafeMutableBufferPointer { kept in
              let trained = try Self.product(shape, a, weight, set) {
                settings(&$0, bias, gain, residual)
                ($0.kept, $0.keptStride) = (kept.baseAddress, shape.n + 3)
              }
              let plain = try Self.product(shape, a, weight, set) { settings(&$0, bias, gain, residual) }
              #expect(trained == plain, "\(shape)")
              let sums = try Self.product(shape, a, weight, set) { $0.bias = bias.baseAddress }
              for index in sums.indices {
                let place = index / shape.n * (shape.n + 3) + index % shape.n
                #expect(kept[place] == sums[index], "\(shape) at \(index)")
              }
              #expect((0..<shape.m).allSatisfy { kept[$0 * (shape.n + 3) + shape.n].isNaN }, "\(shape)")
            }
          }
        }
      }
    }
  }

  /// A factor of 1 changes no bit, one of 0 leaves the residual, and 2 is twice the gain.
  @Test(arguments: InstructionSet.available)
  func factorsMultiplyTheGainOfAnInputsRows(_ set: InstructionSet) throws {
    var random = SeededGenerator(seed: 2)
    for shape in Self.shapes {
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      let (gain, residual) = (random.floats(shape.n), random.floats(shape.m * shape.n))
      let twice = gain.map { 2 * $0 }
      let factors: [Float] = [1, 0, 2] + [Float](repeating: 1, count: 6)
      func product(_ gain: [Float], _ factors: UnsafePointer<Float>?) throws -> [Float] {
        try gain.withUnsafeBufferPointer { gain in
          try residual.withUnsafeBufferPointer { residual in
            try Self.product(shape, a, weight, set) {
              ($0.gamma, $0.residual, $0.residualStride) = (gain.baseAddress, residual.baseAddress, shape.n)
              ($0.factors, $0.rowsPerFactor) = (factors, 4)
            }
          }
        }
      }
      let found = try factors.withUnsafeBufferPointer { try product(gain, $0.baseAddress) }
      let (ofOne, ofTwo) = (try product(gain, nil), try product(twice, nil))
      for index in found.indices {
        let expected =
          switch factors[index / shape.n / 4] {
          case 0: residual[index]
          case 2: ofTwo[index]
          default: ofOne[index]
          }
        #expect(found[index] == expected, "\(shape) at \(index)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func slopesMultiplySums(_ set: InstructionSet) throws {
    var random = SeededGenerator(seed: 3)
    for shape in Self.shapes {
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      let x = random.floats(shape.m * shape.n, in: -5...5)
      let sums = try Self.product(shape, a, weight, set) { _ in }
      let found = try x.withUnsafeBufferPointer { x in
        try Self.product(shape, a, weight, set) { ($0.slopeOf, $0.slopeStride) = (x.baseAddress, shape.n) }
      }
      var worst = WorstError()
      for index in found.indices {
        let sum = Double(sums[index])
        let bound = abs(sum) * (0x1p-20 + 2 * unitRoundoff)
        worst.note(found[index], sum * geluSlope(Double(x[index])), bound: bound, at: [index])
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): \(worst)")
    }
  }

  /// What a layer in bfloat16 stores in training: with sums that are kept, the bits of inference; with the slope of GELU,
  /// what it stores as float32, rounded.
  @Test(arguments: InstructionSet.available)
  func bfloat16StoresItsBits(_ set: InstructionSet) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 4)
    for shape in Self.shapes {
      let (a, weight) = (random.floats(shape.m * shape.k), random.floats(shape.n * shape.k))
      let x = FloatBuffer(count: shape.m * shape.n)
      for index in 0..<x.count { x.base[index] = Float.random(in: -3...3, using: &random) }
      let kept = FloatBuffer(count: x.count)
      func product(isNarrow: Bool, _ settings: (inout Epilogue) -> Void) throws -> [Float] {
        var epilogue = Epilogue()
        settings(&epilogue)
        epilogue.storesBFloat16 = isNarrow
        // Rows of whole words.
        let ldc = (shape.n + 1) / 2 * 2
        var c = [Float](repeating: .nan, count: shape.m * ldc)
        try narrowProduct(shape, a: a, weight: weight, .bfloat16, engine: engine, ldc: ldc, c: &c, epilogue: epilogue)
        return c.withUnsafeBytes { bytes in
          (0..<shape.m * shape.n).map { index in
            let place = index / shape.n * ldc + index % shape.n
            if !isNarrow { return bytes.load(fromByteOffset: place * 4, as: Float.self) }
            return Float(bitPattern: UInt32(bytes.load(fromByteOffset: place * 2, as: UInt16.self)) << 16)
          }
        }
      }
      func keep(_ e: inout Epilogue) { (e.kept, e.keptStride) = (kept.base, shape.n) }
      func slope(_ e: inout Epilogue) { (e.slopeOf, e.slopeStride) = (UnsafePointer(x.base), shape.n) }
      let sums = try product(isNarrow: false) { _ in }
      for isNarrow in [false, true] {
        kept.base.update(repeating: .nan, count: kept.count)
        let plain = try product(isNarrow: isNarrow) { $0.appliesGELU = true }
        let trained = try product(isNarrow: isNarrow) {
          $0.appliesGELU = true
          keep(&$0)
        }
        #expect(trained == plain, "\(shape)")
        #expect((0..<kept.count).allSatisfy { kept.base[$0] == sums[$0] }, "\(shape)")
      }
      let wide = try product(isNarrow: false, slope)
      #expect(try product(isNarrow: true, slope) == wide.map(roundedToBFloat16), "\(shape)")
      var worst = WorstError()
      for index in wide.indices {
        let sum = Double(sums[index])
        let bound = abs(sum) * (0x1p-20 + 2 * unitRoundoff)
        worst.note(wide[index], sum * geluSlope(Double(x.base[index])), bound: bound, at: [index])
      }
      #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(shape): \(worst)")
    }
  }

  /// The bound that VectorMath.swift states.
  @Test(arguments: InstructionSet.available)
  func theSlopeOfGELUIsWithinItsBound(_ set: InstructionSet) throws {
    let kernels = try Engine(threads: 1, instructionSet: set).kernels
    let steps = (-(12 << 10)...12 << 10).map { Float($0) * 0x1p-10 }
    let x = steps + [0x1p-126, -0x1p-126, 1e10, -1e10, 3e38, -3e38] + [Float](repeating: 0, count: 16)
    let count = x.count / 16 * 16
    var y = [Float](repeating: .nan, count: count)
    kernels.elementary(.geluSlope, x, &y, count)
    var worst = WorstError()
    for index in 0..<count { worst.note(y[index], geluSlope(Double(x[index])), bound: 0x1p-20, at: [index]) }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(worst)")
    worst.record("slope of GELU")
  }
}
