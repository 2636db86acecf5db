import PathwayKernelTemplates
import PathwayKernels

/// A matrix of numbers in -1...1 for products that are almost exact, though every operation is float32's: c = c1 + c2
/// times x = x1 + x2, where x1 c1 is summed without rounding (after Ozaki et al. 2012, "Error-free transformations of
/// matrix multiplication", with one slice).
struct SplitMatrix: Sendable {
  /// c1, (N, K): multiples of 2^-`coefficientBits`.
  private let coarse: WeightMatrix
  /// (N, 2K): c2 next to c.
  private let rest: WeightMatrix
  /// x1 is at most 2^`dataBits` of its units.
  private let dataBits: Int

  /// - Parameter values: (rows, columns).
  /// - Throws: `EngineError`.
  init(_ values: [Double], rows: Int, columns: Int, engine: Engine) throws {
    // K products of whole numbers up to 2^dataBits and 2^coefficientBits stay within 2^24.
    let budget = 24 - (Int.bitWidth - (columns - 1).leadingZeroBitCount)
    dataBits = (budget + 1) / 2
    let unit = Double(1 << (budget - dataBits))
    let first = values.map { Float(($0 * unit).rounded() / unit) }
    let second = (0..<rows).flatMap { row in
      let range = row * columns..<(row + 1) * columns
      return range.map { Float(values[$0] - Double(first[$0])) } + range.map { Float(values[$0]) }
    }
    func packed(_ values: [Float], _ columns: Int) throws -> WeightMatrix {
      let buffer = FloatBuffer(copying: values)
      return try withExtendedLifetime(buffer) {
        .packed(try PackedMatrix(buffer.base, n: rows, k: columns, engine: engine))
      }
    }
    coarse = try packed(first, columns)
    rest = try packed(second, 2 * columns)
  }

  /// Adding and subtracting it rounds a number to x1; sums of two such numbers are within 2^dataBits of their unit.
  ///
  /// - Parameter largest: the largest magnitude of such numbers; 0, or one so extreme that units would not be floats,
  ///   makes no difference between x1 and x, and the product as inexact as any.
  func shifter(_ largest: Float) -> Float {
    guard largest > 0x1p-80, largest < 0x1p80 else { return 0 }
    return Float(sign: .plus, exponent: Int(largest.exponent) + 2 - dataBits, significand: 1) * 0x1.8p23
  }

  /// y = (x1 + x2) (c1 + c2)^T, (rows, N), of `x`, (rows, 2K): x1 next to x2 in every row.
  @inline(__always)
  func multiply(
    _ member: inout Member, _ kernels: KernelTable, _ x: UnsafePointer<Float>, rows: Int,
    into y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    LinearProduct.run(
      &member, kernels, weight: coarse, a: x, lda: rest.k, m: rows, c: y, ldc: coarse.n, epilogue: Epilogue(),
      scratch: scratch)
    var sum = Epilogue()
    sum.addend = UnsafePointer(y)
    sum.addendStride = coarse.n
    LinearProduct.run(
      &member, kernels, weight: rest, a: x, lda: rest.k, m: rows, c: y, ldc: coarse.n, epilogue: sum,
      scratch: scratch)
  }
}
