/// A format that the operands of a product are stored in. Matrices consist of words of 4 bytes: one float, two
/// bfloat16, four int8 (or two, where the instruction set multiplies 16-bit integers). A tile is the same loop for all
/// formats: take a word of A, repeat it in every lane, and accumulate its dot product with the words of B. A lane of
/// the sum has 4 bytes as well.
public protocol TileFormat: SendableMetatype {
  associatedtype I: ISA
  /// A vector of words.
  associatedtype Lanes: SIMD & BitwiseCopyable where Lanes.Scalar: BitwiseCopyable
  /// A vector of sums.
  associatedtype Sum: SIMD & BitwiseCopyable

  /// Elements of a word.
  static var perWord: Int { get }
  /// Whether elements are integers, which take scales.
  static var isInteger: Bool { get }
  /// Whether a tile widens bfloat16 to float32 (WidenedTile.swift).
  static var isWidened: Bool { get }
  /// Registers that a step of the tile's loop needs in addition to its sums.
  static var operandRegisters: Int { get }
  static var zero: Sum { get }
  static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum
  static func float(_ sum: Sum) -> I.Vector
  /// Stores as many elements as lanes, beginning with the `index`-th after `base`.
  static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int)
}

extension TileFormat {
  /// Words are multiplied as they are.
  @inlinable @inline(__always)
  public static var isWidened: Bool { false }

  /// Rows of the tallest tile, MR: two sums a row in the registers that operands leave, at most `tallestTile`.
  ///
  ///     registers   rows
  ///     16          6
  ///     32          12
  @inlinable @inline(__always)
  public static var tileRows: Int { min(tallestTile, (I.registers - operandRegisters) / 2) }
}

/// Rows of the tallest tile that MicroKernel.swift has. Its 24 sums are independent chains; two fused multiply-adds a
/// cycle of 4 cycles' latency keep 8 busy, so that taller tiles would add code and no speed.
@inlinable @inline(__always)
var tallestTile: Int { 12 }

/// Words of one float: the products are those of float32.
public enum Float32Format<I: ISA>: TileFormat {
  public typealias Lanes = I.Vector
  public typealias Sum = I.Vector

  @inlinable @inline(__always)
  public static var perWord: Int { 1 }
  /// Floats need no scale.
  @inlinable @inline(__always)
  public static var isInteger: Bool { false }
  /// Two vectors of B, one of A, and a product where multiply-adds are not fused.
  @inlinable @inline(__always)
  public static var operandRegisters: Int { 4 }
  @inlinable @inline(__always)
  public static var zero: Sum { I.splat(0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.multiplyAdd(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { sum }
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
  /// Where the set has no products of its own.
  @inlinable @inline(__always)
  public static var isWidened: Bool { !I.hasBFloat16Products }
  /// Two vectors of B, one of A, and a product where multiply-adds are not fused.
  @inlinable @inline(__always)
  public static var operandRegisters: Int { 4 }
  @inlinable @inline(__always)
  public static var zero: Sum { I.splat(0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.dotBFloat16(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { sum }
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
  /// Two vectors of B, one of A, and a product.
  @inlinable @inline(__always)
  public static var operandRegisters: Int { 4 }
  @inlinable @inline(__always)
  public static var zero: Sum { I.Bits(repeating: 0) }
  @inlinable @inline(__always)
  public static func multiplyAdd(_ sum: Sum, _ a: Lanes, _ b: Lanes) -> Sum { I.dotInt8(sum, a, b) }
  @inlinable @inline(__always)
  public static func float(_ sum: Sum) -> I.Vector { I.float(sum) }

  /// Stores the whole numbers nearest to `vector`.
  @inlinable @inline(__always)
  public static func store(_ vector: I.Vector, _ base: UnsafeMutableRawPointer, _ index: Int) {
    I.storeInt8(I.rounded(vector), base + index * (4 / perWord))
  }
}
