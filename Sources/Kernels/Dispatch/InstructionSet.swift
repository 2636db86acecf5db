import CSupport

/// The instruction sets that kernels exist for, from the one every x86-64 processor has to the widest.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// SSE2 on x86-64; plain vectors elsewhere.
  case baseline
  /// AVX2 with FMA.
  case avx2
  /// AVX-512 F, BW, DQ and VL.
  case avx512
  /// The same with BF16 and VNNI: products of bfloat16 and int8. In float32, the same bits as `avx512`.
  case avx512bf16

  /// The sets this processor and its operating system run, narrowest first.
  public static let available: [InstructionSet] = {
    let features = mp_cpu_features()
    return allCases.filter { set in
      switch set {
      case .baseline: true
      case .avx2: features & UInt32(mp_cpu_avx2_fma) != 0
      case .avx512: features & UInt32(mp_cpu_avx512) != 0
      case .avx512bf16: features & UInt32(mp_cpu_avx512_bf16) != 0
      }
    }
  }()

  /// Whether `left` is the narrower set.
  public static func < (left: InstructionSet, right: InstructionSet) -> Bool {
    allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
  }
}
