/// What a kernel template needs of an instruction set: a vector of floats and the few operations that Swift's `SIMD`
/// types cannot spell, or spell as a library call.
///
/// Every template is generic over a conforming tag. The tag is declared in the instruction set's own module, which puts
/// its name into the mangled name of whatever the compiler outlines: two sets can never share a symbol (see
/// ../README.md).
public protocol ISA {
  /// The widest float vector of the set.
  associatedtype Vector: SIMD & BitwiseCopyable where Vector.Scalar == Float
  /// The same lanes as integers.
  associatedtype Bits: SIMD & BitwiseCopyable where Bits.Scalar == Int32

  /// Rows of a register tile; a tile is `tileRows` by two vectors.
  static var tileRows: Int { get }

  /// `accumulator + a * b`, rounded once where the set has a fused multiply-add.
  static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector
  /// Lane-wise maximum; `b` where either is NaN.
  static func maximum(_ a: Vector, _ b: Vector) -> Vector
  /// Lane-wise minimum; `b` where either is NaN.
  static func minimum(_ a: Vector, _ b: Vector) -> Vector
  /// One bit for each lane, the first in the lowest: whether `a < b` there.
  static func lanesBelow(_ a: Vector, _ b: Vector) -> UInt32
  static func bits(_ vector: Vector) -> Bits
  static func vector(_ bits: Bits) -> Vector
  /// `fma(scale, b, a)` lane by lane, rounded once on every set: folding gives the same bits everywhere.
  static func fold(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector
  /// One register tile; see `TileArguments`. Not inlined, so that its accumulators have the registers to themselves.
  static func tile(_ arguments: TileArguments)
}

extension ISA {
  /// Lanes of a vector.
  @inlinable @inline(__always)
  public static var lanes: Int { Vector.scalarCount }
  /// Columns of a packed panel: two vectors.
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

  @inlinable @inline(__always)
  static func splat(_ value: Float) -> Vector { Vector(repeating: value) }

  /// Sum of the lanes by halves, in a fixed order.
  @inlinable @inline(__always)
  static func sum(_ vector: Vector) -> Float {
    var total: Float = 0
    for lane in 0..<lanes { total += vector[lane] }
    return total
  }

  /// Largest lane; the lanes hold no NaN.
  @inlinable @inline(__always)
  static func largest(_ vector: Vector) -> Float {
    var top = vector[0]
    for lane in 1..<lanes where vector[lane] > top { top = vector[lane] }
    return top
  }
}
