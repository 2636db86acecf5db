// Entry points of the kernels, as values. Each is a closure without captures, written once: a set's module instantiates
// them with its tag, which compiles every kernel with the flags of that module and puts the tag into the symbol's name.
// The arguments are those of the template that the closure calls, in the same order; contracts are at the templates.
//
// SAFETY: kernels check nothing. Callers pass buffers of the sizes that the template states.

/// The matrix products of one format.
public struct ProductKernels: Sendable {
  /// Elements of a word.
  public let perWord: Int
  /// C = epilogue(A B): `gemm` (GEMM.swift).
  public let gemm: @Sendable (UnsafePointer<GEMMArguments>, Span1D, Span1D, Int, UnsafeMutableRawPointer) -> Void
  /// Weights to panels: `pack` (Packing.swift).
  public let pack:
    @Sendable (
      UnsafePointer<Float>, Int, Int, UnsafePointer<FoldTerm>, Int, Span1D, UnsafePointer<PackedPanels>,
      UnsafeMutableRawPointer
    ) -> Void
  /// The peak of the processor: `multiplyAdds` (MultiplyAdds.swift).
  public let multiplyAdds: @Sendable (Int, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void

  @inlinable @inline(__always)
  init<F: TileFormat>(_: F.Type) {
    perWord = F.perWord
    gemm = { g, panels, rows, kBlock, scratch in
      PathwayKernelTemplates.gemm(F.self, g.pointee, panels: panels, rows: rows, kBlock: kBlock, scratch: scratch)
    }
    pack = { weight, n, k, terms, termCount, panels, destination, scratch in
      PathwayKernelTemplates.pack(
        F.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels,
        into: destination.pointee, scratch: scratch)
    }
    multiplyAdds = { steps, operands, sums in
      PathwayKernelTemplates.multiplyAdds(F.self, steps: steps, operands: operands, sums: sums)
    }
  }

  /// Words of `count` elements.
  @inlinable
  public func words(_ count: Int) -> Int { (count + perWord - 1) / perWord }
}

/// The kernels that read or write activations of one format, float32 or bfloat16.
public struct ActivationKernels: Sendable {
  /// softmax(Q K^T / sqrt D) V of one head: `attention` (Attention.swift).
  public let attention: @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>) -> Void
  /// softmax(Q K^T / sqrt D) of one head: `attentionProbabilities` (Attention.swift).
  public let attentionProbabilities:
    @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) ->
      Void
  /// `layerNorm` (Normalization.swift).
  public let layerNorm:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Span1D, Int, UnsafePointer<Float>,
      UnsafePointer<Float>, Float
    ) -> Void
  /// Images to rows of patches: `gatherPatches` (Patches.swift).
  public let gatherPatches:
    @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, Int, Span1D, UnsafeMutableRawPointer, Int) -> Void

  @inlinable @inline(__always)
  init<F: TileFormat>(_: F.Type) {
    attention = { x, queries, scratch in
      PathwayKernelTemplates.attention(F.self, x.pointee, queries: queries, scratch: scratch)
    }
    attentionProbabilities = { x, queries, probabilities, scratch in
      PathwayKernelTemplates.attentionProbabilities(
        F.self, x.pointee, queries: queries, probabilities: probabilities, scratch: scratch)
    }
    layerNorm = { x, xStride, y, yStride, rows, width, gamma, beta, epsilon in
      PathwayKernelTemplates.layerNorm(
        F.self, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width, gamma: gamma, beta: beta,
        epsilon: epsilon)
    }
    gatherPatches = { image, channels, height, width, patchHeight, patchWidth, patches, rows, stride in
      PathwayKernelTemplates.gatherPatches(
        F.self, image: image, channels: channels, height: height, width: width, patchHeight: patchHeight,
        patchWidth: patchWidth, patches: patches, rows: rows, stride: stride)
    }
  }
}
