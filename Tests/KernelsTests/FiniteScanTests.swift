import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops
import TestSupport
import Testing

/// Scans for NaN and infinity.
@Suite struct FiniteScanTests {
  static let bad: [Float] = [
    .nan, .signalingNaN, -.nan, .infinity, -.infinity, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF),
  ]

  @Test func findsOneInEveryPlace() {
    let extremes: [Float] = [
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 0, .leastNormalMagnitude, 1,
    ]
    for count in 0...70 {
      for shift in 0..<3 {
        var values = (0..<count + shift).map { extremes[$0 % extremes.count] }
        values.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress.map({ $0 + shift }) else { return }
          #expect(FiniteScan.allFinite(base, count: count))
          #expect(FiniteScan.survey(base, count: count) == nil)
          for place in 0..<count {
            let good = base[place]
            base[place] = Self.bad[place % Self.bad.count]
            #expect(!FiniteScan.allFinite(base, count: count), "\(place) of \(count)")
            let found = FiniteScan.survey(base, count: count)
            #expect(found?.first == place && found?.count == 1)
            base[place] = good
          }
        }
      }
    }
  }

  @Test func countsAndFindsTheFirst() throws {
    var values = [Float](repeating: 1, count: 200_000)
    let engine = try Engine(threads: 3)
    let good = try engine.allFinite(values, count: values.count)
    #expect(good)
    for place in [70_001, 131_072, 199_999] { values[place] = .nan }
    let found = FiniteScan.survey(values, count: values.count)
    #expect(found?.first == 70_001 && found?.count == 3)
    let bad = try engine.allFinite(values, count: values.count)
    #expect(!bad)
  }

  /// Packing checks every weight, in the rows of the last panel, in terms, in every format, and sums beyond float32.
  @Test(arguments: InstructionSet.available, [Precision.float32, .bfloat16, .int8])
  func packingRefusesThem(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    let (n, k) = (67, 33)
    func pack(_ weight: [Float], _ other: [Float]? = nil, scale: Float = 1) throws {
      try weight.withUnsafeBufferPointer { weight in
        try (other ?? []).withUnsafeBufferPointer { other in
          let terms = other.baseAddress.map { [FoldTerm(scale: scale, weight: $0)] } ?? []
          _ = try PackedMatrix(
            weight.baseAddress!, n: n, k: k, terms: other.isEmpty ? [] : terms, precision: precision, engine: engine)
        }
      }
    }
    let ones = [Float](repeating: 1, count: n * k)
    try pack(ones)
    try pack(ones, ones)
    for place in [0, 32 * k - 1, 32 * k, 64 * k + 5, n * k - 1] {
      for value in Self.bad {
        var weight = ones
        weight[place] = value
        #expect(throws: WeightNotFinite.self, "\(value) at \(place)") { try pack(weight) }
        #expect(throws: WeightNotFinite.self, "\(value) at \(place)") { try pack(ones, weight) }
      }
    }
    if precision == .int8 {
      var large = ones
      large[40 * k] = .greatestFiniteMagnitude
      #expect(throws: WeightNotFinite.self) { try pack(large, large) }
    }
  }
}
