import PathwayKernelTemplates

extension Engine {
  /// The most operations a second that this engine's threads reach now, in units of 10^9: multiply-adds on registers
  /// alone, on all threads at once, best of several short runs. What kernels are measured against. Takes about 50 ms.
  ///
  /// - Throws: `EngineError.threadsUnavailable`.
  public func multiplyAddLimit(_ precision: Precision = .float32) throws -> Double {
    let products = kernels.products(precision)
    let lanes = kernels.panelColumns / 2
    let chains = multiplyAddChains
    // Operands are halves, or small integers, in every lane.
    let word: UInt32 =
      switch precision {
      case .float32: 0x3F00_0000
      case .bfloat16: 0x3F00_3F00
      case .int8: 0x0101_0101
      }
    let operands = FloatBuffer(count: 2 * lanes)
    for index in 0..<2 * lanes { operands.base[index] = Float(bitPattern: word) }
    let sums = FloatBuffer(count: threads * chains * lanes)
    let clock = ContinuousClock()
    // 2^20 steps of 12 chains at 2 a cycle and 3 GHz: 2 ms.
    let steps = 1 << 20
    let operations = Double(steps * chains * lanes * products.perWord * 2 * threads)
    var best = 0.0
    for _ in 0..<20 {
      let time = try clock.measure {
        try run { products.multiplyAdds(steps, operands.base, sums.base + $0.index * chains * lanes) }
      }
      best = max(best, operations / (time / .nanoseconds(1)))
    }
    return best
  }
}

extension Engine {
  /// The most bytes a second that this engine's threads read now, in GB/s: all at once, each from `bytesPerThread` of
  /// its own, best of several passes. From memory where these are more than the caches hold, else from a cache.
  ///
  /// - Throws: `EngineError.threadsUnavailable`.
  public func readLimit(bytesPerThread: Int) throws -> Double {
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
