extension Engine {
  /// Peak read bandwidth of this engine's threads now, in GB/s: all threads at once, each on `bytesPerThread` bytes of
  /// its own, the best of several passes. Measures memory if the bytes exceed the caches, else a cache.
  ///
  /// - Throws: `EngineError.threadsUnavailable`.
  public func peakBandwidth(bytesPerThread: Int) throws -> Double {
    let piece = max(1, bytesPerThread / Self.readStep) * Self.readStep
    let data = FloatBuffer(count: threads * piece / 4)
    let sums = FloatBuffer(count: threads * 16)
    // Small pieces many times over, so that a pass takes a millisecond.
    let repetitions = max(1, (32 << 20) / piece)
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0..<8 {
      let time = try clock.measure {
        try run { member in
          for _ in 0..<repetitions {
            let sum = Self.readAll(UnsafeRawPointer(data.base) + member.index * piece, byteCount: piece)
            // Kept, or the compiler would leave out the reading.
            sums.base[member.index * 16] += Float(sum & 1)
          }
        }
      }
      best = max(best, Double(threads * piece * repetitions) / (time / .nanoseconds(1)))
    }
    return best
  }

  /// Bytes of a step of `readAll`: two independent chains of 64.
  private static let readStep = 128

  // SAFETY: `byteCount` bytes at `base`, a multiple of `readStep`, aligned as vectors want it (FloatBuffer).
  @inline(never)
  private static func readAll(_ base: UnsafeRawPointer, byteCount: Int) -> UInt32 {
    var (a, b) = (SIMD16<UInt32>(), SIMD16<UInt32>())
    var offset = 0
    while offset < byteCount {
      a ^= base.load(fromByteOffset: offset, as: SIMD16<UInt32>.self)
      b ^= base.load(fromByteOffset: offset + 64, as: SIMD16<UInt32>.self)
      offset += readStep
    }
    return (a ^ b)[0]
  }
}
