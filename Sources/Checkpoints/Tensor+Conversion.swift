import PathwayKernels
import PathwayLoops

extension Tensor {
  /// The elements as float32: exact for float16 and bfloat16, rounded to nearest, ties to even, for float64.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans; `MemoryError`.
  /// - Complexity: O(`count`); one copy of the bytes for float32.
  public func float32() throws -> [Float] {
    let format = try floatFormat(elementType)
    // Callers make a second copy.
    if count >= 1 << 18 { try SystemMemory.require(SystemMemory.product(count, 8), for: .weights) }
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      withExtendedLifetime(self) {
        if let target = values.baseAddress { convert(format, to: .float32, at: UnsafeMutableRawPointer(target)) }
      }
      initialized = count
    }
  }

  /// This tensor if it is float32, else a converted copy.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans; `MemoryError`.
  public func asFloat32() throws -> Tensor { try converted(to: .float32) }

  /// This tensor if it has that type, else a copy converted by the rules of IEEE 754.
  ///
  /// Every value is rounded once, to nearest, ties to even, also from float64 to formats of two bytes. Numbers that are
  /// too large become infinite, small ones become subnormal or zero, signs are kept. A NaN remains a NaN: quiet, with
  /// the leading bits of its payload.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` if the two types differ and one is not a floating-point type;
  ///   `MemoryError`.
  /// - Complexity: O(`count`).
  public func converted(to type: ElementType) throws -> Tensor {
    if type == elementType { return self }
    let (found, wanted) = (try floatFormat(elementType), try floatFormat(type))
    try SystemMemory.require(SystemMemory.product(count, type.byteCount), for: .weights)
    return Tensor(elementType: type, shape: shape) { bytes in
      if let target = bytes.baseAddress { convert(found, to: wanted, at: target) }
    }
  }

  private func floatFormat(_ type: ElementType) throws -> FloatFormat {
    guard let format = type.floatFormat else { throw CheckpointError.notFloatingPoint(found: type) }
    return format
  }

  private func convert(_ format: FloatFormat, to type: FloatFormat, at target: UnsafeMutableRawPointer) {
    withUnsafeBytes { bytes in
      // SAFETY: `bytes` has `count` elements in `format`; the caller's memory has room for `count` elements of `type`.
      if let source = bytes.baseAddress { format.convert(source, to: type, at: target, count: count) }
    }
  }
}
