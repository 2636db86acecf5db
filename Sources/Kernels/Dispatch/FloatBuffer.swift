/// Floats on the heap, 64-byte aligned, freed with the last reference.
package final class FloatBuffer: @unchecked Sendable {
  // SAFETY: whoever holds a buffer says who may write it: weights are written once before they are shared, a workspace
  // belongs to one forward pass at a time.

  package let base: UnsafeMutablePointer<Float>
  package let count: Int

  /// Zeros.
  package convenience init(count: Int) {
    self.init(uninitialized: count)
    base.initialize(repeating: 0, count: max(count, 16))
  }

  /// Memory that the caller writes before anybody reads it; pages that nobody touches are never there.
  package init(uninitialized count: Int) {
    self.count = count
    base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: max(count, 16))
  }

  deinit { base.deallocate() }
}
