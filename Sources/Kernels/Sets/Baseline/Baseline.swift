import CSupport
import PathwayKernelTemplates

/// What every x86-64 processor has (SSE2), and plain vectors on other architectures: 4 lanes, 16 registers, no fused
/// multiply-add.
public enum Baseline: FourLaneOperations {
  @inlinable @inline(__always)
  public static var registers: Int { 16 }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector {
    accumulator + a * b
  }
}

extension Baseline {
  /// The kernels of this set. Only for processors that have its instructions: this getter is compiled with them too.
  @inline(never)
  public static var kernels: KernelTable { KernelTable(Baseline.self) }
}

/// Operations on 4 lanes, for this set and for sets that extend it.
public protocol FourLaneOperations: ISA where Vector == SIMD4<Float>, Bits == SIMD4<Int32> {}

extension FourLaneOperations {
  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector { mp_max_f32x4(a, b) }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector { mp_min_f32x4(a, b) }

  @inlinable @inline(__always)
  public static func reduceSum(_ vector: Vector) -> Float { mp_reduce_sum_f32x4(vector) }

  @inlinable @inline(__always)
  public static func reduceMax(_ vector: Vector) -> Float { mp_reduce_max_f32x4(vector) }

  @inlinable @inline(__always)
  public static func lessThanMask(_ a: Vector, _ b: Vector) -> UInt32 { mp_less_than_f32x4(a, b) }

  @inlinable @inline(__always)
  public static func float(_ integers: Bits) -> Vector { mp_float_i32x4(integers) }

  @inlinable @inline(__always)
  public static func high(_ pairs: Bits) -> Vector { mp_high_f32x4(pairs) }

  @inlinable @inline(__always)
  public static func low(_ pairs: Bits) -> Vector { mp_low_f32x4(pairs) }

  // SAFETY: callers have `lanes` elements at the pointers of this function and of those that follow.
  @inlinable @inline(__always)
  public static func loadBFloat16(_ pointer: UnsafeRawPointer) -> Vector { mp_load_bf16_f32x4(pointer) }

  @inlinable @inline(__always)
  public static func storeBFloat16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    mp_store_bf16_f32x4(pointer, vector)
  }

  @inlinable @inline(__always)
  public static var packsInt8InBytes: Bool { false }

  @inlinable @inline(__always)
  public static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits { mp_dot_i16_i32x4(sum, a, b) }

  @inlinable @inline(__always)
  public static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer) {
    mp_store_i16_i32x4(pointer, integers)
  }

  // SAFETY: callers have `lanes` rows of `lanes` words on both sides.
  @inlinable @inline(__always)
  public static func transpose(
    _ source: UnsafeRawPointer, _ sourceStep: Int, _ target: UnsafeMutableRawPointer, _ targetStep: Int
  ) {
    mp_transpose_4(source, Int64(sourceStep), target, Int64(targetStep))
  }
}
