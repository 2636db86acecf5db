/// Unit roundoff of float32.
package let unitRoundoff = 0x1p-24

/// Signs for probes: a hash of seed, step, copy and element, so that no order of work changes them.
package struct ProbeSigns: Sendable {
  private let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  @inline(__always)
  func callAsFunction(step: Int, copy: Int, _ index: Int) -> Double {
    var z = seed &+ UInt64(truncatingIfNeeded: step) << 48 &+ UInt64(truncatingIfNeeded: copy) << 40
    z = (z &+ UInt64(truncatingIfNeeded: index)) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z >> 63 == 0 ? 1 : -1
  }

  /// Moves copies 1... of `values`, (copies, count), by `deviation`, (count), with a sign each.
  package func move(
    _ values: UnsafeMutablePointer<Double>, by deviation: UnsafePointer<Double>, copies: Int, count: Int, step: Int
  ) {
    for copy in 1..<copies {
      let part = values + copy * count
      for index in 0..<count { part[index] += self(step: step, copy: copy, index) * deviation[index] }
    }
  }
}
