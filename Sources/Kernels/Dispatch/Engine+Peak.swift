import PathwayKernelTemplates

extension Engine {
  /// Peak arithmetic throughput of this engine's threads now, in 10^9 operations a second, a multiply-add being two:
  /// multiply-adds on registers alone, on all threads at once, the best of several short runs. Int8 operations are
  /// integer operations. Kernels are measured against it. Takes about 50 ms.
  ///
  /// - Throws: `EngineError.threadsUnavailable`.
  public func peakGFLOPS(_ precision: Precision = .float32) throws -> Double {
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
