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

  /// The same, where the system may refuse.
  ///
  /// - Throws: `MemoryError`.
  package init(uninitialized count: Int, for purpose: MemoryError.Purpose) throws {
    let bytes = SystemMemory.product(max(count, 16), 4)
    let isLarge = bytes >= Self.largePage
    try SystemMemory.require(bytes, for: purpose)
    let size = isLarge ? (bytes + Self.largePage - 1) / Self.largePage * Self.largePage : bytes
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, isLarge ? Self.largePage : 64, size) == 0, let memory else {
      throw MemoryError(purpose, needed: bytes, available: nil)
    }
    self.count = count
    base = memory.bindMemory(to: Float.self, capacity: max(count, 16))
    #if os(Linux)
      if isLarge { madvise(base, size, MADV_HUGEPAGE) }
    #endif
  }

  /// Zeros, where the system may refuse.
  ///
  /// - Throws: `MemoryError`.
  package convenience init(count: Int, for purpose: MemoryError.Purpose) throws {
    try self.init(uninitialized: count, for: purpose)
    base.initialize(repeating: 0, count: max(count, 16))
  }

  deinit { base.deallocate() }
}
