/// The kernels of one instruction set, and the blocks that they divide products into.
///
/// Only a set's own module makes one (`AVX2.kernels`), with that set's tag. See ProductKernels.swift for the form.
public struct KernelTable: Sendable {
  /// Columns of a packed panel, NR.
  public let panelColumns: Int
  /// Rows of the tallest register tile of any format, MR.
  public let tileRows: Int
  /// Words of K that a pass over a panel covers, KC. 0 until `Blocking` sets it for the caches of the processor.
  public var kBlock = 0
  /// Most rows of C that an item of work covers, MC. 0 until `Blocking` sets it.
  public var rowBlock = 0
  /// Whether a product fetches the next panel while it computes one. `Blocking` sets it.
  public var fetchesPanels = false

  public let float32: ProductKernels
  public var bfloat16: ProductKernels
  public var int8: ProductKernels
  public let float32Activations: ActivationKernels
  public var bfloat16Activations: ActivationKernels
  /// Of backward passes of layers in float32.
  public let gradients: GradientKernels
  /// The same of layers in bfloat16.
  public var bfloat16Gradients: GradientKernels
  /// Of point transformers in training, in float32.
  public let pointTraining: PointTrainingKernels

  /// Activations to int8: `quantizeRows` (Normalization.swift).
  public var quantizeRows: QuantizeRows
  public typealias QuantizeRows =
    @Sendable (
      UnsafeRawPointer, Int, Bool, UnsafeMutableRawPointer, Int, Span1D, Int, UnsafeMutablePointer<RowScale>
    ) -> Void
  /// softmax(Q K^T / sqrt D) V of one head in int8: `integerAttention` (IntegerAttention.swift).
  public var integerAttention: IntegerAttention
  /// Attention of some queries of a head, with a thread's scratch.
  public typealias IntegerAttention =
    @Sendable (UnsafePointer<AttentionArguments>, Span1D, UnsafeMutablePointer<Float>) -> Void
  /// W + sum lambda_m W'_m: `fold` (Packing.swift).
  public let fold:
    @Sendable (UnsafePointer<Float>, UnsafePointer<FoldTerm>, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// `softmax` (Normalization.swift).
  public let softmax: @Sendable (UnsafeMutablePointer<Float>, Int) -> Void
  /// Mean or maximum over rows: `pool` (Normalization.swift).
  public let pool: @Sendable (UnsafePointer<Float>, Int, Int, Int, Bool, UnsafeMutablePointer<Float>) -> Void
  /// One function of VectorMath.swift over a multiple of the lanes, for the error bounds that tests check.
  public let elementary: @Sendable (Elementary, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  /// `farthestPoints` (Points.swift).
  public let farthestPoints:
    @Sendable (PointArrays, Int, Float, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) -> Void
  /// `nearestPoints` (NearestPoints.swift).
  public let nearestPoints:
    @Sendable (
      PointArrays, Place, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>
    ) -> Void
  /// `mixRows` (Points.swift).
  public let mixRows:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Int32>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void

  /// Every kernel with one tag.
  @inlinable @inline(__always)
  public init<I: ISA>(_: I.Type) {
    panelColumns = I.panelColumns
    tileRows = Float32Format<I>.tileRows
    float32 = ProductKernels(Float32Format<I>.self)
    bfloat16 = ProductKernels(BFloat16Format<I>.self)
    int8 = ProductKernels(Int8Format<I>.self)
    float32Activations = ActivationKernels(Float32Format<I>.self)
    bfloat16Activations = ActivationKernels(BFloat16Format<I>.self)
    gradients = GradientKernels(Float32Format<I>.self)
    bfloat16Gradients = GradientKernels(BFloat16Format<I>.self)
    pointTraining = PointTrainingKernels(I.self)
    quantizeRows = Self.quantizeRows(I.self)
    integerAttention = Self.integerAttention(I.self)
    fold = { weight, terms, termCount, count, destination in
      PathwayKernelTemplates.fold(
        I.self, weight: weight, terms: terms, termCount: termCount, count: count, into: destination)
    }
    softmax = { row, count in PathwayKernelTemplates.softmax(I.self, row, count: count) }
    pool = { x, xStride, rows, width, takesMaximum, result in
      PathwayKernelTemplates.pool(
        I.self, x: x, xStride: xStride, rows: rows, width: width, takesMaximum: takesMaximum, into: result)
    }
    elementary = { function, x, y, count in PathwayKernelTemplates.elementary(I.self, function, x, y, count) }
    farthestPoints = { points, samples, excluded, distances, indices in
      PathwayKernelTemplates.farthestPoints(
        I.self, points, samples: samples, excluded: excluded, distances: distances, into: indices)
    }
    nearestPoints = { points, place, neighbours, distances, indices, scratch in
      PathwayKernelTemplates.nearestPoints(
        I.self, points, to: place, neighbours: neighbours, distances: distances, into: indices, scratch: scratch)
    }
    mixRows = { rows, stride, indices, weights, width, y in
      PathwayKernelTemplates.mixRows(
        I.self, rows, stride: stride, indices: indices, weights: weights, width: width, into: y)
    }
  }

  /// The kernels of `base`, and those of the tag in int8: for a set that adds only products of int8. Both have the same
  /// lanes.
  @inlinable @inline(__always)
  public init<I: ISA>(_ base: KernelTable, int8 _: I.Type) {
    self = base
    int8 = ProductKernels(Int8Format<I>.self)
    quantizeRows = Self.quantizeRows(I.self)
    integerAttention = Self.integerAttention(I.self)
  }

  /// The same for a set that adds products of bfloat16 too.
  @inlinable @inline(__always)
  public init<I: ISA>(_ base: KernelTable, narrow _: I.Type) {
    self.init(base, int8: I.self)
    bfloat16 = ProductKernels(BFloat16Format<I>.self)
    bfloat16Activations = ActivationKernels(BFloat16Format<I>.self)
    bfloat16Gradients = GradientKernels(BFloat16Format<I>.self)
  }

  @inlinable @inline(__always)
  static func quantizeRows<I: ISA>(_: I.Type) -> QuantizeRows {
    { x, xStride, isBFloat16, y, yStride, rows, width, scales in
      PathwayKernelTemplates.quantizeRows(
        I.self, x: x, xStride: xStride, isBFloat16: isBFloat16, y: y, yStride: yStride, rows: rows, width: width,
        scales: scales)
    }
  }

  @inlinable @inline(__always)
  static func integerAttention<I: ISA>(_: I.Type) -> IntegerAttention {
    { x, queries, scratch in
      PathwayKernelTemplates.integerAttention(I.self, x.pointee, queries: queries, scratch: scratch)
    }
  }
}
