import CSupport
import PathwayKernelTemplates
import PathwayKernelsAVX512VNNI

/// AVX-512 with BF16 and VNNI: products of bfloat16 pairs and of int8 quadruples.
public enum AVX512BF16: AVX512VNNIOperations {
  // SAFETY: callers have `lanes` elements at the pointer.
  @inlinable @inline(__always)
  public static func storeBFloat16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    mp_store_native_bf16_f32x16(pointer, vector)
  }

  @inlinable @inline(__always)
  public static var hasBFloat16Products: Bool { true }

  @inlinable @inline(__always)
  public static func dotBFloat16(_ sum: Vector, _ a: Bits, _ b: Bits) -> Vector { mp_dot_bf16_f32x16(sum, a, b) }
}

extension AVX512BF16 {
  /// The kernels of this set: those of AVX512VNNI in float32, which are those of AVX512, its own in bfloat16 and int8,
  /// which stores bfloat16. Only for processors that have its instructions: this getter is compiled with them too.
  @inline(never)
  public static var kernels: KernelTable { KernelTable(AVX512VNNI.kernels, narrow: AVX512BF16.self) }
}
