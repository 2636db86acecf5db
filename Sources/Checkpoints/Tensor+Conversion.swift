// Conversions between the floating-point formats, by bits: Swift's `Float16` does not exist on every platform this
// builds for. Loops have no branches, so that the compiler can make vectors of them.

import PathwayKernels

extension Tensor {
  /// The elements as float32: exact for float16 and bfloat16, rounded to nearest, ties to even, for float64.
  ///
  /// - Throws: `CheckpointError.notFloatingPoint` for whole numbers and booleans; `MemoryError`.
  /// - Complexity: O(`count`); one copy of the bytes for float32.
  public func float32() throws -> [Float] {
    try requireFloatingPoint(elementType)
    // Callers go on with another copy.
    if count >= 1 << 18 { try SystemMemory.require(SystemMemory.product(count, 8), for: .weights) }
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      withExtendedLifetime(self) {
        if let target = values.baseAddress { convert(to: .float32, at: UnsafeMutableRawPointer(target)) }
      }
      initialized = count
    }
  }

  /// This tensor where it is float32 already, else a converted copy.
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
    try requireFloatingPoint(elementType)
    try requireFloatingPoint(type)
    try SystemMemory.require(SystemMemory.product(count, type.byteCount), for: .weights)
    return Tensor(elementType: type, shape: shape) { bytes in
      if let target = bytes.baseAddress { convert(to: type, at: target) }
    }
  }

  private func requireFloatingPoint(_ type: ElementType) throws {
    guard type.isFloatingPoint else { throw CheckpointError.notFloatingPoint(found: type) }
  }

  /// Writes `count` elements of `type` to `target`; both types are floating-point types.
  private func convert(to type: ElementType, at target: UnsafeMutableRawPointer) {
    switch (elementType, type) {
    case (.float16, .float32): map(to: target) { FloatBits.single(half: $0).bitPattern }
    case (.float16, .bfloat16): map(to: target) { FloatBits.brain(FloatBits.single(half: $0)) }
    case (.float16, .float64): map(to: target) { Double(FloatBits.single(half: $0)).bitPattern }
    case (.bfloat16, .float32): map(to: target) { FloatBits.single(brain: $0).bitPattern }
    case (.bfloat16, .float16): map(to: target) { FloatBits.half(FloatBits.single(brain: $0)) }
    case (.bfloat16, .float64): map(to: target) { Double(FloatBits.single(brain: $0)).bitPattern }
    case (.float32, .float16): map(to: target) { FloatBits.half(Float(bitPattern: $0)) }
    case (.float32, .bfloat16): map(to: target) { FloatBits.brain(Float(bitPattern: $0)) }
    case (.float32, .float64): map(to: target) { Double(Float(bitPattern: $0)).bitPattern }
    case (.float64, .float16): map(to: target) { FloatBits.half(FloatBits.oddSingle(Double(bitPattern: $0))) }
    case (.float64, .bfloat16): map(to: target) { FloatBits.brain(FloatBits.oddSingle(Double(bitPattern: $0))) }
    case (.float64, .float32): map(to: target) { Float(Double(bitPattern: $0)).bitPattern }
    default:
      withUnsafeBytes { UnsafeMutableRawBufferPointer(start: target, count: byteCount).copyMemory(from: $0) }
    }
  }

  /// Calls `body` with the bits of every element and stores what it returns.
  @inline(__always)
  private func map<Source: FixedWidthInteger, Target: FixedWidthInteger>(
    to target: UnsafeMutableRawPointer, _ body: (Source) -> Target
  ) {
    withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      // SAFETY: `source` has `count` elements of Source's size, `target` has room for as many of Target's, in memory of
      // its own.
      for index in 0..<count {
        let bits = source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Source>.size, as: Source.self)
        target.storeBytes(of: body(bits), toByteOffset: index &* MemoryLayout<Target>.size, as: Target.self)
      }
    }
  }
}

/// Numbers to and from their stored bits.
package enum FloatBits {
  /// The value of a float16, exactly.
  @inline(__always)
  package static func single(half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    // Exponent and fraction where float32 has them, the exponent still 112 too small.
    let shifted = UInt32(half & 0x7FFF) << 13
    let normal = shifted &+ 112 << 23
    // A subnormal times 2^-24: with the exponent of 2^-14 in front it is 2^-14 too large.
    let subnormal = (Float(bitPattern: shifted &+ 113 << 23) - 0x1p-14).bitPattern
    let special = shifted | 0x7F80_0000 | (shifted & 0x7F_FFFF == 0 ? 0 : 0x40_0000)
    let magnitude = shifted < 1 << 23 ? subnormal : shifted >= 31 << 23 ? special : normal
    return Float(bitPattern: sign | magnitude)
  }

  /// The value of a bfloat16, exactly: the upper half of a float32.
  @inline(__always)
  static func single(brain: UInt16) -> Float {
    let bits = UInt32(brain) << 16
    return Float(bitPattern: bits & 0x7FFF_FFFF > 0x7F80_0000 ? bits | 0x40_0000 : bits)
  }

  /// The nearest float16, ties to even.
  @inline(__always)
  static func half(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let magnitude = bits & 0x7FFF_FFFF
    // Below 2^-14 results are multiples of 2^-24, the distance of float32 numbers at 0.5: the addition rounds.
    let subnormal = (Float(bitPattern: magnitude) + 0.5).bitPattern &- Float(0.5).bitPattern
    // 13 bits go; a carry out of the fraction raises the exponent, at the top to that of infinity.
    let normal = (magnitude &- 112 << 23 &+ 0xFFF &+ magnitude >> 13 & 1) >> 13
    let special: UInt32 = magnitude > 0x7F80_0000 ? 0x7E00 | magnitude >> 13 & 0x3FF : 0x7C00
    let rounded = magnitude < 113 << 23 ? subnormal : magnitude >= 143 << 23 ? special : normal
    return UInt16(truncatingIfNeeded: bits >> 16 & 0x8000 | rounded)
  }

  /// The nearest bfloat16, ties to even.
  @inline(__always)
  static func brain(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = bits &+ 0x7FFF &+ bits >> 16 & 1
    let quiet = bits | 0x40_0000
    return UInt16(truncatingIfNeeded: (bits & 0x7FFF_FFFF > 0x7F80_0000 ? quiet : rounded) >> 16)
  }

  /// A float64 cut to float32, with the last bit set where anything was lost.
  ///
  /// Rounding that to a format with at least two bits less gives what rounding the float64 once gives (Boldo and
  /// Melquiond 2008, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd").
  @inline(__always)
  static func oddSingle(_ value: Double) -> Float {
    let nearest = Float(value)
    let back = Double(nearest)
    // One step down from a magnitude that was rounded up; from infinity to the largest number.
    let cut = nearest.bitPattern &- (back.magnitude > value.magnitude ? 1 : 0)
    return Float(bitPattern: back != value && value == value ? cut | 1 : cut)
  }
}
