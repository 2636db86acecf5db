import CSupport

// Operations that are the same on every set, and those that a set may replace by an instruction of its own.

extension ISA {
  /// Lanes of a vector.
  @inlinable @inline(__always)
  public static var lanes: Int { Vector.scalarCount }
  /// Columns of a packed panel, NR: two vectors.
  @inlinable @inline(__always)
  public static var panelColumns: Int { 2 * Vector.scalarCount }

  // SAFETY: callers have `lanes` floats at `pointer`, at any alignment; each template states what it reads and writes.
  @inlinable @inline(__always)
  static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
  }

  @inlinable @inline(__always)
  static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
  }

  /// Stores the lanes of two vectors by turns.
  @inlinable @inline(__always)
  static func storeInterleaved(_ even: Vector, _ odd: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    for lane in 0..<lanes {
      pointer[2 * lane] = even[lane]
      pointer[2 * lane + 1] = odd[lane]
    }
  }

  @inlinable @inline(__always)
  static func splat(_ value: Float) -> Vector { Vector(repeating: value) }

  /// The bits of a vector's lanes.
  // SAFETY: both types are the same number of plain 4-byte lanes; so below.
  @inlinable @inline(__always)
  static func bits(_ vector: Vector) -> Bits { unsafeBitCast(vector, to: Bits.self) }

  /// The floats that have these bits.
  @inlinable @inline(__always)
  static func vector(_ bits: Bits) -> Vector { unsafeBitCast(bits, to: Vector.self) }

  /// `a + scale * b`, rounded once on every set: folding pathways into weights gives the same bits on all. Without a
  /// fused multiply-add this is a call of `fmaf` for each lane.
  @inlinable @inline(__always)
  static func fusedMultiplyAdd(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector {
    a.addingProduct(splat(scale), b)
  }

  /// Loads the cache line of `address` ahead of its use. A hint: any address is allowed.
  @inlinable @inline(__always)
  static func prefetch(_ address: UnsafeRawPointer) { mp_prefetch(address) }

  /// The same into the second-level cache.
  @inlinable @inline(__always)
  static func prefetchSecond(_ address: UnsafeRawPointer) { mp_prefetch_second(address) }

  /// Minimum of the lanes, which hold no NaN.
  @inlinable @inline(__always)
  static func reduceMin(_ vector: Vector) -> Float { -reduceMax(splat(0) - vector) }

  /// Lane-wise absolute value.
  @inlinable @inline(__always)
  static func abs(_ vector: Vector) -> Vector { maximum(vector, splat(0) - vector) }

  /// The integers nearest to `vector`, whose lanes are below 2^22 in absolute value; ties to even.
  @inlinable @inline(__always)
  static func rounded(_ vector: Vector) -> Bits {
    // Adding 1.5 x 2^23 leaves them in the low bits of the mantissa.
    bits(vector + splat(12_582_912)) &- Bits(repeating: 0x4B40_0000)
  }

  // MARK: - Replaced by sets that have an instruction for it

  // SAFETY: callers have `lanes` floats at `pointer`.
  @inlinable @inline(__always)
  public static func compress(_ vector: Vector, _ mask: UInt32, _ pointer: UnsafeMutablePointer<Float>) {
    var target = pointer
    for lane in 0..<lanes {
      target.pointee = vector[lane]
      target += Int(mask >> UInt32(truncatingIfNeeded: lane) & 1)
    }
  }

  /// A set with an instruction says so.
  @inlinable @inline(__always)
  public static var hasBFloat16Products: Bool { false }

  @inlinable @inline(__always)
  public static func dotBFloat16(_ sum: Vector, _ a: Bits, _ b: Bits) -> Vector {
    multiplyAdd(multiplyAdd(sum, high(a), high(b)), low(a), low(b))
  }
}
