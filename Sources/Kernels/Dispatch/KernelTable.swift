import PathwayKernelTemplates
import PathwayKernelsAVX2
import PathwayKernelsAVX512
import PathwayKernelsBaseline

/// One instruction set's kernels and block sizes. Contracts of the kernels are written at their templates.
// SAFETY: kernels check nothing. Whoever calls one has buffers of the sizes that its template states.
package struct KernelTable: Sendable {
  package let panelColumns: Int
  package let tileRows: Int
  /// Steps of K per pass: a piece of a panel is `kBlock` x NR floats.
  package let kBlock: Int
  /// Most rows of C one item of work covers; a thread's scratch holds that many rows of sums.
  package let rowBlock: Int

  package let gemm: @Sendable (UnsafePointer<GEMMArguments>, Span1D, Span1D, Int, UnsafeMutablePointer<Float>) -> Void
  package let pack:
    @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafePointer<FoldTerm>, Int, Span1D, UnsafeMutablePointer<Float>
    ) -> Void
  package let fold:
    @Sendable (UnsafePointer<Float>, UnsafePointer<FoldTerm>, Int, Int, UnsafeMutablePointer<Float>) -> Void
  package let attention: @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>) -> Void
  package let attentionProbabilities:
    @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) ->
      Void
  package let layerNorm:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Span1D, Int, UnsafePointer<Float>,
      UnsafePointer<Float>, Float
    ) -> Void
  package let softmax: @Sendable (UnsafeMutablePointer<Float>, Int) -> Void
  package let pool: @Sendable (UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>) -> Void
  package let gatherPatches:
    @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, Int, Span1D, UnsafeMutablePointer<Float>, Int) -> Void
  package let elementary: @Sendable (Elementary, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  package let multiplyAdds: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void
  package let farthestPoints:
    @Sendable (PointArrays, Int, Float, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) -> Void
  package let nearestPoints:
    @Sendable (PointArrays, Place, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) -> Void
  package let mixRows:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Int32>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void

  package static func of(_ set: InstructionSet) -> KernelTable {
    switch set {
    case .baseline: baseline
    case .avx2: avx2
    case .avx512: avx512
    }
  }

  // kBlock x NR x 4 bytes of panel plus tileRows x kBlock x 4 of A stay below 32 KiB of L1:
  //             NR   tileRows  kBlock   panel     A        rowBlock
  // baseline     8      6       512    16 KiB   12 KiB       256
  // avx2        16      6       384    24 KiB    9 KiB       256   (A streams through; it need not stay)
  // avx512      32     12       256    32 KiB   12 KiB       256   (panel from L2: 64 bytes in 12 cycles)

  private static let baseline = KernelTable(
    panelColumns: Baseline.panelColumns, tileRows: Baseline.tileRows, kBlock: 512, rowBlock: 256,
    gemm: gemmF32_Baseline, pack: packF32_Baseline, fold: foldF32_Baseline, attention: attentionF32_Baseline,
    attentionProbabilities: attentionProbabilitiesF32_Baseline, layerNorm: layerNormF32_Baseline,
    softmax: softmaxF32_Baseline, pool: poolF32_Baseline, gatherPatches: gatherPatchesF32_Baseline,
    elementary: elementaryF32_Baseline, multiplyAdds: multiplyAddsF32_Baseline,
    farthestPoints: farthestPointsF32_Baseline, nearestPoints: nearestPointsF32_Baseline, mixRows: mixRowsF32_Baseline)

  private static let avx2 = KernelTable(
    panelColumns: AVX2.panelColumns, tileRows: AVX2.tileRows, kBlock: 384, rowBlock: 256,
    gemm: gemmF32_AVX2, pack: packF32_AVX2, fold: foldF32_AVX2, attention: attentionF32_AVX2,
    attentionProbabilities: attentionProbabilitiesF32_AVX2, layerNorm: layerNormF32_AVX2,
    softmax: softmaxF32_AVX2, pool: poolF32_AVX2, gatherPatches: gatherPatchesF32_AVX2,
    elementary: elementaryF32_AVX2, multiplyAdds: multiplyAddsF32_AVX2,
    farthestPoints: farthestPointsF32_AVX2, nearestPoints: nearestPointsF32_AVX2, mixRows: mixRowsF32_AVX2)

  private static let avx512 = KernelTable(
    panelColumns: AVX512.panelColumns, tileRows: AVX512.tileRows, kBlock: 256, rowBlock: 256,
    gemm: gemmF32_AVX512, pack: packF32_AVX512, fold: foldF32_AVX512, attention: attentionF32_AVX512,
    attentionProbabilities: attentionProbabilitiesF32_AVX512, layerNorm: layerNormF32_AVX512,
    softmax: softmaxF32_AVX512, pool: poolF32_AVX512, gatherPatches: gatherPatchesF32_AVX512,
    elementary: elementaryF32_AVX512, multiplyAdds: multiplyAddsF32_AVX512,
    farthestPoints: farthestPointsF32_AVX512, nearestPoints: nearestPointsF32_AVX512, mixRows: mixRowsF32_AVX512)
}
