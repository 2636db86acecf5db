/// The places of a tensor's elements in a storage, in elements; unchecked until `lastElement` is checked.
struct StridedLayout {
  var type: ElementType
  var shape: [Int]
  var strides: [Int]
  var offset = 0
  /// Whether the sign of every number is changed.
  var isNegative = false

  init(type: ElementType, shape: [Int], strides: [Int], offset: Int, isNegative: Bool) {
    self.type = type
    self.shape = shape
    self.strides = strides
    self.offset = offset
    self.isNegative = isNegative
  }

  /// A layout without gaps, whose size fits 64 bits.
  init(type: ElementType, compact shape: [Int], isColumnMajor: Bool) {
    self.type = type
    self.shape = shape
    strides = shape
    var stride = 1
    for dimension in isColumnMajor ? Array(shape.indices) : shape.indices.reversed() {
      strides[dimension] = stride
      stride *= max(1, shape[dimension])
    }
  }

  /// The place of the last element of a tensor with elements; nil if it overflows.
  var lastElement: Int? {
    var last = offset
    for (extent, stride) in zip(shape, strides) {
      let (reach, overflows) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, exceeds) = last.addingReportingOverflow(reach)
      if overflows || exceeds { return nil }
      last = sum
    }
    return last
  }

  /// Whether the elements are in row-major order without gaps. The stride of a dimension of one element is ignored.
  var isContiguous: Bool {
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      guard stride == expected else { return false }
      expected *= extent
    }
    return true
  }

  /// A row-major copy. `base` is the place of `offset` in the storage, which must contain every element.
  func copied(_ base: UnsafeRawPointer) -> Tensor {
    Tensor(elementType: type, shape: shape) { target in
      let sign = type.isFloatingPoint
      switch type.byteCount {
      case 1: gather(base, target) { (bits: UInt8) in 0 &- bits }
      case 2: gather(base, target) { (bits: UInt16) in sign ? bits ^ 1 << 15 : 0 &- bits }
      case 4: gather(base, target) { (bits: UInt32) in sign ? bits ^ 1 << 31 : 0 &- bits }
      default: gather(base, target) { (bits: UInt64) in sign ? bits ^ 1 << 63 : 0 &- bits }
      }
    }
  }

  private func gather<Bits: FixedWidthInteger>(
    _ base: UnsafeRawPointer, _ target: UnsafeMutableRawBufferPointer, negated: (Bits) -> Bits
  ) {
    let size = MemoryLayout<Bits>.size
    let (row, step) = (shape.last ?? 1, strides.last ?? 0)
    // The outer dimensions as a counter, the last of them the fastest.
    var counter = [Int](repeating: 0, count: max(0, shape.count - 1))
    // SAFETY: the caller made sure that every element is in the storage; `target` has room for all of them.
    for start in stride(from: 0, to: target.count, by: row * size) {
      let source = base + zip(counter, strides).reduce(0) { $0 + $1.0 * $1.1 } * size
      for index in 0..<row {
        let bits = source.loadUnaligned(fromByteOffset: index * step * size, as: Bits.self)
        target.storeBytes(of: isNegative ? negated(bits) : bits, toByteOffset: start + index * size, as: Bits.self)
      }
      for dimension in counter.indices.reversed() {
        counter[dimension] += 1
        if counter[dimension] < shape[dimension] { break }
        counter[dimension] = 0
      }
    }
  }
}
