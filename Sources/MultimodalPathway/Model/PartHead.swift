import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// Part segmentation (Point-MAE's model for ShapeNetPart): a class for every point of a cloud.
///
/// Outputs of several blocks stand side by side; every point gets those of its 3 nearest centres, weighted by inverse
/// squared distance (feature propagation; Qi et al. 2017, arXiv 1706.02413), and its coordinates; beside them stand the
/// features' maximum and mean over the groups and the category's embedding. Layers on every point follow, and a
/// log-softmax.
///
/// Two products are moved where rows are few, which changes their rounding alone: the first propagation layer is
/// computed of the centres and its result mixed, since both are linear; what all points of a cloud share is multiplied
/// once a cloud. Of the 21.4 GFLOP of a cloud of 2,048 points (C = 384), 9.7 remain.
package struct PartHead: Sendable {
  private let c: VisionTransformerConfiguration
  private let p: PointConfiguration
  /// Propagation's first layer: of the centres' features, without bias, and of the point's coordinates.
  private let ofFeatures: FoldedLayer
  private let ofCoordinates: FoldedLayer
  private let second: FoldedLayer
  /// The per-point MLP's first layer: of the propagated features, and of what a cloud's points share.
  private let ofPoint: FoldedLayer
  private let ofCloud: FoldedLayer
  /// What the category adds to that layer, bias included, (categories + 1, w); the last row is for none.
  private let categories: FloatBuffer
  private let third: FoldedLayer
  private let last: FoldedLayer
  private let evenStride: Int
  private let oddStride: Int

  init(_ weights: ModelWeights, _ points: PointConfiguration, engine: Engine) throws {
    c = weights.configuration
    p = points
    let propagation = try FoldedWeights(
      weights, "propagation_0.mlp_convs.0", norm: "propagation_0.mlp_bns.0")
    ofFeatures = try FoldedLayer(
      propagation.part(3..<propagation.columns), n: propagation.rows, bias: nil, engine: engine)
    ofCoordinates = try FoldedLayer(
      propagation.part(0..<3), n: propagation.rows, bias: propagation.bias, engine: engine)
    second = try FoldedLayer(
      FoldedWeights(weights, "propagation_0.mlp_convs.1", norm: "propagation_0.mlp_bns.1"), engine: engine)
    let joined = try FoldedWeights(weights, "convs1", norm: "bns1")
    let own = points.propagation(width: c.width)[1]
    let cloud = own..<joined.columns - points.categoryWidth
    ofPoint = try FoldedLayer(joined.part(0..<own), n: joined.rows, bias: nil, engine: engine)
    ofCloud = try FoldedLayer(joined.part(cloud), n: joined.rows, bias: nil, engine: engine)
    categories = try Self.shares(
      FoldedWeights(weights, "label_conv.0", norm: "label_conv.1"), joined, cloud.upperBound..<joined.columns)
    third = try FoldedLayer(FoldedWeights(weights, "convs2", norm: "bns2"), engine: engine)
    last = try FoldedLayer(FoldedWeights(weights, "convs3"), engine: engine)
    (evenStride, oddStride) = Self.strides(c, p)
  }

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

  /// Of all packed weights.
  var weightBytes: Int { FoldedLayer.byteCount([ofFeatures, ofCoordinates, second, ofPoint, ofCloud, third, last]) }

  /// Points of an item of work: their activations stay in L2.
  private static let rows = 128

  /// Floats of scratch of every thread.
  static func scratchCount(_ c: VisionTransformerConfiguration, _ p: PointConfiguration, _ kernels: KernelTable) -> Int
  {
    let (even, odd) = strides(c, p)
    return rows * (even + odd) + FoldedLayer.scratchCount(kernels, rows: rows) + 8
      + nearestScratchCount(neighbours: 3)
  }

  private static func strides(_ c: VisionTransformerConfiguration, _ p: PointConfiguration) -> (even: Int, odd: Int) {
    let widths = p.propagation(width: c.width) + p.pointWidths
    return (Workspace.padded(max(widths[0], widths[2])), Workspace.padded(max(widths[1], widths[3])))
  }

  /// Log-probabilities, (B, P, classes) in `w.logits`, of `buffers.features` and the clouds, (B, P, 3).
  func run(
    _ member: inout Member, _ kernels: KernelTable, clouds: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ buffers: PointBuffers
  ) {
    let scratch = buffers.scratch + member.index * buffers.scratchStride
    LinearProduct.run(
      &member, kernels, weight: .packed(ofFeatures.matrix), a: buffers.features, lda: buffers.featureStride,
      m: w.batch * w.tokens, c: buffers.propagated, ldc: buffers.propagatedStride, epilogue: Epilogue(),
      scratch: w.scratch + member.index * w.scratchStride)
    let width = ofFeatures.matrix.k
    member.parallelFor(w.batch) { cloud in
      let features = buffers.features + cloud * w.tokens * buffers.featureStride
      let global = buffers.global + cloud * 2 * width
      kernels.pool(features, buffers.featureStride, w.tokens, width, true, global)
      kernels.pool(features, buffers.featureStride, w.tokens, width, false, global + width)
      let number = Int(buffers.categories[cloud])
      let n = ofCloud.matrix.n
      let row = p.categories.indices.contains(number) ? number : p.categories.count
      ofCloud.run(
        kernels, global, lda: 2 * width, rows: 1, buffers.shared + cloud * n, ldc: n,
        addend: categories.base + row * n, scratch: scratch)
    }
    let pieces = (p.points + Self.rows - 1) / Self.rows
    member.parallelFor(w.batch * pieces) { item in
      let start = item % pieces * Self.rows
      points(
        kernels, clouds, item / pieces, Span1D(start, min(p.points, start + Self.rows)), w, buffers, scratch)
    }
  }

  private func points(
    _ kernels: KernelTable, _ clouds: UnsafePointer<Float>, _ cloud: Int, _ range: Span1D, _ w: Workspace.Buffers,
    _ buffers: PointBuffers, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let rows = range.end - range.start
    let even = scratch
    let odd = even + Self.rows * evenStride
    let sums = odd + Self.rows * oddStride
    let few = sums + FoldedLayer.scratchCount(kernels, rows: Self.rows)
    let centers = buffers.centers(cloud).points
    let propagated = buffers.propagated + cloud * w.tokens * buffers.propagatedStride
    let coordinates = clouds + (cloud * p.points + range.start) * 3
    for row in 0..<rows {
      let place = Place(x: coordinates[3 * row], y: coordinates[3 * row + 1], z: coordinates[3 * row + 2])
      mix(kernels, place, centers, propagated, buffers.propagatedStride, into: even + row * evenStride, few)
    }
    ofCoordinates.run(
      kernels, coordinates, lda: 3, rows: rows, even, ldc: evenStride, addend: even, addendStride: evenStride,
      relu: true, scratch: sums)
    second.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, relu: true, scratch: sums)
    ofPoint.run(
      kernels, odd, lda: oddStride, rows: rows, even, ldc: evenStride,
      addend: buffers.shared + cloud * ofPoint.matrix.n,
      relu: true, scratch: sums)
    third.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, relu: true, scratch: sums)
    let logits = w.logits + (cloud * p.points + range.start) * c.classCount
    last.run(kernels, odd, lda: oddStride, rows: rows, logits, ldc: c.classCount, scratch: sums)
    for row in 0..<rows { Self.logSoftmax(logits + row * c.classCount, c.classCount) }
  }

  /// The centres' rows, mixed by the inverse squared distances of the 3 nearest.
  private func mix(
    _ kernels: KernelTable, _ place: Place, _ centers: PointArrays, _ rows: UnsafePointer<Float>, _ stride: Int,
    into target: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: floats of this thread: 4 for distances, 4 for integers that nothing reads as floats, the search's own.
    let nearest = UnsafeMutableRawPointer(scratch + 4).bindMemory(to: Int32.self, capacity: 3)
    kernels.nearestPoints(centers, place, 3, scratch, nearest, scratch + 8)
    Self.turnIntoShares(scratch)
    kernels.mixRows(rows, stride, nearest, scratch, ofFeatures.matrix.n, target)
  }

  /// Replaces 3 squared distances d by their shares, 1 / (d + 1e-8) over the sum of all three.
  package static func turnIntoShares(_ squares: UnsafeMutablePointer<Float>) {
    for index in 0..<3 { squares[index] = 1 / (squares[index] + 1e-8) }
    let total = squares[0] + squares[1] + squares[2]
    for index in 0..<3 { squares[index] /= total }
  }

  private static func logSoftmax(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
    var top = row[0]
    for index in 1..<max(1, count) { top = max(top, row[index]) }
    var total: Float = 0
    for index in 0..<count { total += exp(row[index] - top) }
    let shift = top + log(total)
    for index in 0..<count { row[index] -= shift }
  }
}
