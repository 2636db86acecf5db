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
  package static func single(brain: UInt16) -> Float {
    let bits = UInt32(brain) << 16
    return Float(bitPattern: bits & 0x7FFF_FFFF > 0x7F80_0000 ? bits | 0x40_0000 : bits)
  }

  /// The nearest float16, ties to even.
  @inline(__always)
  package static func half(_ value: Float) -> UInt16 {
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
  package static func brain(_ value: Float) -> UInt16 {
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
  package static func oddSingle(_ value: Double) -> Float {
    let nearest = Float(value)
    let back = Double(nearest)
    // One step down from a magnitude that was rounded up; from infinity to the largest number.
    let cut = nearest.bitPattern &- (back.magnitude > value.magnitude ? 1 : 0)
    return Float(bitPattern: back != value && value == value ? cut | 1 : cut)
  }
}
