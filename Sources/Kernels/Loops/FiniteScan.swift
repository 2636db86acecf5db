/// Search for NaN and infinity by their exponent, which is all ones.
package enum FiniteScan {
  /// Whether all of `count` numbers are finite. Reads at the speed of memory; vectors of integers, no floating point.
  package static func allFinite(_ numbers: UnsafePointer<Float>, count: Int) -> Bool {
    // SAFETY: the caller has `count` floats there, of any alignment.
    let bytes = UnsafeRawPointer(numbers)
    // An exponent of ones, one added, carries into the sign's place.
    let (mask, one) = (SIMD16<UInt32>(repeating: 0x7FFF_FFFF), SIMD16<UInt32>(repeating: 0x0080_0000))
    var (a, b) = (SIMD16<UInt32>(), SIMD16<UInt32>())
    var index = 0
    while index &+ 32 <= count {
      a |= (bytes.loadUnaligned(fromByteOffset: index &* 4, as: SIMD16<UInt32>.self) & mask) &+ one
      b |= (bytes.loadUnaligned(fromByteOffset: index &* 4 &+ 64, as: SIMD16<UInt32>.self) & mask) &+ one
      index &+= 32
    }
    a |= b
    var found: UInt32 = 0
    for lane in 0..<16 { found |= a[lane] }
    while index < count {
      found |= (bytes.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self) & 0x7FFF_FFFF) &+ 0x0080_0000
      index &+= 1
    }
    return found & 0x8000_0000 == 0
  }

  /// The place of the first number that is not finite, and how many there are; nil if absent.
  package static func survey(_ numbers: UnsafePointer<Float>, count: Int) -> (first: Int, count: Int)? {
    if allFinite(numbers, count: count) { return nil }
    var (first, found) = (-1, 0)
    for index in 0..<count {
      let bits = UnsafeRawPointer(numbers).loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
      guard bits & 0x7F80_0000 == 0x7F80_0000 else { continue }
      if first < 0 { first = index }
      found += 1
    }
    return (first, found)
  }
}
