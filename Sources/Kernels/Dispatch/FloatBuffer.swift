import Foundation

/// Floats on the heap, 64-byte aligned, freed with the last reference; or a view of floats that another owner frees.
/// From 2 MB on they are in large pages, whole ones: 346 MB are 165 of them, not 84,000 small ones that each fault when
/// they are first touched.
package final class FloatBuffer: @unchecked Sendable {
  // SAFETY: the owner of a buffer decides who may write it: weights are written once before they are shared, a
  // workspace belongs to one forward pass at a time.

  package let base: UnsafeMutablePointer<Float>
  package let count: Int
  private let isOwner: Bool

  private static let largePage = 2 << 20

  /// Zeros.
  package convenience init(count: Int) {
    self.init(uninitialized: count)
    base.initialize(repeating: 0, count: max(count, 16))
  }

  /// Memory that must be written before it is read; pages that are never touched take no memory. For scratch, and for
  /// copies of arrays: it ends the process where the system has no memory, as an array does.
  package convenience init(uninitialized count: Int) {
    guard let base = Self.allocate(count) else { fatalError("no memory for \(count) floats") }
    self.init(base, count: count)
  }

  /// The same, where the system may refuse.
  ///
  /// - Throws: `MemoryError`.
  package convenience init(uninitialized count: Int, for purpose: MemoryError.Purpose) throws {
    let bytes = SystemMemory.product(max(count, 16), 4)
    try SystemMemory.require(bytes, for: purpose)
    guard let base = Self.allocate(count) else { throw MemoryError(purpose, needed: bytes, available: nil) }
    self.init(base, count: count)
  }

  private init(_ base: UnsafeMutablePointer<Float>, count: Int) {
    (self.base, self.count) = (base, count)
    isOwner = true
  }

  /// A view of `count` floats at `base`, which outlive it.
  package init(viewing base: UnsafeMutablePointer<Float>, count: Int) {
    (self.base, self.count) = (base, count)
    isOwner = false
  }

  /// Room for `count` floats, at least 16; nil if the system refuses it.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float>? {
    let needed = max(count, 16) * 4
    let isLarge = needed >= largePage
    let bytes = isLarge ? (needed + largePage - 1) / largePage * largePage : needed
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, isLarge ? largePage : 64, bytes) == 0, let memory else { return nil }
    #if os(Linux)
      // Where the system has none to give, nothing changes.
      if isLarge { madvise(memory, bytes, MADV_HUGEPAGE) }
    #endif
    return memory.bindMemory(to: Float.self, capacity: max(count, 16))
  }

  /// Zeros, where the system may refuse.
  ///
  /// - Throws: `MemoryError`.
  package convenience init(count: Int, for purpose: MemoryError.Purpose) throws {
    try self.init(uninitialized: count, for: purpose)
    base.initialize(repeating: 0, count: max(count, 16))
  }

  deinit { if isOwner { free(base) } }
}
