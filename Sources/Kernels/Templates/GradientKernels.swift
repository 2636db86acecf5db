/// The kernels of backward passes of layers in one format: entry points in the form of ProductKernels.swift. Operands
/// of products are in the format; gradients of parameters and of the residual stream are float32.
public struct GradientKernels: Sendable {
  /// W in panels for products with rows of dY: `packRows` (WeightGradient.swift).
  public let packRows:
    @Sendable (UnsafePointer<Float>, Int, Int, UnsafePointer<FoldTerm>, Int, Span1D, UnsafeMutableRawPointer) -> Void
  /// A block of dW += dY^T X: `weightGradient` (WeightGradient.swift).
  public let weightGradient:
    @Sendable (UnsafePointer<WeightGradientArguments>, Span1D, Span1D, UnsafeMutablePointer<Float>) -> Void
  /// A sum over rows: `addRows` (WeightGradient.swift).
  public let addRows: @Sendable (UnsafeRawPointer, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// Rows of float32 in the format: `copyRows` (WeightGradient.swift).
  public let copyRows: @Sendable (UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Span1D, Int) -> Void
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
  public let geluRows: @Sendable (UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Span1D, Int) -> Void
  /// `geluGradientRows` (RowGradients.swift).
  public let geluGradientRows:
    @Sendable (
      UnsafePointer<Float>, Float, UnsafePointer<Float>, Int, UnsafeMutableRawPointer, Int, Span1D, Int
    ) -> Void
  /// `poolGradient` (RowGradients.swift).
  public let pool:
    @Sendable (
      UnsafePointer<Float>, Float, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int, Int, Bool
    ) -> Void

  @inlinable @inline(__always)
  init<F: TileFormat>(_: F.Type) {
    typealias I = F.I
    packRows = { weight, n, k, terms, termCount, panels, destination in
      PathwayKernelTemplates.packRows(
        F.self, weight: weight, n: n, k: k, terms: terms, termCount: termCount, panels: panels, into: destination)
    }
    weightGradient = { g, outputs, inputs, scratch in
      PathwayKernelTemplates.weightGradient(F.self, g.pointee, outputs: outputs, inputs: inputs, scratch: scratch)
    }
    addRows = { x, xStride, rows, width, result in
      PathwayKernelTemplates.addRows(F.self, x: x, xStride: xStride, rows: rows, width: width, into: result)
    }
    copyRows = { x, xStride, y, yStride, rows, width in
      PathwayKernelTemplates.copyRows(
        F.self, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width)
    }
    attention = { g, scratch in PathwayKernelTemplates.attentionGradient(F.self, g.pointee, scratch: scratch) }
    layerNorm = { x, xStride, dy, dyStride, dx, dxStride, residual, rows, width, gain, epsilon, sums in
      PathwayKernelTemplates.layerNormGradient(
        I.self, x: x, xStride: xStride, dy: dy, dyStride: dyStride, dx: dx, dxStride: dxStride, residual: residual,
        rows: rows, width: width, gain: gain, epsilon: epsilon, sums: sums)
    }
    branch = { x, rows, sums in PathwayKernelTemplates.branchGradient(F.self, x.pointee, rows: rows, sums: sums) }
    geluRows = { x, xStride, y, yStride, rows, width in
      PathwayKernelTemplates.geluRows(
        F.self, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width)
    }
    geluGradientRows = { gradient, scale, x, xStride, dx, dxStride, rows, width in
      PathwayKernelTemplates.geluGradientRows(
        F.self, gradient: gradient, scale: scale, x: x, xStride: xStride, dx: dx, dxStride: dxStride, rows: rows,
        width: width)
    }
    pool = { gradient, scale, x, xStride, dx, dxStride, rows, width, takesMaximum in
      PathwayKernelTemplates.poolGradient(
        I.self, gradient: gradient, scale: scale, x: x, xStride: xStride, dx: dx, dxStride: dxStride, rows: rows,
        width: width, takesMaximum: takesMaximum)
    }
  }
}
