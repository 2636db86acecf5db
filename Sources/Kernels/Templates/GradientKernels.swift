/// The kernels of backward passes, in float32: entry points in the form of ProductKernels.swift.
public struct GradientKernels: Sendable {
  /// W in panels for products with rows of dY: `packRows` (WeightGradient.swift).
  public let packRows:
    @Sendable (UnsafePointer<Float>, Int, Int, UnsafePointer<FoldTerm>, Int, Span1D, UnsafeMutablePointer<Float>) ->
      Void
  /// A block of dW += dY^T X: `weightGradient` (WeightGradient.swift).
  public let weightGradient:
    @Sendable (UnsafePointer<WeightGradientArguments>, Span1D, Span1D, UnsafeMutablePointer<Float>) -> Void
  /// A sum over rows: `addRows` (WeightGradient.swift).
  public let addRows: @Sendable (UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// `attentionGradient` (AttentionGradient.swift).
  public let attention: @Sendable (UnsafePointer<AttentionGradientArguments>, UnsafeMutablePointer<Float>) -> Void
  /// `layerNormGradient` (RowGradients.swift).
  public let layerNorm:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, UnsafePointer<Float>?,
      Span1D, Int, UnsafePointer<Float>, Float, UnsafeMutablePointer<Float>
    ) -> Void
  /// LayerScale and drop path: `branchGradient` (RowGradients.swift).
  public let branch: @Sendable (UnsafePointer<BranchGradientArguments>, Span1D, UnsafeMutablePointer<Float>) -> Void
  /// `geluRows` (RowGradients.swift).
  public let geluRows: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Span1D, Int) -> Void
  /// `geluGradientRows` (RowGradients.swift).
  public let geluGradientRows:
    @Sendable (
      UnsafePointer<Float>, Float, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Span1D, Int
    ) -> Void
  /// `poolGradient` (RowGradients.swift).
  public let pool:
    @Sendable (
      UnsafePointer<Float>, Float, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int, Int, Bool
    ) -> Void

  @inlinable @inline(__always)
  init<I: ISA>(_: I.Type) {
    packRows = { weight, n, k, terms, termCount, panels, destination in
      PathwayKernelTemplates.packRows(
        I.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels, into: destination)
    }
    weightGradient = { g, outputs, inputs, scratch in
      PathwayKernelTemplates.weightGradient(I.self, g.pointee, outputs: outputs, inputs: inputs, scratch: scratch)
    }
    addRows = { x, xStride, rows, width, result in
      PathwayKernelTemplates.addRows(I.self, x: x, xStride: xStride, rows: rows, width: width, into: result)
    }
    attention = { g, scratch in PathwayKernelTemplates.attentionGradient(I.self, g.pointee, scratch: scratch) }
    layerNorm = { x, xStride, dy, dyStride, dx, dxStride, residual, rows, width, gain, epsilon, sums in
      PathwayKernelTemplates.layerNormGradient(
        I.self, x: x, xStride: xStride, dy: dy, dyStride: dyStride, dx: dx, dxStride: dxStride, residual: residual,
        rows: rows, width: width, gain: gain, epsilon: epsilon, sums: sums)
    }
    branch = { x, rows, sums in PathwayKernelTemplates.branchGradient(I.self, x.pointee, rows: rows, sums: sums) }
    geluRows = { x, y, stride, rows, width in
      PathwayKernelTemplates.geluRows(I.self, x: x, y: y, stride: stride, rows: rows, width: width)
    }
    geluGradientRows = { gradient, scale, x, dx, stride, rows, width in
      PathwayKernelTemplates.geluGradientRows(
        I.self, gradient: gradient, scale: scale, x: x, dx: dx, stride: stride, rows: rows, width: width)
    }
    pool = { gradient, scale, x, xStride, dx, dxStride, rows, width, takesMaximum in
      PathwayKernelTemplates.poolGradient(
        I.self, gradient: gradient, scale: scale, x: x, xStride: xStride, dx: dx, dxStride: dxStride, rows: rows,
        width: width, takesMaximum: takesMaximum)
    }
  }
}
