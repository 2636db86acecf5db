import Foundation
import PathwayKernels
import TestSupport
import Testing

/// Cases for the kernels of arm64, which run on an emulated processor without a runtime library
/// (Tests/Checks/arm64): inputs, results in Double, and bounds, in the form of Tests/Checks/Arm64/Cases.swift.
///
/// `M2PT_ARM64_CASES=cases.bin swift test -c release --disable-testable-imports --filter Arm64CaseTests` writes them.
@Suite struct Arm64CaseTests {
  private static let path = ProcessInfo.processInfo.environment["M2PT_ARM64_CASES"]

  @Test(.enabled(if: path != nil)) func writesCases() throws {
    var cases = CaseWriter()
    cases.products()
    cases.attention()
    cases.integerAttention()
    cases.norms()
    cases.softmax()
    cases.elementary()
    cases.quantization()
    cases.points()
    try cases.data.write(to: URL(fileURLWithPath: #require(Self.path)))
  }
}

private struct CaseWriter {
  private(set) var data = Data()
  private var random = SeededGenerator(seed: 64)

  private enum Operation: Int {
    case product, attention, layerNorm, softmax, elementary, quantization, farthest, nearest
  }

  private mutating func add(_ value: Int) {
    withUnsafeBytes(of: Int64(value).littleEndian) { data.append(contentsOf: $0) }
  }

  private mutating func add<Number>(_ numbers: [Number]) {
    numbers.withUnsafeBytes {
      add($0.count)
      data.append(contentsOf: $0)
      data.append(contentsOf: [UInt8](repeating: 0, count: (8 - $0.count % 8) % 8))
    }
  }

  private mutating func add(_ operation: Operation, _ integers: [Int], _ arrays: [[Float]], _ results: [Bounded]) {
    add(operation.rawValue)
    add(integers.count)
    for integer in integers { add(integer) }
    add(arrays.count + 2)
    for array in arrays { add(array) }
    add(results.map(\.value))
    add(results.map(\.error))
  }

  private func exact(_ values: [Float]) -> [Bounded] { values.map { Bounded(Double($0), error: 0) } }

  // MARK: - Products

  /// Precisions by their number in a case.
  private static let precisions: [Precision] = [.float32, .bfloat16, .int8]

  mutating func products() {
    for precision in 0..<3 {
      for shape in LinearCase.tails { wholeProduct(precision, shape, kBlock: 64) }
      // In pieces and in one.
      for kBlock in [7, 512] { roundedProduct(precision, LinearCase(m: 13, n: 37, k: 29), kBlock: kBlock) }
      roundedProduct(precision, LinearCase(m: 50, n: 131, k: 384), kBlock: 256)
    }
  }

  /// Whole numbers, whose product is exact in any format. Rows that int8 leaves as they are: of A from 0 to 255 with
  /// both in them, of W with a magnitude of 127.
  private mutating func wholeProduct(_ precision: Int, _ shape: LinearCase, kBlock: Int) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    var a = random.wholeNumbers(m * k)
    var weight = random.wholeNumbers(n * k)
    if precision == 2 {
      a = a.map { abs($0) }
      for row in 0..<m {
        // Of one number the range is empty; it is the offset.
        if k > 1 { (a[row * k], a[row * k + k - 1]) = (255, 0) }
      }
      for row in 0..<n { weight[row * k + row % k] = 127 }
    }
    let results = (0..<m * n).map { index in
      (0..<k).reduce(Float(0)) { $0 + a[index / n * k + $1] * weight[index % n * k + $1] }
    }
    add(
      .product, [precision, m, n, k, kBlock, 0, 0],
      [a, weight, [Float](repeating: 0, count: n), [], []], exact(results))
  }

  /// Every part of the epilogue, with a pathway folded in.
  private mutating func roundedProduct(_ precision: Int, _ shape: LinearCase, kBlock: Int) {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let format = Self.precisions[precision]
    let (a, weight, bias) = (random.floats(m * k), random.floats(n * k), random.floats(n))
    let (gain, stream, other) = (random.floats(n), random.floats(m * n), random.floats(n * k))
    let scale: Float = 0.3
    let merged = zip(weight, other).map { $0.addingProduct(scale, $1) }
    let layer = LayerReference(weight: merged, bias: bias, format)
    let rows = (0..<m).map { row in
      layer(a[row * k..<(row + 1) * k].map { Bounded(Double($0), error: 0) }.rounded(to: format))
    }
    for parts in [1, 3, 5, 9, 11, 13] {
      let results = rows.enumerated().flatMap { row, sums in
        sums.enumerated().map { column, sum in
          var value = sum
          if parts & 2 != 0 { value = gelu(value, isNarrow: precision > 0) }
          if parts & 4 != 0 {
            value = residual(
              Bounded(Double(stream[row * n + column]), error: 0), gain: gain[column], value)
          }
          return parts & 8 != 0 ? [value].rounded(to: .bfloat16)[0] : value
        }
      }
      add(
        .product, [precision, m, n, k, kBlock, 1, parts], [a, weight, bias, gain, stream, [scale], other], results)
    }
  }

  // MARK: - Attention, norms, functions

  mutating func attention() {
    for precision in 0..<2 {
      for shape in AttentionTests.Shape.all {
        let (n, d) = (shape.tokens, shape.headSize)
        let floats = random.floats(n * 3 * d, in: -2...2)
        let qkv = precision == 0 ? floats : floats.map(roundedToBFloat16)
        let scale = 1 / Float(d).squareRoot()
        func rows(_ part: Int) -> [[Double]] {
          (0..<n).map { token in qkv[(3 * token + part) * d..<(3 * token + part + 1) * d].map(Double.init) }
        }
        let (keys, values) = (rows(1), rows(2))
        let results = rows(0).flatMap { query in
          TestSupport.attention(
            query: query, keys: keys, values: values, scale: Double(scale), rounding: precision == 0 ? 0 : 0x1p-8
          ).rounded(to: Self.precisions[precision])
        }
        add(.attention, [precision, n, d], [qkv, [scale]], results)
      }
    }
  }

  mutating func integerAttention() {
    for shape in AttentionTests.Shape.all where shape.tokens != 197 {
      let (n, d) = (shape.tokens, shape.headSize)
      let qkv = random.floats(n * 3 * d, in: -2...3).map(roundedToBFloat16)
      let scale = 1 / Float(d).squareRoot()
      func rows(_ part: Int) -> [[Float]] {
        (0..<n).map { token in Array(qkv[(3 * token + part) * d..<(3 * token + part + 1) * d]) }
      }
      for perWord in [2, 4] {
        let reference = IntegerAttentionReference(
          keys: rows(1), values: rows(2), scale: scale, isBytes: perWord == 4)
        let results = rows(0).flatMap { reference($0).rounded(to: .bfloat16) }
        add(.attention, [2, n, d, perWord], [qkv, [scale]], results)
      }
    }
  }

  mutating func norms() {
    for precision in 0..<2 {
      for width in Array(1...40) + [192, 768, 1000] {
        let (x, gain, shift) = (random.floats(3 * width, in: -3...5), random.floats(width), random.floats(width))
        let results = (0..<3).flatMap { row in
          layerNorm(x[row * width..<(row + 1) * width].map(Double.init), gain: gain, shift: shift, epsilon: 1e-6)
            .rounded(to: Self.precisions[precision])
        }
        add(.layerNorm, [precision, 3, width], [x, gain, shift, [1e-6]], results)
      }
    }
  }

  mutating func softmax() {
    for count in 1...70 {
      let scores = random.floats(count, in: -20...20)
      add(.softmax, [], [scores], softmaxWithBounds(scores))
    }
  }

  /// The bounds that VectorMathTests checks; of exp2 2 ULP, of which one is at most 2^-23 of the number.
  mutating func elementary() {
    let powers = stride(from: Float(-126), to: 127, by: 0.0625).map { $0 + Float.random(in: 0...0.06, using: &random) }
    let numbers = stride(from: Float(-12), to: 12, by: 0.0078125).map {
      $0 + Float.random(in: 0...0.007, using: &random)
    }
    func add(_ function: Int, _ x: [Float], _ result: (Double) -> Bounded) {
      let whole = Array(x.prefix(x.count / 16 * 16))
      self.add(.elementary, [function], [whole], whole.map { result(Double($0)) })
    }
    add(0, powers) { Bounded(exp2($0), error: exp2($0) * 0x1p-22) }
    add(1, powers) { Bounded(exp2($0), error: exp2($0) * 0x1p-18) }
    add(2, numbers) { gelu(Bounded($0, error: 0), isNarrow: false) }
    add(3, numbers) { gelu(Bounded($0, error: 0), isNarrow: true) }
    add(4, numbers) { Bounded(geluSlope($0), error: 0x1p-20) }
  }

  mutating func quantization() {
    for width in Array(1...70) + [192, 1000] {
      let x = random.floats(3 * width, in: -0.2...7)
      let results = (0..<3).flatMap { row in
        // The driver compares scale u + offset, computed in Double; u has the roundings that `rounded(to:)` states.
        x[row * width..<(row + 1) * width].map { Bounded(Double($0), error: 0) }.rounded(to: .int8)
      }
      add(.quantization, [3, width], [x], results)
    }
  }

  // MARK: - Points

  mutating func points() {
    for count in Array(1...40) + [1023, 1024, 1025, 2055] {
      for (limit, excluded) in [(2, -1), (100, -1), (3, 6)] {
        let cloud = PointTests.Cloud(count, upTo: limit, &random)
        let arrays = [cloud.x, cloud.y, cloud.z].map { Array($0.dropFirst().dropLast()) }
        let samples = count <= 40 ? count + 2 : 40
        add(
          .farthest, [count, samples], arrays + [[Float(excluded)]],
          exact(cloud.farthest(samples, excluded: Double(excluded)).map(Float.init)))
        let neighbours = min(count, 33)
        let place = cloud.place(count / 2)
        let nearest = cloud.nearest(neighbours, to: place)
        add(
          .nearest, [count, neighbours], arrays + [[place.x, place.y, place.z]],
          exact(nearest.map(Float.init) + nearest.map { Float(cloud.squaredDistance(Int($0), place)) }))
      }
    }
  }
}
