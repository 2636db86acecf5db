/// The kernels that only point transformers need in training: entry points in the form of ProductKernels.swift.
public struct PointTrainingKernels: Sendable {
  /// `columnMoments` (BatchNorm.swift).
  public let moments: @Sendable (UnsafePointer<Float>, Int, Span1D, Int, UnsafeMutablePointer<Float>) -> Void
  /// `batchNormRows` (BatchNorm.swift).
  public let batchNorm: @Sendable (UnsafePointer<BatchNormArguments>, UnsafeMutablePointer<Float>, Int, Span1D) -> Void
  /// `batchNormSums` (BatchNorm.swift).
  public let batchNormSums:
    @Sendable (
      UnsafePointer<BatchNormArguments>, UnsafePointer<Float>, Int, Span1D, UnsafeMutablePointer<Float>
    ) -> Void
  /// `batchNormGradient` (BatchNorm.swift).
  public let batchNormGradient:
    @Sendable (
      UnsafePointer<BatchNormArguments>, UnsafePointer<Float>, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>,
      Int, Span1D
    ) -> Void
  /// `maximumGradient` (PointGradients.swift).
  public let maximumGradient:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int, Int, Bool
    ) -> Void
  /// `scatterRows` (PointGradients.swift).
  public let scatterRows:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Int32>, UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>, Int
    ) -> Void

  @inlinable @inline(__always)
  init<I: ISA>(_: I.Type) {
    moments = { x, xStride, rows, width, result in
      columnMoments(I.self, x: x, xStride: xStride, rows: rows, width: width, into: result)
    }
    batchNorm = { arguments, y, yStride, rows in
      batchNormRows(I.self, arguments.pointee, into: y, yStride: yStride, rows: rows)
    }
    batchNormSums = { arguments, dy, dyStride, rows, sums in
      PathwayKernelTemplates.batchNormSums(
        I.self, arguments.pointee, dy: dy, dyStride: dyStride, rows: rows, sums: sums)
    }
    batchNormGradient = { arguments, dy, dyStride, means, dx, dxStride, rows in
      PathwayKernelTemplates.batchNormGradient(
        I.self, arguments.pointee, dy: dy, dyStride: dyStride, means: means, dx: dx, dxStride: dxStride, rows: rows)
    }
    maximumGradient = { gradient, x, xStride, dx, dxStride, rows, width, adds in
      PathwayKernelTemplates.maximumGradient(
        I.self, gradient: gradient, x: x, xStride: xStride, dx: dx, dxStride: dxStride, rows: rows, width: width,
        adds: adds)
    }
    scatterRows = { dy, dyStride, indices, weights, count, width, rows, stride in
      PathwayKernelTemplates.scatterRows(
        I.self, dy: dy, dyStride: dyStride, indices: indices, weights: weights, count: count, width: width,
        into: rows, stride: stride)
    }
  }
}
