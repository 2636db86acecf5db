import PathwayKernelTemplates
import PathwayKernelsBaseline

/// What every arm64 processor has: 4 lanes, 32 registers, fused multiply-adds.
public enum NEON: NEONOperations {}

extension NEON {
  /// The kernels of this set.
  @inline(never)
  public static var kernels: KernelTable { KernelTable(NEON.self) }
}

/// The operations of NEON, for this set and for sets that extend it.
public protocol NEONOperations: FourLaneOperations {}

extension NEONOperations {
  @inlinable @inline(__always)
  public static var registers: Int { 32 }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ accumulator: Vector, _ a: Vector, _ b: Vector) -> Vector {
    accumulator.addingProduct(a, b)
  }
}
