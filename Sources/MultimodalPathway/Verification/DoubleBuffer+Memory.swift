import PathwayKernels
import PathwayLoops

extension DoubleBuffer {
  /// Zeros, where the system may refuse.
  ///
  /// - Throws: `MemoryError`.
  static func zeros(_ count: Int) throws -> DoubleBuffer {
    try SystemMemory.require(SystemMemory.product(count, 8), for: .verification)
    return DoubleBuffer(count: count)
  }
}
