import PathwayKernelTemplates
import PathwayKernels
import TestSupport

/// Nearest bfloat16, ties to even.
func halves(_ values: [Float]) -> [UInt16] { values.map { UInt16(roundedToBFloat16($0).bitPattern >> 16) } }

/// A product of the engine in bfloat16 or int8: a (M, K) is contiguous, and is converted to the product's format with
/// 0xFF between rows; C has a row stride of `ldc` elements.
func narrowProduct(
  _ shape: LinearCase, a: [Float], weight: [Float], terms: [(Float, [Float])] = [], folds: Bool = false,
  _ precision: Precision, engine: Engine, blocking: Blocking? = nil, ldc: Int, c: inout [Float],
  epilogue: Epilogue = Epilogue()
) throws {
  let (m, n, k) = (shape.m, shape.n, shape.k)
  var kernels = engine.kernels
  if let blocking { kernels.blocking = blocking }
  let stride = kernels.products(precision).words(k) + 3
  let input = FloatBuffer(count: m * stride)
  for index in 0..<input.count { input.base[index] = Float(bitPattern: .max) }
  var scales = [RowScale](repeating: RowScale(scale: .nan, offset: .nan), count: m)
  let raw = UnsafeMutableRawPointer(input.base)
  for row in 0..<m {
    let values = Array(a[row * k..<(row + 1) * k])
    if precision == .int8 {
      kernels.quantizeRows(values, k * 4, false, raw + row * stride * 4, stride, Span1D(0, 1), k, &scales[row])
    } else {
      for (index, half) in (halves(values) + (k % 2 == 1 ? [0] : [])).enumerated() {
        raw.storeBytes(of: half, toByteOffset: row * stride * 4 + index * 2, as: UInt16.self)
      }
    }
  }
  let buffers = ([weight] + terms.map(\.1)).map { values in
    let buffer = FloatBuffer(count: values.count)
    buffer.base.update(from: values, count: values.count)
    return buffer
  }
  let shares = zip(terms, buffers.dropFirst()).map { FoldTerm(scale: $0.0, weight: $1.base) }
  let matrix: WeightMatrix =
    folds
    ? .folding(FoldedMatrix(buffers[0].base, n: n, k: k, terms: shares, precision: precision, owners: buffers))
    : .packed(try PackedMatrix(buffers[0].base, n: n, k: k, terms: shares, precision: precision, engine: engine))
  let count = LinearProduct.scratchCount(kernels, k: k)
  let scratch = FloatBuffer(count: engine.threads * count)
  scratch.base.update(repeating: .nan, count: scratch.count)
  try c.withUnsafeMutableBufferPointer { c in
    let base = c.baseAddress!
    try scales.withUnsafeBufferPointer { scales in
      let activations = Activations(raw, stride: stride, scales: precision == .int8 ? scales.baseAddress : nil)
      try engine.run { member in
        LinearProduct.run(
          &member, kernels, weight: matrix, a: activations, m: m, c: base, ldc: ldc, epilogue: epilogue,
          scratch: scratch.base + member.index * count)
      }
    }
  }
  withExtendedLifetime((buffers, input, scratch)) {}
}
