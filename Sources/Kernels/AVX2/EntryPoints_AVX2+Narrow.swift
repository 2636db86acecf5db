import PathwayKernelTemplates

// Entry points of the AVX2 kernels in bfloat16 and int8. Contracts: the templates.

@inline(never)
public func gemmBF16_AVX2(
  _ g: UnsafePointer<GEMMArguments>, _ panels: Span1D, _ rows: Span1D, _ kBlock: Int,
  _ scratch: UnsafeMutableRawPointer
) {
  gemm(BFloat16Format<AVX2>.self, g.pointee, panels: panels, rows: rows, kBlock: kBlock, scratch: scratch)
}

@inline(never)
public func packBF16_AVX2(
  _ weight: UnsafePointer<Float>, _ n: Int, _ k: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int,
  _ panels: Span1D, _ destination: UnsafePointer<PackedPanels>, _ scratch: UnsafeMutableRawPointer
) {
  pack(
    BFloat16Format<AVX2>.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels,
    into: destination.pointee, scratch: scratch)
}

@inline(never)
public func attentionBF16_AVX2(
  _ x: UnsafePointer<AttentionArguments>, _ queries: Span1D, _ scratch: UnsafeMutablePointer<Float>
) {
  attention(BFloat16Format<AVX2>.self, x.pointee, queries: queries, scratch: scratch)
}

@inline(never)
public func attentionProbabilitiesBF16_AVX2(
  _ x: UnsafePointer<AttentionArguments>, _ queries: Span1D, _ probabilities: UnsafeMutablePointer<Float>,
  _ scratch: UnsafeMutablePointer<Float>
) {
  attentionProbabilities(
    BFloat16Format<AVX2>.self, x.pointee, queries: queries, probabilities: probabilities, scratch: scratch)
}

@inline(never)
public func layerNormBF16_AVX2(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutableRawPointer, _ yStride: Int, _ rows: Span1D,
  _ width: Int, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>, _ epsilon: Float
) {
  layerNorm(
    BFloat16Format<AVX2>.self, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width, gamma: gamma,
    beta: beta, epsilon: epsilon)
}

/// Patches to rows of bfloat16; `stride` in words, the rest as in `gatherPatches`.
@inline(never)
public func gatherPatchesBF16_AVX2(
  _ image: UnsafePointer<Float>, _ channels: Int, _ height: Int, _ width: Int, _ patchHeight: Int, _ patchWidth: Int,
  _ patches: Span1D, _ rows: UnsafeMutableRawPointer, _ stride: Int
) {
  gatherPatches(
    BFloat16Format<AVX2>.self, image: image, channels: channels, height: height, width: width,
    patchHeight: patchHeight, patchWidth: patchWidth, patches: patches, rows: rows, stride: stride)
}

@inline(never)
public func multiplyAddsBF16_AVX2(
  _ steps: Int, _ operands: UnsafeRawPointer, _ sums: UnsafeMutableRawPointer
) {
  multiplyAdds(BFloat16Format<AVX2>.self, steps: steps, operands: operands, sums: sums)
}

@inline(never)
public func gemmI8_AVX2(
  _ g: UnsafePointer<GEMMArguments>, _ panels: Span1D, _ rows: Span1D, _ kBlock: Int,
  _ scratch: UnsafeMutableRawPointer
) {
  gemm(Int8Format<AVX2>.self, g.pointee, panels: panels, rows: rows, kBlock: kBlock, scratch: scratch)
}

@inline(never)
public func packI8_AVX2(
  _ weight: UnsafePointer<Float>, _ n: Int, _ k: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int,
  _ panels: Span1D, _ destination: UnsafePointer<PackedPanels>, _ scratch: UnsafeMutableRawPointer
) {
  pack(
    Int8Format<AVX2>.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels,
    into: destination.pointee, scratch: scratch)
}

@inline(never)
public func quantizeRowsI8_AVX2(
  _ x: UnsafeRawPointer, _ xStride: Int, _ isBFloat16: Bool, _ y: UnsafeMutableRawPointer, _ yStride: Int,
  _ rows: Span1D, _ width: Int, _ scales: UnsafeMutablePointer<RowScale>
) {
  quantizeRows(
    AVX2.self, x: x, xStride: xStride, isBFloat16: isBFloat16, y: y, yStride: yStride, rows: rows, width: width,
    scales: scales)
}

@inline(never)
public func multiplyAddsI8_AVX2(
  _ steps: Int, _ operands: UnsafeRawPointer, _ sums: UnsafeMutableRawPointer
) {
  multiplyAdds(Int8Format<AVX2>.self, steps: steps, operands: operands, sums: sums)
}
