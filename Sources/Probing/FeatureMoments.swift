import PathwayKernelTemplates
import PathwayKernels

/// What ridge regression needs to know of some samples: their number by class, sums and second moments, in Double.
///
/// Features are taken relative to a shift near their mean, so that centring later cancels little.
package struct FeatureMoments {
  let width: Int
  /// Samples by class, (K).
  private(set) var counts: [Double]
  /// Sums of the features by class, (K, C).
  private(set) var classSums: [Double]
  /// Sums of products of features, (C, C).
  private(set) var gram: [Double]

  init(width: Int, classes: Int) {
    self.width = width
    counts = [Double](repeating: 0, count: classes)
    classSums = [Double](repeating: 0, count: classes * width)
    gram = [Double](repeating: 0, count: width * width)
  }

  /// Rows of a block: products are summed in float32 within a block and in Double over blocks, so that the relative
  /// error of a second moment is at most gamma(256) = 1.5e-5 of the sum of its terms' magnitudes, whatever the number
  /// of samples.
  package static let blockRows = 256
  package static let relativeError = Double(blockRows) * 0x1p-24 / (1 - Double(blockRows) * 0x1p-24)

  var samples: Double { counts.reduce(0, +) }

  /// Adds the samples of `rows`.
  ///
  /// - Complexity: O(rows C^2), by the engine's GEMM.
  mutating func add(_ features: ShiftedFeatures, rows: [Int], labels: [Int], engine: Engine) throws {
    let product = try FloatBuffer(count: SystemMemory.product(width, width), for: .verification)
    let block = try FloatBuffer(count: SystemMemory.product(width, Self.blockRows), for: .verification)
    for start in stride(from: 0, to: rows.count, by: Self.blockRows) {
      let chosen = rows[start..<min(rows.count, start + Self.blockRows)]
      for (place, row) in chosen.enumerated() {
        let label = labels[row]
        counts[label] += 1
        try features.withRow(row) { values in
          for channel in 0..<width {
            block.base[channel * chosen.count + place] = values[channel]
            classSums[label * width + channel] += Double(values[channel])
          }
        }
      }
      // X^T X: both operands are the transposed block, (C, rows).
      let k = chosen.count
      let weight = WeightMatrix.packed(try PackedMatrix(block.base, n: width, k: k, engine: engine))
      try engine.multiply(block.base, lda: k, m: width, weight, into: product.base)
      for index in gram.indices { gram[index] += Double(product.base[index]) }
    }
    withExtendedLifetime((product, block)) {}
  }

  static func combine(
    _ a: FeatureMoments, _ b: FeatureMoments, _ operation: (Double, Double) -> Double
  ) -> FeatureMoments {
    var result = a
    for index in a.counts.indices { result.counts[index] = operation(a.counts[index], b.counts[index]) }
    for index in a.classSums.indices { result.classSums[index] = operation(a.classSums[index], b.classSums[index]) }
    for index in a.gram.indices { result.gram[index] = operation(a.gram[index], b.gram[index]) }
    return result
  }
}

/// Features, (n, C), less a shift, (C), that is their mean rounded to float32.
struct ShiftedFeatures {
  let rows: FloatRows
  let shift: [Float]

  var width: Int { rows.width }
  var count: Int { rows.count }

  /// - Throws: `RidgeError.notFinite`; what keeps rows from being read.
  init(_ rows: FloatRows) throws {
    self.rows = rows
    let width = rows.width
    var sums = [Double](repeating: 0, count: width)
    try rows.forEachPiece { start, values in
      for index in values.indices {
        guard values[index].isFinite else {
          throw RidgeError.notFinite(sample: start + index / width, channel: index % width)
        }
        sums[index % width] += Double(values[index])
      }
    }
    let count = rows.count
    shift = sums.map { Float($0 / Double(count)) }
  }

  /// Calls `body` with the shifted features of a sample.
  func withRow<R>(_ row: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> R) throws -> R {
    try withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { result in
      try rows.read(row, into: result)
      for channel in 0..<width { result[channel] -= shift[channel] }
      return try body(result)
    }
  }
}

extension Engine {
  /// c (m, N) = a (m, K) W^T + bias.
  func multiply(
    _ a: UnsafePointer<Float>, lda: Int, m: Int, _ weight: WeightMatrix, bias: UnsafePointer<Float>? = nil,
    into c: UnsafeMutablePointer<Float>
  ) throws {
    let stride = LinearProduct.scratchCount(kernels, k: weight.k)
    let scratch = FloatBuffer(count: threads * stride)
    var epilogue = Epilogue()
    epilogue.bias = bias
    try run { member in
      LinearProduct.run(
        &member, kernels, weight: weight, a: a, lda: lda, m: m, c: c, ldc: weight.n, epilogue: epilogue,
        scratch: scratch.base + member.index * stride)
    }
    withExtendedLifetime(scratch) {}
  }
}
