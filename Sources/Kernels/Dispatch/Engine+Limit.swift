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
