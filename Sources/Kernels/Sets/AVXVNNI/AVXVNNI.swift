import CSupport
import PathwayKernelTemplates
import PathwayKernelsAVX2

/// AVX2 with the 256-bit dot products of AVX-VNNI: products of int8 quadruples.
public enum AVXVNNI: AVX2Operations {
  @inlinable @inline(__always)
  public static var packsInt8InBytes: Bool { true }

  @inlinable @inline(__always)
  public static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits { mp_dot_u8i8_i32x8(sum, a, b) }

  // SAFETY: callers have `lanes` bytes at the pointer.
  @inlinable @inline(__always)
  public static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer) {
    mp_store_i8_i32x8(pointer, integers)
  }
}

extension AVXVNNI {
  /// The kernels of this set: those of AVX2 in float32 and bfloat16, its own in int8. Only for processors that have its
  /// instructions: this getter is compiled with them too.
  @inline(never)
  public static var kernels: KernelTable { KernelTable(AVX2.kernels, int8: AVXVNNI.self) }
}
