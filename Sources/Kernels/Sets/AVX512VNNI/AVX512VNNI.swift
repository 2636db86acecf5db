import CSupport
import PathwayKernelTemplates
import PathwayKernelsAVX512

/// AVX-512 with VNNI: products of int8 quadruples.
public enum AVX512VNNI: AVX512VNNIOperations {}

extension AVX512VNNI {
  /// The kernels of this set: those of AVX512 but for int8. Only for processors that have its instructions: this getter
  /// is compiled with them too.
  @inline(never)
  public static var kernels: KernelTable { KernelTable(AVX512.kernels, int8: AVX512VNNI.self) }
}

/// The operations of AVX-512 with VNNI, for this set and for sets that extend it.
public protocol AVX512VNNIOperations: AVX512Operations {}

extension AVX512VNNIOperations {
  @inlinable @inline(__always)
  public static var packsInt8InBytes: Bool { true }

  @inlinable @inline(__always)
  public static func dotInt8(_ sum: Bits, _ a: Bits, _ b: Bits) -> Bits { mp_dot_u8i8_i32x16(sum, a, b) }

  // SAFETY: callers have `lanes` bytes at the pointer.
  @inlinable @inline(__always)
  public static func storeInt8(_ integers: Bits, _ pointer: UnsafeMutableRawPointer) {
    mp_store_i8_i32x16(pointer, integers)
  }
}
