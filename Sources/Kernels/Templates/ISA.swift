/// What a kernel template needs of an instruction set: a vector of floats, the number of vector registers, and the
/// operations that Swift's `SIMD` types do not have, or compile to a library call.
///
/// Every template is generic over a conforming type, the tag of the set. The tag is declared in the set's own module,
/// which puts its name into the mangled name of every function that the compiler specialises for it: two sets never
/// share a symbol (../README.md).
public protocol ISA: SendableMetatype {
  /// The widest float vector of the set.
  associatedtype Vector: SIMD & BitwiseCopyable where Vector.Scalar == Float
  /// The same lanes as integers.
  associatedtype Bits: SIMD & BitwiseCopyable where Bits.Scalar == Int32

  /// Vector registers; the heights of register tiles follow from it (`TileFormat.tileRows`).
  static var registers: Int { get }

  // MARK: - float32

  /// `accumulator + a * b`, rounded once where the set has a fused multiply-add.
  static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector
  /// Lane-wise maximum; `b` where either is NaN.
  static func maximum(_ a: Vector, _ b: Vector) -> Vector
  /// Lane-wise minimum; `b` where either is NaN.
  static func minimum(_ a: Vector, _ b: Vector) -> Vector
  /// Sum of the lanes: the upper half is added to the lower half until one lane is left.
  static func reduceSum(_ vector: Vector) -> Float
  /// Maximum of the lanes, which hold no NaN.
  static func reduceMax(_ vector: Vector) -> Float
  /// One bit for each lane, the first lane in the lowest bit: whether `a < b` there.
  static func lessThanMask(_ a: Vector, _ b: Vector) -> UInt32
  /// Stores the lanes of `vector` that have a bit in `mask` contiguously. The remaining floats of the `lanes` floats
  /// from `pointer` on are undefined afterwards.
  static func compress(_ vector: Vector, _ mask: UInt32, _ pointer: UnsafeMutablePointer<Float>)

  // MARK: - Narrow formats

  /// Integers as floats, rounded to nearest.
  static func float(_ integers: Bits) -> Vector
  /// The second of every word's two bfloat16, as float32.
  static func high(_ pairs: Bits) -> Vector
  /// The first of every word's two bfloat16, as float32.
  static func low(_ pairs: Bits) -> Vector
  /// Loads `lanes` bfloat16 from any address.
  static func loadBFloat16(_ pointer: UnsafeRawPointer) -> Vector
  /// Stores `lanes` bfloat16 to any address, rounded to nearest, ties to even.
  static func storeBFloat16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer)
  /// Whether `dotBFloat16` is an instruction; if not, multiply-adds of float32, of which a tile makes its own.
  static var hasBFloat16Products: Bool { get }
  /// `sum` plus the dot product of every word's two bfloat16, accumulated in float32.
  static func dotBFloat16(_ sum: Vector, _ a: Bits, _ b: Bits) -> Vector
  /// Whether a word holds four 8-bit integers, A's unsigned and B's signed; if not, two 16-bit integers.
  static var packsInt8InBytes: Bool { get }
  /// `sum` plus the dot product of every word's integers.
  static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits
  /// Stores `lanes` integers, each in the 1 or 2 bytes that it has in a word.
  static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer)
  /// A block of lanes x lanes words: `target[c targetStep + r] = source[r sourceStep + c]`, steps in words.
  static func transpose(
    _ source: UnsafeRawPointer, _ sourceStep: Int, _ target: UnsafeMutableRawPointer, _ targetStep: Int)
}
