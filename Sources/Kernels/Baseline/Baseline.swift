import CSupport
import PathwayKernelTemplates

/// x86-64 as every processor has it (SSE2), and what other architectures build: no fused multiply-add, 16 registers.
public enum Baseline: ISA {
  public typealias Vector = SIMD4<Float>
  public typealias Bits = SIMD4<Int32>

  @inlinable @inline(__always)
  public static var tileRows: Int { 6 }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector {
    accumulator + a * b
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector { mp_max_f32x4(a, b) }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector { mp_min_f32x4(a, b) }

  @inlinable @inline(__always)
  public static func lanesBelow(_ a: Vector, _ b: Vector) -> UInt32 { mp_below_f32x4(a, b) }

  // SAFETY: both types are the same number of plain 4-byte lanes; so below.
  @inlinable @inline(__always)
  public static func bits(_ vector: Vector) -> Bits { unsafeBitCast(vector, to: Bits.self) }

  @inlinable @inline(__always)
  public static func vector(_ bits: Bits) -> Vector { unsafeBitCast(bits, to: Vector.self) }

  @inlinable @inline(__always)
  public static func fold(_ a: Vector, _ scale: Float, _ b: Vector) -> Vector {
    // One rounding, as on the other sets: `fmaf`, lane by lane.
    a.addingProduct(Vector(repeating: scale), b)
  }

  @inline(never)
  public static func tile(_ arguments: TileArguments) { tile6(Baseline.self, arguments) }
}
