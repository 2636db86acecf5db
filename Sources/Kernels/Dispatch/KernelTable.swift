import PathwayKernelTemplates
import PathwayKernelsAVX2
import PathwayKernelsAVX512
import PathwayKernelsAVX512BF16
import PathwayKernelsBaseline

/// The products of one format. Contracts of the kernels are written at their templates.
// SAFETY: kernels check nothing. Whoever calls one has buffers of the sizes that its template states.
package struct ProductKernels: Sendable {
  /// Elements of a word.
  package let perWord: Int
  package let gemm: @Sendable (UnsafePointer<GEMMArguments>, Span1D, Span1D, Int, UnsafeMutableRawPointer) -> Void
  package let pack:
    @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafePointer<FoldTerm>, Int, Span1D, UnsafePointer<PackedPanels>,
      UnsafeMutableRawPointer
    ) -> Void
  package let multiplyAdds: @Sendable (Int, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void

  /// Words of `count` elements.
  package func words(_ count: Int) -> Int { (count + perWord - 1) / perWord }
}

/// What reads or writes activations of one format, float32 or bfloat16.
package struct ActivationKernels: Sendable {
  package let attention: @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>) -> Void
  package let attentionProbabilities:
    @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) ->
      Void
  package let layerNorm:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Span1D, Int, UnsafePointer<Float>,
      UnsafePointer<Float>, Float
    ) -> Void
  package let gatherPatches:
    @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, Int, Span1D, UnsafeMutableRawPointer, Int) -> Void
}

/// One instruction set's kernels, and the blocks that they cut products into.
package struct KernelTable: Sendable {
  package let panelColumns: Int
  package let tileRows: Int
  /// For the caches of this processor.
  package var blocking: Blocking
  /// Words of K a pass covers.
  package var kBlock: Int { blocking.kBlock }
  /// Most rows of C that an item of work covers.
  package var rowBlock: Int { blocking.rowBlock }

  package let float32: ProductKernels
  package let bfloat16: ProductKernels
  package let int8: ProductKernels
  package let float32Activations: ActivationKernels
  package let bfloat16Activations: ActivationKernels

  /// x, row stride in bytes, whether it is bfloat16; y, row stride in words; rows, width; scales.
  package let quantizeRows:
    @Sendable (
      UnsafeRawPointer, Int, Bool, UnsafeMutableRawPointer, Int, Span1D, Int, UnsafeMutablePointer<RowScale>
    ) -> Void
  package let fold:
    @Sendable (UnsafePointer<Float>, UnsafePointer<FoldTerm>, Int, Int, UnsafeMutablePointer<Float>) -> Void
  package let softmax: @Sendable (UnsafeMutablePointer<Float>, Int) -> Void
  package let pool: @Sendable (UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>) -> Void
  package let elementary: @Sendable (Elementary, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  package let farthestPoints:
    @Sendable (PointArrays, Int, Float, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) -> Void
  package let nearestPoints:
    @Sendable (
      PointArrays, Place, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>
    ) -> Void
  package let mixRows:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Int32>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void

  /// Words of scratch that packing rows of `k` needs.
  package func packScratchCount(k: Int) -> Int {
    PathwayKernelTemplates.packScratchCount(k: k, lanes: panelColumns / 2)
  }

  package func products(_ precision: Precision) -> ProductKernels {
    switch precision {
    case .float32: float32
    case .bfloat16: bfloat16
    case .int8: int8
    }
  }

  /// - Parameter precision: bfloat16, or float32.
  package func activations(_ precision: Precision) -> ActivationKernels {
    precision == .bfloat16 ? bfloat16Activations : float32Activations
  }

  package static func of(_ set: InstructionSet) -> KernelTable {
    switch set {
    case .baseline: baseline
    case .avx2: avx2
    case .avx512: avx512
    case .avx512bf16: avx512bf16
    }
  }

  private static let baseline = KernelTable(
    panelColumns: Baseline.panelColumns, tileRows: Baseline.tileRows,
    blocking: .here(panelColumns: Baseline.panelColumns),
    float32: ProductKernels(
      perWord: 1, gemm: gemmF32_Baseline, pack: packF32_Baseline, multiplyAdds: multiplyAddsF32_Baseline),
    bfloat16: ProductKernels(
      perWord: 2, gemm: gemmBF16_Baseline, pack: packBF16_Baseline,
      multiplyAdds: multiplyAddsBF16_Baseline),
    int8: ProductKernels(
      perWord: 2, gemm: gemmI8_Baseline, pack: packI8_Baseline, multiplyAdds: multiplyAddsI8_Baseline),
    float32Activations: ActivationKernels(
      attention: attentionF32_Baseline, attentionProbabilities: attentionProbabilitiesF32_Baseline,
      layerNorm: layerNormF32_Baseline, gatherPatches: gatherPatchesF32_Baseline),
    bfloat16Activations: ActivationKernels(
      attention: attentionBF16_Baseline, attentionProbabilities: attentionProbabilitiesBF16_Baseline,
      layerNorm: layerNormBF16_Baseline, gatherPatches: gatherPatchesBF16_Baseline),
    quantizeRows: quantizeRowsI8_Baseline, fold: foldF32_Baseline, softmax: softmaxF32_Baseline, pool: poolF32_Baseline,
    elementary: elementaryF32_Baseline,
    farthestPoints: farthestPointsF32_Baseline, nearestPoints: nearestPointsF32_Baseline, mixRows: mixRowsF32_Baseline)

  private static let avx2 = KernelTable(
    panelColumns: AVX2.panelColumns, tileRows: AVX2.tileRows,
    blocking: .here(panelColumns: AVX2.panelColumns),
    float32: ProductKernels(
      perWord: 1, gemm: gemmF32_AVX2, pack: packF32_AVX2, multiplyAdds: multiplyAddsF32_AVX2),
    bfloat16: ProductKernels(
      perWord: 2, gemm: gemmBF16_AVX2, pack: packBF16_AVX2,
      multiplyAdds: multiplyAddsBF16_AVX2),
    int8: ProductKernels(
      perWord: 2, gemm: gemmI8_AVX2, pack: packI8_AVX2, multiplyAdds: multiplyAddsI8_AVX2),
    float32Activations: ActivationKernels(
      attention: attentionF32_AVX2, attentionProbabilities: attentionProbabilitiesF32_AVX2,
      layerNorm: layerNormF32_AVX2, gatherPatches: gatherPatchesF32_AVX2),
    bfloat16Activations: ActivationKernels(
      attention: attentionBF16_AVX2, attentionProbabilities: attentionProbabilitiesBF16_AVX2,
      layerNorm: layerNormBF16_AVX2, gatherPatches: gatherPatchesBF16_AVX2),
    quantizeRows: quantizeRowsI8_AVX2, fold: foldF32_AVX2, softmax: softmaxF32_AVX2, pool: poolF32_AVX2,
    elementary: elementaryF32_AVX2,
    farthestPoints: farthestPointsF32_AVX2, nearestPoints: nearestPointsF32_AVX2, mixRows: mixRowsF32_AVX2)

  private static let avx512 = KernelTable(
    panelColumns: AVX512.panelColumns, tileRows: AVX512.tileRows,
    blocking: .here(panelColumns: AVX512.panelColumns),
    float32: ProductKernels(
      perWord: 1, gemm: gemmF32_AVX512, pack: packF32_AVX512, multiplyAdds: multiplyAddsF32_AVX512),
    bfloat16: ProductKernels(
      perWord: 2, gemm: gemmBF16_AVX512, pack: packBF16_AVX512,
      multiplyAdds: multiplyAddsBF16_AVX512),
    int8: ProductKernels(
      perWord: 2, gemm: gemmI8_AVX512, pack: packI8_AVX512, multiplyAdds: multiplyAddsI8_AVX512),
    float32Activations: ActivationKernels(
      attention: attentionF32_AVX512, attentionProbabilities: attentionProbabilitiesF32_AVX512,
      layerNorm: layerNormF32_AVX512, gatherPatches: gatherPatchesF32_AVX512),
    bfloat16Activations: ActivationKernels(
      attention: attentionBF16_AVX512, attentionProbabilities: attentionProbabilitiesBF16_AVX512,
      layerNorm: layerNormBF16_AVX512, gatherPatches: gatherPatchesBF16_AVX512),
    quantizeRows: quantizeRowsI8_AVX512, fold: foldF32_AVX512, softmax: softmaxF32_AVX512, pool: poolF32_AVX512,
    elementary: elementaryF32_AVX512,
    farthestPoints: farthestPointsF32_AVX512, nearestPoints: nearestPointsF32_AVX512, mixRows: mixRowsF32_AVX512)

  private static let avx512bf16 = KernelTable(
    panelColumns: AVX512BF16.panelColumns, tileRows: AVX512BF16.tileRows,
    blocking: .here(panelColumns: AVX512BF16.panelColumns),
    float32: ProductKernels(
      perWord: 1, gemm: gemmF32_AVX512, pack: packF32_AVX512, multiplyAdds: multiplyAddsF32_AVX512),
    bfloat16: ProductKernels(
      perWord: 2, gemm: gemmBF16_AVX512BF16, pack: packBF16_AVX512BF16,
      multiplyAdds: multiplyAddsBF16_AVX512BF16),
    int8: ProductKernels(
      perWord: 4, gemm: gemmI8_AVX512BF16, pack: packI8_AVX512BF16, multiplyAdds: multiplyAddsI8_AVX512BF16),
    float32Activations: ActivationKernels(
      attention: attentionF32_AVX512, attentionProbabilities: attentionProbabilitiesF32_AVX512,
      layerNorm: layerNormF32_AVX512, gatherPatches: gatherPatchesF32_AVX512),
    bfloat16Activations: ActivationKernels(
      attention: attentionBF16_AVX512BF16, attentionProbabilities: attentionProbabilitiesBF16_AVX512BF16,
      layerNorm: layerNormBF16_AVX512BF16, gatherPatches: gatherPatchesBF16_AVX512BF16),
    quantizeRows: quantizeRowsI8_AVX512BF16, fold: foldF32_AVX512, softmax: softmaxF32_AVX512, pool: poolF32_AVX512,
    elementary: elementaryF32_AVX512,
    farthestPoints: farthestPointsF32_AVX512, nearestPoints: nearestPointsF32_AVX512, mixRows: mixRowsF32_AVX512)
}
