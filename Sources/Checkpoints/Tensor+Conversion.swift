import PathwayKernels
import PathwayLoops

extension Tensor {
  /// The elements as float32: exact for float16 and bfloat16, rounded to nearest, ties to even, for float64.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans; `MemoryError`.
  /// - Complexity: O(`count`); one copy of the bytes for float32.
  public func float32() throws -> [Float] {
    let format = try floatFormat(elementType)
    // Callers go on with another copy.
    if count >= 1 << 18 { try SystemMemory.require(SystemMemory.product(count, 8), for: .weights) }
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      withExtendedLifetime(self) {
        if let target = values.baseAddress { convert(format, to: .float32, at: UnsafeMutableRawPointer(target)) }
      }
      initialized = count
    }
  }

  /// This tensor where it is float32 already, else a converted copy.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans; `MemoryError`.
  public func asFloat32() throws -> Tensor { try converted(to: .float32) }

  /// This tensor where it has that type already, else a copy converted by IEEE 754's rules.
  ///
  /// Every value is rounded once, to nearest, ties to even, float64 to two bytes included. What is too large becomes
  /// infinite, what is small goes through subnormals to zero, signs are kept. A NaN stays a NaN: quiet, with the
  /// payload's leading bits.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` where one of two different types is not a floating-point type;
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
      // SAFETY: there are `count` elements of this tensor's format; the caller's memory has room for as many of `type`.
      if let source = bytes.baseAddress { format.convert(source, to: type, at: target, count: count) }
    }
  }
}
