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
  let c: VisionTransformerConfiguration
  let p: PointConfiguration
  /// (1, 1, C) each: the class token and its position.
  let classToken: Parameter?
  let classPosition: Parameter?
  /// 3 - e0, e0 - e1.
  let first: [PointwiseLinear]
  /// 2 e1 - e2, of [group's maximum | point].
  let joined: PointwiseLinear
  /// e2 - C.
  let last: PointwiseLinear
  /// 3 - w, w - C.
  let position: [PointwiseLinear]

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
    Loaded(
      layers: try loader.made(layers), sampler: try sampler(by: loader), products: products)
  }

  /// The layers with their batch norms folded in.
  private func layers(_ values: ParameterValues) throws -> Layers {
    func layer(_ layer: PointwiseLinear) throws -> FoldedLayer {
      try FoldedLayer(FoldedWeights(layer, values.read), engine: values.engine)
    }
    let folded = try FoldedWeights(joined, values.read)
    let half = folded.columns / 2
    return Layers(
      first: try first.map(layer),
      ofMaximum: try FoldedLayer(folded.part(0..<half), n: folded.rows, bias: nil, engine: values.engine),
      ofPoint: try FoldedLayer(folded.part(half..<2 * half), n: folded.rows, bias: folded.bias, engine: values.engine),
      last: try layer(last), position: try position.map(layer))
  }

  func sampler(by loader: some ParameterLoader) throws -> PointSampler {
    PointSampler(
      c: c, p: p, classToken: try loader.vector(classToken), classPosition: try loader.vector(classPosition))
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
      + groups * (e[1] + e[2] + 3 + p.positionWidth) + PointSampler.scratchCount(p)
  }
}

// MARK: - Forward

extension PointTokenizer {
  fileprivate struct Layers: Sendable {
    let first: [FoldedLayer]
    /// e1 - e2, of the group's maximum and of each point.
    let ofMaximum: FoldedLayer
    let ofPoint: FoldedLayer
    let last: FoldedLayer
    let position: [FoldedLayer]
  }

  /// The tokenizer with its weights in memory.
  struct Loaded: LoadedTokenizer {
    fileprivate let layers: MadePart<Layers>
    fileprivate let sampler: PointSampler
    /// Multiply-adds of a cloud.
    fileprivate let products: Double

    private var c: VisionTransformerConfiguration { sampler.c }
    private var p: PointConfiguration { sampler.p }

    /// Of all packed weights.
    var weightBytes: Int {
      let l = layers.part
      return FoldedLayer.byteCount(l.first + [l.ofMaximum, l.ofPoint, l.last] + l.position)
    }

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
      member.parallelFor(w.batch) { cloud in
        sampler.sample(kernels, clouds + cloud * p.points * 3, cloud, w, buffers)
      }
      let groups = PointTokenizer.groupsPerItem(p)
      let items = (p.groups + groups - 1) / groups
      let scratch = buffers.scratch + member.index * buffers.scratchStride
      member.parallelFor(w.batch * items) { item in
        let start = item % items * groups
        tokens(kernels, item / items, Span1D(start, min(p.groups, start + groups)), w, buffers, scratch)
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
      let search = hidden + count * p.positionWidth
      let sums = search + PointSampler.scratchCount(p)
      sampler.gather(kernels, cloud, groups, buffers, neighbours: neighbours, places: places, scratch: search)

      let l = layers.part
      l.first[0].run(kernels, neighbours, lda: 3, rows: rows, even, ldc: evenStride, relu: true, scratch: sums)
      l.first[1].run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, scratch: sums)
      for group in 0..<count {
        kernels.pool(
          odd + group * p.groupSize * oddStride, oddStride, p.groupSize, e[1], true, maxima + group * e[1])
      }
      l.ofMaximum.run(kernels, maxima, lda: e[1], rows: count, shares, ldc: e[2], scratch: sums)
      for row in 0..<rows {
        (even + row * evenStride).update(from: shares + row / p.groupSize * e[2], count: e[2])
      }
      l.ofPoint.run(
        kernels, odd, lda: oddStride, rows: rows, even, ldc: evenStride, addend: even, addendStride: evenStride,
        relu: true, scratch: sums)
      l.last.run(kernels, even, lda: evenStride, rows: rows, odd, ldc: oddStride, scratch: sums)
      let target = (cloud * w.tokens + c.prefixTokens + groups.start) * w.stride
      for group in 0..<count {
        kernels.pool(
          odd + group * p.groupSize * oddStride, oddStride, p.groupSize, c.width, true, w.x + target + group * w.stride)
      }
      l.position[0].run(kernels, places, lda: 3, rows: count, hidden, ldc: p.positionWidth, gelu: true, scratch: sums)
      l.position[1].run(
        kernels, hidden, lda: p.positionWidth, rows: count, buffers.positions + target, ldc: w.stride, scratch: sums)
    }
  }
}
