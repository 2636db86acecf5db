import Foundation

/// Floats on the heap, 64-byte aligned, freed with the last reference. From 2 MB on they are in large pages, whole ones:
/// 346 MB are 165 of them, not 84,000 small ones that each fault when they are first touched.
package final class FloatBuffer: @unchecked Sendable {
  // SAFETY: whoever holds a buffer says who may write it: weights are written once before they are shared, a workspace
  // belongs to one forward pass at a time.

  package let base: UnsafeMutablePointer<Float>
  package let count: Int

  private static let largePage = 2 << 20

  /// Zeros.
  package convenience init(count: Int) {
    self.init(uninitialized: count)
    base.initialize(repeating: 0, count: max(count, 16))
  }

  /// Memory that the caller writes before anybody reads it; pages that nobody touches are never there.
  package init(uninitialized count: Int) {
    self.count = count
    let needed = max(count, 16) * 4
    let isLarge = needed >= Self.largePage
    let bytes = isLarge ? (needed + Self.largePage - 1) / Self.largePage * Self.largePage : needed
    base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
      .bindMemory(to: Float.self, capacity: max(count, 16))
    #if os(Linux)
      // Where the system has none to give, nothing changes.
      if isLarge { madvise(base, bytes, MADV_HUGEPAGE) }
    #endif
  }

  deinit { base.deallocate() }
}
