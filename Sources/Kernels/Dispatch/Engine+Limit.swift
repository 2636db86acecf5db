import PathwayKernelTemplates

extension Engine {
  /// The most float32 operations a second that this engine's threads reach now, in GFLOP/s: multiply-adds on registers
  /// alone, on all threads at once, best of several short runs. What kernels are measured against. Takes about 50 ms.
  ///
  /// - Throws: `EngineError.threadsUnavailable`.
  public func multiplyAddLimit() throws -> Double {
    let lanes = kernels.panelColumns / 2
    let chains = multiplyAddChains
    let sums = FloatBuffer(count: threads * chains * lanes)
    let clock = ContinuousClock()
    // 2^20 steps of 12 chains at 2 a cycle and 3 GHz: 2 ms.
    let steps = 1 << 20
    let operations = Double(steps * chains * lanes * 2 * threads)
    var best = 0.0
    for _ in 0..<20 {
      let time = try clock.measure {
        try run { kernels.multiplyAdds(steps, sums.base + $0.index * chains * lanes) }
      }
      best = max(best, operations / (time / .nanoseconds(1)))
    }
    return best
  }
}
