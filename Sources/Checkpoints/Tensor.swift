/// An immutable, row-major array of numbers whose bytes belong to somebody: a mapped file or a heap buffer.
///
/// A tensor from a file is a view of the mapping: reading it copies nothing, and the mapping lives as long as any of
/// its tensors. The bytes may have any alignment.
public struct Tensor: @unchecked Sendable {
  // SAFETY: the bytes are never written after initialisation, and `owner` keeps them alive.

  /// The format of one element.
  public let elementType: ElementType
  /// Extent of every dimension, outermost first; `[]` is a scalar.
  public let shape: [Int]
  /// Number of elements: the product of `shape`.
  public let count: Int
  private let owner: AnyObject
  private let base: UnsafeRawPointer

  /// A view of bytes that `owner` keeps alive and unchanged.
  ///
  /// The caller has checked that `shape` times the element size does not overflow and fits the bytes at `base`.
  package init(elementType: ElementType, shape: [Int], base: UnsafeRawPointer, owner: AnyObject) {
    self.elementType = elementType
    self.shape = shape
    self.count = shape.reduce(1, *)
    self.base = base
    self.owner = owner
  }

  /// A float32 tensor in memory of its own, 64-byte aligned, filled by `body`.
  ///
  /// - Parameter body: gets the `shape`'s elements, uninitialised, and must write every one of them.
  public init(shape: [Int], initializingWith body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    try self.init(elementType: .float32, shape: shape) { bytes in
      // SAFETY: fresh memory, aligned for any element, which nothing has been bound to.
      try body(bytes.bindMemory(to: Float.self))
    }
  }

  /// A tensor in memory of its own, 64-byte aligned; `body` must write every byte.
  package init(
    elementType: ElementType, shape: [Int], initializingWith body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    let heap = HeapBytes(count: shape.reduce(1, *) * elementType.byteCount)
    try body(UnsafeMutableRawBufferPointer(start: heap.base, count: heap.count))
    self.init(elementType: elementType, shape: shape, base: UnsafeRawPointer(heap.base), owner: heap)
  }

  /// A float32 tensor holding a copy of `values`, whose count must be the product of `shape`.
  public init(_ values: [Float], shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill shape \(shape)")
    self.init(shape: shape) { destination in
      _ = destination.update(fromContentsOf: values)
    }
  }

  /// Size of the elements, in bytes.
  public var byteCount: Int { count * elementType.byteCount }

  /// Calls `body` with the elements as stored; the pointer has no particular alignment and must not escape.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    // SAFETY: `owner` holds `byteCount` bytes at `base`, and is kept until `body` returns.
    defer { withExtendedLifetime(owner) {} }
    return try body(UnsafeRawBufferPointer(start: base, count: byteCount))
  }

  /// Says that the elements will not be read soon: memory of a mapped file's pages goes back to the system, which reads
  /// them again for who does. Tensors on the heap stay.
  package func releasePages() {
    withUnsafeBytes { (owner as? MappedFile)?.releasePages(of: $0) }
  }

  /// The same bytes under another shape of equal count.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(count) elements cannot take shape \(shape)")
    return Tensor(elementType: elementType, shape: shape, base: base, owner: owner)
  }
}

/// Uninitialised heap memory, 64-byte aligned, freed with its last tensor.
private final class HeapBytes {
  let base: UnsafeMutableRawPointer
  let count: Int

  init(count: Int) {
    self.count = count
    base = .allocate(byteCount: max(count, 1), alignment: 64)
  }

  deinit { base.deallocate() }
}
