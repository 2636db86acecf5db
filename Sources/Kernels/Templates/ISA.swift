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
  /// Sum of the lanes, half onto half.
  static func sum(_ vector: Vector) -> Float
  /// Largest lane; the lanes hold no NaN.
  static func largest(_ vector: Vector) -> Float
  /// One bit for each lane, the first in the lowest: whether `a < b` there.
  static func lanesBelow(_ a: Vector, _ b: Vector) -> UInt32
  /// Writes the lanes of `vector` that have a bit in `mask` one behind the other; what follows, up to `lanes` floats
  /// from `pointer` on, is undefined.
  static func compress(_ vector: Vector, _ mask: UInt32, _ pointer: UnsafeMutablePointer<Float>)
  static func bits(_ vector: Vector) -> Bits
  static func vector(_ bits: Bits) -> Vector
  /// `fma(scale, b, a)` lane by lane, rounded once on every set: folding gives the same bits everywhere.
  static func fold(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector
  /// Has the cache line of `address` fetched, if there is memory; a hint.
  static func prefetch(_ address: UnsafeRawPointer)
  /// One register tile of each format; see `TileArguments`. Not inlined, so that its accumulators have the registers to
  /// themselves.
  static func tileFloat32(_ arguments: TileArguments)
  static func tileBFloat16(_ arguments: TileArguments)
  static func tileInt8(_ arguments: TileArguments)

  /// Integers as floats, rounded to nearest.
  static func float(_ integers: Bits) -> Vector
  /// The second of every word's two bfloat16, and the first.
  static func high(_ pairs: Bits) -> Vector
  static func low(_ pairs: Bits) -> Vector
  /// As many bfloat16 as lanes, at any address; stored rounded to nearest, ties to even.
  static func loadBFloat16(_ pointer: UnsafeRawPointer) -> Vector
  static func storeBFloat16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer)
  /// `sum` plus the dot product of every word's two bfloat16, accumulated in float32.
  static func dotBFloat16(_ sum: Vector, _ a: Bits, _ b: Bits) -> Vector
  /// Whether a word holds four 8-bit integers, A's unsigned, B's signed; else two, as 16-bit integers.
  static var packsInt8InBytes: Bool { get }
  /// `sum` plus the dot product of every word's integers.
  static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits
  /// As many integers as lanes, each in the bytes that a word gives it.
  static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer)
  /// A block of lanes x lanes words: `target[c targetStep + r] = source[r sourceStep + c]`.
  static func transpose(
    _ source: UnsafeRawPointer, _ sourceStep: Int, _ target: UnsafeMutableRawPointer, _ targetStep: Int)
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
  public static func compress(_ vector: Vector, _ mask: UInt32, _ pointer: UnsafeMutablePointer<Float>) {
    var target = pointer
    for lane in 0..<lanes {
      target.pointee = vector[lane]
      target += Int(mask >> UInt32(truncatingIfNeeded: lane) & 1)
    }
  }

  @inlinable @inline(__always)
  public static func dotBFloat16(_ sum: Vector, _ a: Bits, _ b: Bits) -> Vector {
    multiplyAdd(multiplyAdd(sum, high(a), high(b)), low(a), low(b))
  }

  /// Whole numbers nearest to `vector`, whose lanes are below 2^22 in size; ties to even.
  @inlinable @inline(__always)
  static func rounded(_ vector: Vector) -> Bits {
    // Adding 1.5 x 2^23 leaves them in the low bits of the mantissa.
    bits(vector + splat(12_582_912)) &- Bits(repeating: 0x4B40_0000)
  }

  /// Smallest lane; the lanes hold no NaN.
  @inlinable @inline(__always)
  static func smallest(_ vector: Vector) -> Float { -largest(splat(0) - vector) }

  @inlinable @inline(__always)
  static func magnitude(_ vector: Vector) -> Vector { maximum(vector, splat(0) - vector) }

  @inlinable @inline(__always)
  static func splat(_ value: Float) -> Vector { Vector(repeating: value) }
}
