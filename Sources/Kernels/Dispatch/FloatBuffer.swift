/// Floats on the heap, 64-byte aligned, zeroed, freed with the last reference.
package final class FloatBuffer: @unchecked Sendable {
  // SAFETY: whoever holds a buffer says who may write it: weights are written once before they are shared, a workspace
  // belongs to one forward pass at a time.

  package let base: UnsafeMutablePointer<Float>
  package let count: Int

  package init(count: Int) {
    self.count = count
    base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: max(count, 16))
    base.initialize(repeating: 0, count: max(count, 16))
  }

  deinit { base.deallocate() }
}
