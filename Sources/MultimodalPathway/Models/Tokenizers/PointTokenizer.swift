import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Points to tokens (Point-MAE; Pang et al. 2022, arXiv 2203.06604, section 3.1): G centres by farthest-point sampling,
/// the K nearest neighbours of each less the centre, a mini-PointNet over every group, and an MLP of the centres for
/// positions.
///
/// The network's second half reads [group's maximum | point]; the maximum's share is computed once a group instead of
/// once a point: 2,048 rows of 512 inputs become 2,048 of 256 and 64 of 256.
struct PointTokenizer: Tokenizer {
  private let c: VisionTransformerConfiguration
  private let p: PointConfiguration
  /// (1, 1, C) each: the class token and its position.
  private let classToken: Parameter?
  private let classPosition: Parameter?
  /// 3 - e0, e0 - e1.
  private let first: [PointwiseLinear]
  /// 2 e1 - e2, of [group's maximum | point].
  private let joined: PointwiseLinear
  /// e2 - C.
  private let last: PointwiseLinear
  /// 3 - w, w - C.
  private let position: [PointwiseLinear]

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, _ points: PointConfiguration) {
    self.c = c
    p = points
    classToken = PrefixTokens(scope, c).classToken
    classPosition = c.hasClassToken ? scope.parameter("cls_pos", [1, 1, c.width], .embedding) : nil
    let e = points.encoderWidths
    first = [
      PointwiseLinear(scope, "encoder.first_conv.0", 3, e[0], norm: "encoder.first_conv.1"),
      PointwiseLinear(scope, "encoder.first_conv.3", e[0], e[1]),
    ]
    joined = PointwiseLinear(scope, "encoder.second_conv.0", 2 * e[1], e[2], norm: "encoder.second_conv.1")
    last = PointwiseLinear(scope, "encoder.second_conv.3", e[2], c.width)
    position = [
      PointwiseLinear(scope, "pos_embed.0", 3, points.positionWidth, isConvolution: false),
      PointwiseLinear(scope, "pos_embed.2", points.positionWidth, c.width, isConvolution: false),
    ]
  }

  /// As they are computed: the maximum's half of the joined layer once a group.
  var products: Double {
    let (groups, rows) = (p.groups, p.groups * p.groupSize)
    let perPoint = (first + [last]).reduce(0) { $0 + $1.products(rows: rows) }
    let perGroup = position.reduce(0) { $0 + $1.products(rows: groups) }
    return perPoint + perGroup + (joined.products(rows: rows) + joined.products(rows: groups)) / 2
  }
  var linears: [Linear] { [] }

  func weightBytes(_ loader: WeightLoader) throws -> Int {
    let half = 2 * loader.byteCount(joined.outputs, joined.inputs / 2)
    return (first + [last] + position).reduce(half) { $0 + loader.byteCount($1.outputs, $1.inputs) }
  }

  /// It has buffers of its own.
  func needs(_: KernelTable) -> WorkspaceNeeds { WorkspaceNeeds() }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedTokenizer {
    let loader = try loader.fixed(for: "the tokenizer of point clouds")
    func layer(_ layer: PointwiseLinear) throws -> FoldedLayer {
      try FoldedLayer(FoldedWeights(layer, loader.target), engine: loader.engine)
    }
    let folded = try FoldedWeights(joined, loader.target)
    let half = folded.columns / 2
    return Loaded(
      c: c, p: p, first: try first.map(layer),
      ofMaximum: try FoldedLayer(folded.part(0..<half), n: folded.rows, bias: nil, engine: loader.engine),
      ofPoint: try FoldedLayer(folded.part(half..<2 * half), n: folded.rows, bias: folded.bias, engine: loader.engine),
      last: try layer(last), position: try position.map(layer), classToken: try loader.vector(classToken),
      classPosition: try loader.vector(classPosition), products: products)
  }

  /// Tokens of points have no reference of their own: pathways do not touch them.
  func reference(_: ReferencePass, _ input: Tensor, into _: DoubleBuffer) throws {
    throw InferenceError.inputShape(expected: "tokens, (B, N, \(c.width))", found: input.shape)
  }

  /// Groups that one item of work makes tokens of: some 128 points, whose activations stay in L2.
  static func groupsPerItem(_ p: PointConfiguration) -> Int { min(p.groups, max(1, 128 / p.groupSize)) }

  /// Floats of scratch of every thread.
  static func scratchCount(_ c: VisionTransformerConfiguration, _ p: PointConfiguration, _ kernels: KernelTable) -> Int
  {
    let groups = groupsPerItem(p)
    let rows = groups * p.groupSize
    let e = p.encoderWidths
    return rows * (max(e[0], e[2]) + max(e[1], c.width) + 3 + kernels.panelColumns)
      + groups * (e[1] + e[2] + 3 + p.positionWidth) + 2 * p.groupSize
      + nearestScratchCount(neighbours: p.groupSize)
  }
}

// MARK: - Forward

extension PointTokenizer {
  /// The tokenizer with its weights in memory.
  struct Loaded: LoadedTokenizer {
    fileprivate let c: VisionTransformerConfiguration
    fileprivate let p: PointConfiguration
    fileprivate let first: [FoldedLayer]
    /// e1 - e2, of the group's maximum and of each point.
    fileprivate let ofMaximum: FoldedLayer
    fileprivate let ofPoint: FoldedLayer
    fileprivate let last: FoldedLayer
    fileprivate let position: [FoldedLayer]
    /// (C) each.
    fileprivate let classToken: FloatBuffer?
    fileprivate let classPosition: FloatBuffer?
    /// Multiply-adds of a cloud.
    fileprivate let products: Double

    /// Of all packed weights.
    var weightBytes: Int { FoldedLayer.byteCount(first + [ofMaximum, ofPoint, last] + position) }

    func work(batch: Int, _: KernelTable) -> ForwardWork {
      let rows = batch * c.tokenCount
      // Positions are added to the tokens before every block.
      var work = ForwardWork.moving(
        batch * p.points * 3 + rows * c.width + c.depth * 3 * rows * c.width, weights: weightBytes)
      work.operations = 2 * Double(batch) * products
      return work
    }

    /// Tokens to `w.x` and positions to `w.points.positions` of `w.batch` clouds, (B, P, 3).
    func embed(
      _ member: inout Member, _ kernels: KernelTable, inputs clouds: UnsafePointer<Float>, _ w: Workspace.Buffers
    ) {
      guard let buffers = w.points else { return }
      member.parallelFor(w.batch) { cloud in sample(kernels, clouds + cloud * p.points * 3, cloud, w, buffers) }
      let groups = PointTokenizer.groupsPerItem(p)
      let items = (p.groups + groups - 1) / groups
      let scratch = buffers.scratch + member.index * buffers.scratchStride
      member.parallelFor(w.batch * items) { item in
        let start = item % items * groups
        tokens(kernels, item / items, Span1D(start, min(p.groups, start + groups)), w, buffers, scratch)
      }
    }

    /// One cloud's points as arrays, its centres, and what stands before its groups.
    private func sample(
      _ kernels: KernelTable, _ points: UnsafePointer<Float>, _ cloud: Int, _ w: Workspace.Buffers,
      _ buffers: PointBuffers
    ) {
      let arrays = buffers.cloud(cloud)
      for index in 0..<p.points {
        for axis in 0..<3 { arrays.axis(axis)[index] = points[3 * index + axis] }
      }
      let chosen = buffers.chosen + cloud * p.groups
      kernels.farthestPoints(arrays.points, p.groups, p.excludedNorm, arrays.distances, chosen)
      let centers = buffers.centers(cloud)
      for group in 0..<p.groups {
        for axis in 0..<3 { centers.axis(axis)[group] = arrays.axis(axis)[Int(chosen[group])] }
      }
      if let classToken, let classPosition {
        let row = cloud * w.tokens * w.stride
        (w.x + row).update(from: classToken.base, count: c.width)
        (buffers.positions + row).update(from: classPosition.base, count: c.width)
      }
    }

    /// The tokens and positions of some groups of a cloud.
    private func tokens(
      _ kernels: KernelTable, _ cloud: Int, _ groups: Span1D, _ w: Workspace.Buffers, _ buffers: PointBuffers,
      _ scratch: UnsafeMutablePointer<Float>
    ) {
      let count = groups.end - groups.start
      let rows = count * p.groupSize
      let e = p.encoderWidths
      let (evenStride, oddStride) = (max(e[0], e[2]), max(e[1], c.width))
      let even = scratch
      let odd = even + rows * evenStride
      let neighbours = odd + rows * oddStride
      let maxima = neighbours + rows * 3
      let shares = maxima + count * e[1]
      let places = shares + count * e[2]
      let hidden = places + count * 3
      let distances = hidden + count * p.positionWidth
      // SAFETY: as many 4-byte integers as floats were set aside, and nothing reads them as floats.
      let nearest = UnsafeMutableRawPointer(distances + p.groupSize).bindMemory(to: Int32.self, capacity: p.groupSize)
      let search = distances + 2 * p.groupSize
      let sums = search + nearestScratchCount(neighbours: p.groupSize)

      let (points, centers) = (buffers.cloud(cloud), buffers.centers(cloud))
      for group in 0..<count {
        let center = centers.place(groups.start + group)
        kernels.nearestPoints(points.points, center, p.groupSize, distances, nearest, search)
        let row = neighbours + group * p.groupSize * 3
        for index in 0..<p.groupSize {
          let place = points.place(Int(nearest[index]))
          row[3 * index] = place.x - center.x
          row[3 * index + 1] = place.y - center.y
          row[3 * index + 2] = place.z - center.z
        }
        (places[3 * group], places[3 * group + 1], places[3 * group + 2]) = (center.x, center.y, center.z)
      }

      first[0].run(kernels, neighbours, lda: 3, rows: rows, even, ldc: evenStride, relu: true, scratch: sums)
      first[1].run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, scratch: sums)
      for group in 0..<count {
        kernels.pool(
          odd + group * p.groupSize * oddStride, oddStride, p.groupSize, e[1], true, maxima + group * e[1])
      }
      ofMaximum.run(kernels, maxima, lda: e[1], rows: count, shares, ldc: e[2], scratch: sums)
      for row in 0..<rows {
        (even + row * evenStride).update(from: shares + row / p.groupSize * e[2], count: e[2])
      }
      ofPoint.run(
        kernels, odd, lda: oddStride, rows: rows, even, ldc: evenStride, addend: even, addendStride: evenStride,
        relu: true, scratch: sums)
      last.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, scratch: sums)
      let target = (cloud * w.tokens + c.prefixTokens + groups.start) * w.stride
      for group in 0..<count {
        kernels.pool(
          odd + group * p.groupSize * oddStride, oddStride, p.groupSize, c.width, true, w.x + target + group * w.stride)
      }
      position[0].run(kernels, places, lda: 3, rows: count, hidden, ldc: p.positionWidth, gelu: true, scratch: sums)
      position[1].run(
        kernels, hidden, lda: p.positionWidth, rows: count, buffers.positions + target, ldc: w.stride, scratch: sums)
    }
  }
}
