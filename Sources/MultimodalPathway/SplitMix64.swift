/// SplitMix64 (Steele et al. 2014): the same numbers for a seed on every machine.
package struct SplitMix64 {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// 64 random bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
