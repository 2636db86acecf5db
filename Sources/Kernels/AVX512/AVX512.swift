import CSupport
import PathwayKernelTemplates

/// AVX-512 F, BW, DQ, VL: 16 lanes, 32 registers.
public enum AVX512: ISA {
  public typealias Vector = SIMD16<Float>
  public typealias Bits = SIMD16<Int32>

  @inlinable @inline(__always)
  public static var tileRows: Int { 12 }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector {
    accumulator.addingProduct(a, b)
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector { mp_max_f32x16(a, b) }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector { mp_min_f32x16(a, b) }

  /// Half onto half, in 4 additions.
  @inlinable @inline(__always)
  public static func sum(_ vector: Vector) -> Float { mp_sum_f32x16(vector) }

  /// By halves; of lanes that hold no NaN.
  @inlinable @inline(__always)
  public static func largest(_ vector: Vector) -> Float { mp_largest_f32x16(vector) }

  @inlinable @inline(__always)
  public static func lanesBelow(_ a: Vector, _ b: Vector) -> UInt32 { mp_below_f32x16(a, b) }

  // SAFETY: callers have `lanes` floats at `pointer`.
  @inlinable @inline(__always)
  public static func compress(_ vector: Vector, _ mask: UInt32, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: mp_compress_f32x16(vector, mask), as: Vector.self)
  }

  // SAFETY: both types are the same number of plain 4-byte lanes; so below.
  @inlinable @inline(__always)
  public static func bits(_ vector: Vector) -> Bits { unsafeBitCast(vector, to: Bits.self) }

  @inlinable @inline(__always)
  public static func vector(_ bits: Bits) -> Vector { unsafeBitCast(bits, to: Vector.self) }

  @inlinable @inline(__always)
  public static func fold(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector {
    a.addingProduct(Vector(repeating: scale), b)
  }

  @inlinable @inline(__always)
  public static func prefetch(_ address: UnsafeRawPointer) { mp_prefetch(address) }

  @inline(never)
  public static func tileFloat32(_ arguments: TileArguments) { tile12(Float32Format<AVX512>.self, arguments) }

  @inline(never)
  public static func tileBFloat16(_ arguments: TileArguments) { tile12(BFloat16Format<AVX512>.self, arguments) }

  @inline(never)
  public static func tileInt8(_ arguments: TileArguments) { tile12(Int8Format<AVX512>.self, arguments) }

  // MARK: - Narrow formats

  @inlinable @inline(__always)
  public static func float(_ integers: Bits) -> Vector { mp_float_i32x16(integers) }

  @inlinable @inline(__always)
  public static func high(_ pairs: Bits) -> Vector { mp_high_f32x16(pairs) }

  @inlinable @inline(__always)
  public static func low(_ pairs: Bits) -> Vector { mp_low_f32x16(pairs) }

  @inlinable @inline(__always)
  public static func loadBFloat16(_ pointer: UnsafeRawPointer) -> Vector { mp_load_bf16_f32x16(pointer) }

  @inlinable @inline(__always)
  public static func storeBFloat16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    mp_store_bf16_f32x16(pointer, vector)
  }

  @inlinable @inline(__always)
  public static var packsInt8InBytes: Bool { false }

  @inlinable @inline(__always)
  public static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits { mp_dot_i16_i32x16(sum, a, b) }

  @inlinable @inline(__always)
  public static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer) {
    mp_store_i16_i32x16(pointer, integers)
  }

  /// `target[c targetStep + r] = source[r sourceStep + c]`, steps in words.
  // SAFETY: callers have as many rows of as many words as lanes on both sides.
  @inlinable @inline(__always)
  public static func transpose(
    _ source: UnsafeRawPointer, _ sourceStep: Int, _ target: UnsafeMutableRawPointer, _ targetStep: Int
  ) {
    mp_transpose_16(source, Int64(sourceStep), target, Int64(targetStep))
  }
}
