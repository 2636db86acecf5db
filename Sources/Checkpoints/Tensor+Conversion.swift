extension Tensor {
  /// The elements as float32: exact for float16 and bfloat16, rounded to nearest for float64.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans.
  public func float32() throws -> [Float] {
    try withUnsafeBytes { bytes in
      switch elementType {
      case .float32: return (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
      case .float64: return (0..<count).map { Float(bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)) }
      case .bfloat16:
        return (0..<count).map {
          Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) << 16)
        }
      case .float16:
        return (0..<count).map { Self.float(half: bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) }
      default: throw CheckpointError.notFloatingPoint(found: elementType)
      }
    }
  }

  /// This tensor where it is float32 already, else a converted copy.
  public func asFloat32() throws -> Tensor {
    elementType == .float32 ? self : Tensor(try float32(), shape: shape)
  }

  /// IEEE 754 binary16 to binary32 by hand: Swift's `Float16` does not exist on every platform this builds for.
  static func float(half: UInt16) -> Float {
    let sign: Float = half & 0x8000 == 0 ? 1 : -1
    let exponent = Int(half >> 10 & 0x1F)
    let fraction = UInt32(half & 0x3FF)
    switch exponent {
    case 0: return sign * Float(fraction) * 0x1p-24
    case 31: return Float(bitPattern: UInt32(half & 0x8000) << 16 | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: UInt32(half & 0x8000) << 16 | UInt32(exponent + 112) << 23 | fraction << 13)
    }
  }
}
