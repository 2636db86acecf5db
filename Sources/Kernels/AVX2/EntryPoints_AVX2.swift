import PathwayKernelTemplates

// Entry points of the AVX2 kernels in float32: not generic, never inlined, named after their instruction set.
// Contracts: the templates.

@inline(never)
public func gemmF32_AVX2(
  _ g: UnsafePointer<GEMMArguments>, _ panels: Span1D, _ rows: Span1D, _ kBlock: Int,
  _ scratch: UnsafeMutableRawPointer
) {
  gemm(Float32Format<AVX2>.self, g.pointee, panels: panels, rows: rows, kBlock: kBlock, scratch: scratch)
}

@inline(never)
public func packF32_AVX2(
  _ weight: UnsafePointer<Float>, _ n: Int, _ k: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int,
  _ panels: Span1D, _ destination: UnsafePointer<PackedPanels>, _ scratch: UnsafeMutableRawPointer
) {
  pack(
    Float32Format<AVX2>.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels,
    into: destination.pointee, scratch: scratch)
}

@inline(never)
public func foldF32_AVX2(
  _ weight: UnsafePointer<Float>, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int, _ count: Int,
  _ destination: UnsafeMutablePointer<Float>
) {
  fold(AVX2.self, weight: weight, terms: terms, termCount: termCount, count: count, into: destination)
}

@inline(never)
public func attentionF32_AVX2(
  _ x: UnsafePointer<AttentionArguments>, _ queries: Span1D, _ scratch: UnsafeMutablePointer<Float>
) {
  attention(Float32Format<AVX2>.self, x.pointee, queries: queries, scratch: scratch)
}

@inline(never)
public func attentionProbabilitiesF32_AVX2(
  _ x: UnsafePointer<AttentionArguments>, _ queries: Span1D, _ probabilities: UnsafeMutablePointer<Float>,
  _ scratch: UnsafeMutablePointer<Float>
) {
  attentionProbabilities(
    Float32Format<AVX2>.self, x.pointee, queries: queries, probabilities: probabilities, scratch: scratch)
}

@inline(never)
public func layerNormF32_AVX2(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutableRawPointer, _ yStride: Int, _ rows: Span1D,
  _ width: Int, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>, _ epsilon: Float
) {
  layerNorm(
    Float32Format<AVX2>.self, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width, gamma: gamma,
    beta: beta, epsilon: epsilon)
}

@inline(never)
public func softmaxF32_AVX2(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
  softmax(AVX2.self, row, count: count)
}

@inline(never)
public func poolF32_AVX2(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ rows: Int, _ width: Int, _ takesMaximum: Bool,
  _ result: UnsafeMutablePointer<Float>
) {
  pool(AVX2.self, x: x, xStride: xStride, rows: rows, width: width, takesMaximum: takesMaximum, into: result)
}

/// Patches to rows of float32; `stride` in words, the rest as in `gatherPatches`.
@inline(never)
public func gatherPatchesF32_AVX2(
  _ image: UnsafePointer<Float>, _ channels: Int, _ height: Int, _ width: Int, _ patchHeight: Int, _ patchWidth: Int,
  _ patches: Span1D, _ rows: UnsafeMutableRawPointer, _ stride: Int
) {
  gatherPatches(
    Float32Format<AVX2>.self, image: image, channels: channels, height: height, width: width,
    patchHeight: patchHeight, patchWidth: patchWidth, patches: patches, rows: rows, stride: stride)
}

/// One elementary function over `count` floats (a multiple of the lanes), for the error table of the tests.
@inline(never)
public func elementaryF32_AVX2(
  _ function: Elementary, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  elementary(AVX2.self, function, x, y, count)
}

@inline(never)
public func multiplyAddsF32_AVX2(
  _ steps: Int, _ operands: UnsafeRawPointer, _ sums: UnsafeMutableRawPointer
) {
  multiplyAdds(Float32Format<AVX2>.self, steps: steps, operands: operands, sums: sums)
}

@inline(never)
public func farthestPointsF32_AVX2(
  _ points: PointArrays, _ samples: Int, _ excluded: Float, _ distances: UnsafeMutablePointer<Float>,
  _ indices: UnsafeMutablePointer<Int32>
) {
  farthestPoints(
    AVX2.self, points, samples: samples, excluded: excluded, distances: distances, into: indices)
}

@inline(never)
public func nearestPointsF32_AVX2(
  _ points: PointArrays, _ place: Place, _ neighbours: Int, _ distances: UnsafeMutablePointer<Float>,
  _ indices: UnsafeMutablePointer<Int32>, _ scratch: UnsafeMutablePointer<Float>
) {
  nearestPoints(
    AVX2.self, points, to: place, neighbours: neighbours, distances: distances, into: indices, scratch: scratch)
}

@inline(never)
public func mixRowsF32_AVX2(
  _ rows: UnsafePointer<Float>, _ stride: Int, _ indices: UnsafePointer<Int32>, _ weights: UnsafePointer<Float>,
  _ width: Int, _ y: UnsafeMutablePointer<Float>
) {
  mixRows(AVX2.self, rows, stride: stride, indices: indices, weights: weights, width: width, into: y)
}
