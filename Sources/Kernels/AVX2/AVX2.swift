import CSupport
import PathwayKernelTemplates

/// AVX2 with FMA: 8 lanes, 16 registers.
public enum AVX2: ISA {
  public typealias Vector = SIMD8<Float>
  public typealias Bits = SIMD8<Int32>

  @inlinable @inline(__always)
  public static var tileRows: Int { 6 }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector {
    accumulator.addingProduct(a, b)
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector { mp_max_f32x8(a, b) }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector { mp_min_f32x8(a, b) }

  @inlinable @inline(__always)
  public static func lanesBelow(_ a: Vector, _ b: Vector) -> UInt32 { mp_below_f32x8(a, b) }

  // SAFETY: both types are the same number of plain 4-byte lanes; so below.
  @inlinable @inline(__always)
  public static func bits(_ vector: Vector) -> Bits { unsafeBitCast(vector, to: Bits.self) }

  @inlinable @inline(__always)
  public static func vector(_ bits: Bits) -> Vector { unsafeBitCast(bits, to: Vector.self) }

  @inlinable @inline(__always)
  public static func fold(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector {
    a.addingProduct(Vector(repeating: scale), b)
  }

  @inline(never)
  public static func tile(_ arguments: TileArguments) { tile6(AVX2.self, arguments) }
}
