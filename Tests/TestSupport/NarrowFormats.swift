import PathwayKernelTemplates
import PathwayKernels

// Rounding to narrow formats.

/// To the nearest bfloat16, ties to even.
public func roundedToBFloat16(_ value: Float) -> Float {
  let bits = value.bitPattern
  return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
}

/// Weights, (rows, k), in int8 as they are packed: w = scale q; the scale is 1/127 of the largest magnitude of the row.
public func quantizedWeights(_ values: [Float], rows: Int, _ k: Int) -> (integers: [Int], scales: [Float]) {
  var (integers, scales): ([Int], [Float]) = ([], [])
  for row in 0..<rows {
    let part = values[row * k..<(row + 1) * k]
    let scale = (part.map(\.magnitude).max() ?? 0) / 127
    scales.append(scale)
    integers += part.map { Int(($0 * (scale > 0 ? 1 / scale : 0)).rounded(.toNearestOrEven)) }
  }
  return (integers, scales)
}

extension [Bounded] {
  /// A row that is stored in a format.
  ///
  /// bfloat16 changes every number by at most 2^-8 of itself. int8 changes x = s u + o by at most half a step s, 1/255
  /// of the range of the row; before that, (x - o) / s, up to 255, has four roundings: the difference, s and its
  /// reciprocal, the product.
  ///
  /// - Parameter isHandedOn: whether a layer stored the row: an int8 row was bfloat16 before.
  package func rounded(to precision: Precision, isHandedOn: Bool = false) -> [Bounded] {
    if isHandedOn, precision == .int8 { return rounded(to: .bfloat16).rounded(to: .int8) }
    switch precision {
    case .float32: return self
    case .bfloat16: return map { $0.rounded(by: 0x1p-8) }
    case .int8:
      let low = reduce(Double.infinity) { Swift.min($0, $1.value - $1.error) }
      let high = reduce(-Double.infinity) { Swift.max($0, $1.value + $1.error) }
      let step = (high - low) / 255 * (1 + gamma(2))
      return map { Bounded($0.value, error: $0.error + step * (0.5 + 256 * gamma(4))) }
    }
  }
}

/// A row of activations in memory.
package struct StoredRow {
  package let values: [Double]
  /// The parts of every number that a product sums: s u and o in int8.
  package let sizes: [Double]

  /// Numbers of float32 or bfloat16.
  package init(_ base: UnsafeRawPointer, count: Int, _ precision: Precision) {
    let values = (0..<count).map { index in
      if precision == .float32 { return Double(base.loadUnaligned(fromByteOffset: index * 4, as: Float.self)) }
      let half = base.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
      return Double(Float(bitPattern: UInt32(half) << 16))
    }
    self.init(values: values, sizes: values.map(abs))
  }

  private init(values: [Double], sizes: [Double]) {
    self.values = values
    self.sizes = sizes
  }

  /// The `index`-th row of the input of a product.
  package init(_ activations: Activations, row index: Int, count: Int, _ precision: Precision, _ kernels: KernelTable) {
    let base = activations.base + index * activations.stride * 4
    guard precision == .int8, let scales = activations.scales else {
      self.init(base, count: count, precision)
      return
    }
    let row = scales[index * activations.scaleStride]
    let isBytes = kernels.products(.int8).perWord == 4
    let steps = (0..<count).map { column in
      let integer =
        isBytes
        ? Int(base.load(fromByteOffset: column, as: UInt8.self))
        : Int(base.load(fromByteOffset: column * 2, as: Int16.self))
      return Double(row.scale) * Double(integer)
    }
    self.init(
      values: steps.map { $0 + Double(row.offset) }, sizes: steps.map { $0 + abs(Double(row.offset)) })
  }
}

/// A linear layer in Double, y = x W^T + b, with weights rounded as they are packed: it differs from a kernel only by
/// the rounding of sums.
package struct LayerReference {
  private let n: Int
  package let k: Int
  /// (n, k), as in products.
  private let weight: [Double]
  private let bias: [Double]
  private let precision: Precision

  package init(weight: [Float], bias: [Float], _ precision: Precision) {
    self.precision = precision
    n = bias.count
    k = weight.count / bias.count
    self.bias = bias.map(Double.init)
    switch precision {
    case .float32: self.weight = weight.map(Double.init)
    case .bfloat16: self.weight = weight.map { Double(roundedToBFloat16($0)) }
    case .int8:
      let k = weight.count / bias.count
      let (integers, scales) = quantizedWeights(weight, rows: bias.count, k)
      self.weight = integers.indices.map { Double(integers[$0]) * Double(scales[$0 / k]) }
    }
  }

  /// x W^T + b of a row in memory.
  package func callAsFunction(_ x: StoredRow) -> [Bounded] {
    product(x.values, sizes: x.sizes, errors: [Double](repeating: 0, count: k))
  }

  /// The same for numbers with an error. In int8, |s u| + |o| is at most three times the largest magnitude.
  package func callAsFunction(_ x: [Bounded]) -> [Bounded] {
    let sizes = x.map { abs($0.value) + $0.error }
    let largest = sizes.max() ?? 0
    return product(
      x.map(\.value), sizes: precision == .int8 ? sizes.map { _ in 3 * largest } : sizes, errors: x.map(\.error))
  }

  private func product(_ values: [Double], sizes: [Double], errors: [Double]) -> [Bounded] {
    (0..<n).map { column in
      var (sum, size, error) = (bias[column], abs(bias[column]), 0.0)
      for step in 0..<k {
        let w = weight[column * k + step]
        sum += values[step] * w
        size += sizes[step] * abs(w)
        error += errors[step] * abs(w)
      }
      // Two roundings for each term without fused multiply-adds; in int8, whose sums are exact, the five of the
      // product in the epilogue; one for the bias.
      let roundings = precision == .int8 ? 5 : 2 * k + 4
      return Bounded(sum, error: error + gamma(roundings + 1) * size + 0x1p-120)
    }
  }
}

/// x + gain y, in a multiply-add or two roundings.
package func residual(_ x: Bounded, gain: Float, _ y: Bounded) -> Bounded {
  let (g, size) = (Double(gain), abs(Double(gain)) * (abs(y.value) + y.error) + abs(x.value) + x.error)
  return Bounded(x.value + g * y.value, error: x.error + abs(g) * y.error + gamma(2) * size)
}
