/// What the operands of a product are stored as. Matrices are made of words of 4 bytes: one float, two bfloat16, four int8
/// (or two, where the instruction set multiplies 16-bit integers). A tile is the same loop for all: take a word of A,
/// repeat it in every lane, and accumulate its dot product with the words of B; a lane of the sum is 4 bytes as well.
public protocol TileFormat {
  associatedtype I: ISA
  /// A vector of words.
  associatedtype Lanes: SIMD & BitwiseCopyable where Lanes.Scalar: BitwiseCopyable
  /// A vector of sums.
  associatedtype Sum: SIMD & BitwiseCopyable

  /// Elements of a word.
  static var perWord: Int { get }
  /// Whether elements are integers, which take scales.
  static var isInteger: Bool { get }
  /// Most rows of a tile.
  static var tileRows: Int { get }
  static var zero: Sum { get }
  static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum
  static func float(_ sum: Sum) -> I.Vector
  static func tile(_ arguments: TileArguments)
  /// Stores as many elements as lanes, beginning with the `index`-th behind `base`.
  static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int)
}

/// Words of one float: the products are those of float32.
public enum Float32Format<I: ISA>: TileFormat {
  public typealias Lanes = I.Vector
  public typealias Sum = I.Vector

  @inlinable @inline(__always)
  public static var perWord: Int { 1 }
  /// Floats need no scale.
  @inlinable @inline(__always)
  public static var isInteger: Bool { false }
  @inlinable @inline(__always)
  public static var tileRows: Int { I.tileRows }
  @inlinable @inline(__always)
  public static var zero: Sum { I.splat(0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.multiplyAdd(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { sum }
  @inlinable @inline(__always)
  public static func tile(_ arguments: TileArguments) { I.tileFloat32(arguments) }
  @inlinable @inline(__always)
  public static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int) {
    base.storeBytes(of: vector, toByteOffset: index * 4, as: I.Vector.self)
  }
}

/// Words of two bfloat16, accumulated in float32.
public enum BFloat16Format<I: ISA>: TileFormat {
  public typealias Lanes = I.Bits
  public typealias Sum = I.Vector

  @inlinable @inline(__always)
  public static var perWord: Int { 2 }
  /// Floats need no scale.
  @inlinable @inline(__always)
  public static var isInteger: Bool { false }
  /// With 16 registers: 8 sums, 4 halves of B, 2 of A.
  @inlinable @inline(__always)
  public static var tileRows: Int { I.tileRows == 6 ? 4 : I.tileRows }
  @inlinable @inline(__always)
  public static var zero: Sum { I.splat(0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.dotBFloat16(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { sum }
  @inlinable @inline(__always)
  public static func tile(_ arguments: TileArguments) { I.tileBFloat16(arguments) }
  @inlinable @inline(__always)
  public static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int) {
    I.storeBFloat16(vector, base + index * 2)
  }
}

/// Words of 8-bit integers, accumulated in 32 bits, exactly: A's are 0...255, B's -127...127, and K <= 2^16 keeps sums
/// below 2^31.
public enum Int8Format<I: ISA>: TileFormat {
  public typealias Lanes = I.Bits
  public typealias Sum = I.Bits

  @inlinable @inline(__always)
  public static var perWord: Int { I.packsInt8InBytes ? 4 : 2 }
  /// A row of A and a column of B have scales (`RowScale`, `PackedPanels`).
  @inlinable @inline(__always)
  public static var isInteger: Bool { true }
  @inlinable @inline(__always)
  public static var tileRows: Int { I.tileRows }
  @inlinable @inline(__always)
  public static var zero: Sum { I.Bits(repeating: 0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.dotInt8(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { I.float(sum) }
  @inlinable @inline(__always)
  public static func tile(_ arguments: TileArguments) { I.tileInt8(arguments) }

  /// Stores the whole numbers nearest to `vector`.
  @inlinable @inline(__always)
  public static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int) {
    I.storeInt8(I.rounded(vector), base + index * (4 / perWord))
  }
}
