import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Part segmentation (Point-MAE's model for ShapeNetPart): a class for every point of a cloud.
///
/// Outputs of several blocks are concatenated; every point gets those of its 3 nearest centres, weighted by inverse
/// squared distance (feature propagation; Qi et al. 2017, arXiv 1706.02413), and its coordinates; next to them are the
/// features' maximum and mean over the groups and the category's embedding. Layers on every point follow, and a
/// log-softmax.
///
/// Two products are moved where rows are few, which changes their rounding alone: the first propagation layer is
/// computed of the centres and its result mixed, since both are linear; what all points of a cloud share is multiplied
/// once a cloud. Of the 21.4 GFLOP of a cloud of 2,048 points (C = 384), 9.7 remain.
package struct PartHead: Head {
  let c: VisionTransformerConfiguration
  let p: PartConfiguration
  /// P and G.
  let pointCount: Int
  let groups: Int
  /// The category's embedding: LeakyReLU of one column, with slope 0.2.
  let label: PointwiseLinear
  /// Of a point's coordinates and the features around it.
  let propagation: [PointwiseLinear]
  /// Of the propagated features, the features' maximum and mean, and the category's embedding.
  let joined: PointwiseLinear
  let third: PointwiseLinear
  let last: PointwiseLinear

  /// - Parameters:
  ///   - scope: the model's root.
  ///   - c: a valid configuration, of points.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, _ p: PartConfiguration) {
    self.c = c
    self.p = p
    (pointCount, groups) = (c.points?.points ?? 0, c.patchCount)
    let propagated = p.propagation(width: c.width)
    let features = p.featureBlocks.count * c.width
    label = PointwiseLinear(
      scope, "label_conv.0", p.categories.count, p.categoryWidth, hasBias: false, norm: "label_conv.1")
    propagation = [3 + features, propagated[0]].enumerated().map { index, columns in
      PointwiseLinear(
        scope("propagation_0"), "mlp_convs.\(index)", columns, propagated[index], norm: "mlp_bns.\(index)")
    }
    joined = PointwiseLinear(
      scope, "convs1", propagated[1] + 2 * features + p.categoryWidth, p.pointWidths[0], norm: "bns1")
    third = PointwiseLinear(scope, "convs2", p.pointWidths[0], p.pointWidths[1], norm: "bns2")
    last = PointwiseLinear(scope, "convs3", p.pointWidths[1], c.classCount)
  }

  /// Channels of the blocks' features side by side.
  var featureWidth: Int { p.featureBlocks.count * c.width }
  /// Channels of the propagated features.
  var ownWidth: Int { propagation[1].outputs }

  /// As they are computed.
  var products: Double {
    let perPoint = Double(
      3 * propagation[0].outputs + propagation[1].inputs * propagation[1].outputs + ownWidth * joined.outputs
        + third.inputs * third.outputs + last.inputs * last.outputs)
    return Double(groups) * Double(featureWidth * propagation[0].outputs) + Double(2 * featureWidth * joined.outputs)
      + Double(pointCount) * perPoint
  }
  var linears: [Linear] { [] }

  func weightBytes(_ loader: WeightLoader) throws -> Int {
    let parts = [
      (propagation[0].outputs, featureWidth), (propagation[0].outputs, 3), (ownWidth, propagation[1].inputs),
      (joined.outputs, ownWidth), (joined.outputs, 2 * featureWidth), (third.outputs, third.inputs),
      (last.outputs, last.inputs),
    ]
    return parts.reduce(4 * (p.categories.count + 1) * joined.outputs) { $0 + loader.byteCount($1.0, $1.1) }
  }

  func needs(_ kernels: KernelTable) -> WorkspaceNeeds {
    WorkspaceNeeds(scratch: LinearProduct.scratchCount(kernels, k: featureWidth))
  }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedHead {
    let (even, odd) = Self.strides(c, p)
    return Loaded(
      c: c, p: p, pointCount: pointCount, groups: groups, layers: try loader.made(layers), evenStride: even,
      oddStride: odd, products: products)
  }

  /// The layers with their batch norms folded in.
  private func layers(_ values: ParameterValues) throws -> Layers {
    func folded(_ layer: PointwiseLinear) throws -> FoldedWeights { try FoldedWeights(layer, values.read) }
    func packed(_ weight: [Double], _ n: Int, _ bias: [Double]?) throws -> FoldedLayer {
      try FoldedLayer(weight, n: n, bias: bias, engine: values.engine)
    }
    let spread = try folded(propagation[0])
    let joined = try folded(self.joined)
    let cloud = ownWidth..<joined.columns - p.categoryWidth
    return Layers(
      ofFeatures: try packed(spread.part(3..<spread.columns), spread.rows, nil),
      ofCoordinates: try packed(spread.part(0..<3), spread.rows, spread.bias),
      second: try FoldedLayer(folded(propagation[1]), engine: values.engine),
      ofPoint: try packed(joined.part(0..<ownWidth), joined.rows, nil),
      ofCloud: try packed(joined.part(cloud), joined.rows, nil),
      categories: try Self.shares(folded(label), joined, cloud.upperBound..<joined.columns),
      third: try FoldedLayer(folded(third), engine: values.engine),
      last: try FoldedLayer(folded(last), engine: values.engine))
  }

  /// A per-point head needs points, and the reference begins with tokens.
  func reference(_: ReferencePass, _: DoubleBuffer, rows _: Int) throws -> DoubleBuffer? { nil }

  /// The columns `range` of `layer` times every category's embedding, LeakyReLU(W e + b) with slope 0.2, plus bias.
  private static func shares(_ label: FoldedWeights, _ layer: FoldedWeights, _ range: Range<Int>) throws -> FloatBuffer
  {
    let part = layer.part(range)
    let rows = (0...label.columns).flatMap { category in
      let embedding = (0..<label.rows).map { row in
        let value = (category < label.columns ? label.weight[row * label.columns + category] : 0) + label.bias[row]
        return value > 0 ? value : 0.2 * value
      }
      return (0..<layer.rows).map { row in
        Float(embedding.indices.reduce(layer.bias[row]) { $0 + embedding[$1] * part[row * label.rows + $1] })
      }
    }
    return FloatBuffer(copying: rows)
  }

  /// Points of an item of work: their activations stay in L2.
  fileprivate static let rows = 128

  /// Floats of scratch of every thread.
  static func scratchCount(_ c: VisionTransformerConfiguration, _ p: PartConfiguration, _ kernels: KernelTable) -> Int {
    let (even, odd) = strides(c, p)
    return rows * (even + odd) + FoldedLayer.scratchCount(kernels, rows: rows) + 8
      + nearestScratchCount(neighbours: 3)
  }

  private static func strides(_ c: VisionTransformerConfiguration, _ p: PartConfiguration) -> (even: Int, odd: Int) {
    let widths = p.propagation(width: c.width) + p.pointWidths
    return (Workspace.padded(max(widths[0], widths[2])), Workspace.padded(max(widths[1], widths[3])))
  }
}

// MARK: - Forward

extension PartHead {
  /// Replaces 3 squared distances d by their shares, 1 / (d + 1e-8) over the sum of all three.
  package static func turnIntoShares(_ squares: UnsafeMutablePointer<Float>) {
    for index in 0..<3 { squares[index] = 1 / (squares[index] + 1e-8) }
    let total = squares[0] + squares[1] + squares[2]
    for index in 0..<3 { squares[index] /= total }
  }
}

extension PartHead {
  fileprivate struct Layers: Sendable {
    /// Propagation's first layer: of the centres' features, without bias, and of the point's coordinates.
    let ofFeatures: FoldedLayer
    let ofCoordinates: FoldedLayer
    let second: FoldedLayer
    /// The per-point MLP's first layer: of the propagated features, and of what a cloud's points share.
    let ofPoint: FoldedLayer
    let ofCloud: FoldedLayer
    /// What the category adds to that layer, bias included, (categories + 1, w); the last row is for none.
    let categories: FloatBuffer
    let third: FoldedLayer
    let last: FoldedLayer
  }

  /// The head with its weights in memory.
  struct Loaded: LoadedHead {
    fileprivate let c: VisionTransformerConfiguration
    fileprivate let p: PartConfiguration
    fileprivate let pointCount: Int
    fileprivate let groups: Int
    fileprivate let layers: MadePart<Layers>
    fileprivate let evenStride: Int
    fileprivate let oddStride: Int
    /// Multiply-adds of a cloud.
    fileprivate let products: Double

    /// Of all packed weights.
    var weightBytes: Int {
      let l = layers.part
      return FoldedLayer.byteCount([
        l.ofFeatures, l.ofCoordinates, l.second, l.ofPoint, l.ofCloud, l.third, l.last,
      ])
    }
    var featureBlocks: [Int] { p.featureBlocks }

    func work(batch: Int, _: KernelTable) -> ForwardWork {
      let features = groups * p.featureBlocks.count * c.width
      var work = ForwardWork.moving(
        batch * (pointCount * 3 + features + pointCount * c.classCount), weights: weightBytes)
      work.operations = 2 * Double(batch) * products
      return work
    }

    /// Log-probabilities, (B, P, classes) in `w.logits`, of the blocks' features and the clouds, (B, P, 3).
    func run(
      _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>?, _ w: Workspace.Buffers
    ) {
      guard let clouds = inputs, let buffers = w.points else { return }
      let l = layers.part
      let scratch = buffers.scratch + member.index * buffers.scratchStride
      LinearProduct.run(
        &member, kernels, weight: .packed(l.ofFeatures.matrix), a: buffers.features, lda: buffers.featureStride,
        m: w.batch * w.tokens, c: buffers.propagated, ldc: buffers.propagatedStride, epilogue: Epilogue(),
        scratch: w.scratch(member))
      let width = l.ofFeatures.matrix.k
      member.parallelFor(w.batch) { cloud in
        let features = buffers.features + cloud * w.tokens * buffers.featureStride
        let global = buffers.global + cloud * 2 * width
        kernels.pool(features, buffers.featureStride, w.tokens, width, true, global)
        kernels.pool(features, buffers.featureStride, w.tokens, width, false, global + width)
        let number = Int(buffers.categories[cloud])
        let n = l.ofCloud.matrix.n
        let row = p.categories.indices.contains(number) ? number : p.categories.count
        l.ofCloud.run(
          kernels, global, lda: 2 * width, rows: 1, buffers.shared + cloud * n, ldc: n,
          addend: l.categories.base + row * n, scratch: scratch)
      }
      let pieces = (pointCount + PartHead.rows - 1) / PartHead.rows
      member.parallelFor(w.batch * pieces) { item in
        let start = item % pieces * PartHead.rows
        points(
          kernels, clouds, item / pieces, Span1D(start, min(pointCount, start + PartHead.rows)), w, buffers, scratch)
      }
    }

    private func points(
      _ kernels: KernelTable, _ clouds: UnsafePointer<Float>, _ cloud: Int, _ range: Span1D, _ w: Workspace.Buffers,
      _ buffers: PointBuffers, _ scratch: UnsafeMutablePointer<Float>
    ) {
      let l = layers.part
      let rows = range.end - range.start
      let even = scratch
      let odd = even + PartHead.rows * evenStride
      let sums = odd + PartHead.rows * oddStride
      let few = sums + FoldedLayer.scratchCount(kernels, rows: PartHead.rows)
      let centers = buffers.centers(cloud).points
      let propagated = buffers.propagated + cloud * w.tokens * buffers.propagatedStride
      let coordinates = clouds + (cloud * pointCount + range.start) * 3
      for row in 0..<rows {
        let place = Place(x: coordinates[3 * row], y: coordinates[3 * row + 1], z: coordinates[3 * row + 2])
        mix(
          kernels, place, centers, propagated, buffers.propagatedStride, l.ofFeatures.matrix.n,
          into: even + row * evenStride, few)
      }
      l.ofCoordinates.run(
        kernels, coordinates, lda: 3, rows: rows, even, ldc: evenStride, addend: even, addendStride: evenStride,
        relu: true, scratch: sums)
      l.second.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, relu: true, scratch: sums)
      l.ofPoint.run(
        kernels, odd, lda: oddStride, rows: rows, even, ldc: evenStride,
        addend: buffers.shared + cloud * l.ofPoint.matrix.n,
        relu: true, scratch: sums)
      l.third.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, relu: true, scratch: sums)
      let logits = w.logits + (cloud * pointCount + range.start) * c.classCount
      l.last.run(kernels, odd, lda: oddStride, rows: rows, logits, ldc: c.classCount, scratch: sums)
      for row in 0..<rows { Self.logSoftmax(logits + row * c.classCount, c.classCount) }
    }

    /// The centres' rows, mixed by the inverse squared distances of the 3 nearest.
    private func mix(
      _ kernels: KernelTable, _ place: Place, _ centers: PointArrays, _ rows: UnsafePointer<Float>, _ stride: Int,
      _ width: Int, into target: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
    ) {
      // SAFETY: floats of this thread: 4 for distances, 4 for integers that nothing reads as floats, the search's own.
      let nearest = UnsafeMutableRawPointer(scratch + 4).bindMemory(to: Int32.self, capacity: 3)
      kernels.nearestPoints(centers, place, 3, scratch, nearest, scratch + 8)
      PartHead.turnIntoShares(scratch)
      kernels.mixRows(rows, stride, nearest, scratch, width, target)
    }

    static func logSoftmax(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
      var top = row[0]
      for index in 1..<max(1, count) { top = max(top, row[index]) }
      var total: Float = 0
      for index in 0..<count { total += exp(row[index] - top) }
      let shift = top + log(total)
      for index in 0..<count { row[index] -= shift }
    }
  }
}
