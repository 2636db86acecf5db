import CSupport
import PathwayKernelsBaseline

#if arch(x86_64)
  import PathwayKernelsAVX2
  import PathwayKernelsAVX512
  import PathwayKernelsAVX512BF16
  import PathwayKernelsAVX512VNNI
  import PathwayKernelsAVXVNNI
#elseif arch(arm64)
  import PathwayKernelsNEON
  import PathwayKernelsNEONBF16
#endif

/// Every instruction set that kernels exist for. What names or counts sets anywhere asks this list.
///
/// This file is compiled with no instruction-set flag: which sets a processor has is known before any code of theirs
/// runs. That is why names and requirements are here and not with the tags.
extension InstructionSet {
  /// SSE2 on x86-64; plain vectors elsewhere.
  public static let baseline = InstructionSet("baseline", rank: 0, requires: 0, emulates: [.bfloat16]) {
    Baseline.kernels
  }

  #if arch(x86_64)
    /// AVX2 with FMA and F16C.
    public static let avx2 = InstructionSet(
      "avx2", rank: 10, requires: mp_cpu_avx2 | mp_cpu_fma | mp_cpu_f16c, emulates: [.bfloat16]
    ) { AVX2.kernels }

    /// The same with AVX-VNNI: products of int8. In float32 and bfloat16, the same kernels as `avx2`.
    public static let avxvnni = InstructionSet(
      "avxvnni", rank: 15, requires: avx2.required | mp_cpu_avxvnni, emulates: [.bfloat16]
    ) { AVXVNNI.kernels }

    /// AVX-512 F, BW, DQ and VL.
    public static let avx512 = InstructionSet(
      "avx512", rank: 20,
      requires: avx2.required | mp_cpu_avx512f | mp_cpu_avx512bw | mp_cpu_avx512dq | mp_cpu_avx512vl,
      emulates: [.bfloat16]
    ) { AVX512.kernels }

    /// The same with VNNI: products of int8. In float32 and bfloat16, the same kernels as `avx512`.
    public static let avx512vnni = InstructionSet(
      "avx512vnni", rank: 25, requires: avx512.required | mp_cpu_avx512vnni, emulates: [.bfloat16]
    ) { AVX512VNNI.kernels }

    /// The same with BF16 and VNNI: products of bfloat16 and int8. In float32, the same kernels as `avx512`.
    public static let avx512bf16 = InstructionSet(
      "avx512bf16", rank: 30, requires: avx512.required | mp_cpu_avx512bf16 | mp_cpu_avx512vnni
    ) { AVX512BF16.kernels }

    /// All sets, in any order.
    static let list = [baseline, avx2, avxvnni, avx512, avx512vnni, avx512bf16]
  #elseif arch(arm64)
    /// NEON, which every arm64 processor has.
    public static let neon = InstructionSet("neon", rank: 10, requires: 0, emulates: [.bfloat16]) { NEON.kernels }

    /// The same with BF16 and I8MM: products of bfloat16 and int8. In float32, the same kernels as `neon`.
    public static let neonbf16 = InstructionSet("neonbf16", rank: 20, requires: mp_cpu_bf16 | mp_cpu_i8mm) {
      NEONBF16.kernels
    }

    /// All sets, in any order.
    static let list = [baseline, neon, neonbf16]
  #else
    /// All sets.
    static let list = [baseline]
  #endif
}
