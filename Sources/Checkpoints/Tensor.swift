/// An immutable, row-major array of numbers in a mapped file or in memory of its own.
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
  /// - Parameter body: gets uninitialised elements and must write every one of them.
  package init(shape: [Int], initializingWith body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    try self.init(elementType: .float32, shape: shape) { bytes in
      // SAFETY: new memory, aligned for any element and not yet bound to a type.
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

  /// Whether another tensor is a view of the same elements.
  package func isIdentical(to other: Tensor) -> Bool {
    base == other.base && owner === other.owner && shape == other.shape && elementType == other.elementType
  }

  /// Size of the elements, in bytes.
  public var byteCount: Int { count * elementType.byteCount }

  /// Calls `body` with the elements as stored. They may have any alignment: load them with
  /// `unsafeLoadUnaligned(fromByteOffset:as:)`.
  ///
  /// `float32()` converts all of them.
  public func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
    try withUnsafeBytes { try body($0.bytes) }
  }

  /// Calls `body` with the elements as stored; the pointer has no particular alignment and must not escape.
  package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    // SAFETY: `owner` holds `byteCount` bytes at `base`, and is kept until `body` returns.
    defer { withExtendedLifetime(owner) {} }
    return try body(UnsafeRawBufferPointer(start: base, count: byteCount))
  }

  /// Says that the elements will not be read soon: the memory of a mapped file's pages goes back to the system, which
  /// reads them again when they are used. Tensors in memory of their own are kept.
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
