import PathwayKernelTemplates
import PathwayKernels

/// LayerNorm's parameters, (C) each.
struct LayerNorm: Sendable {
  let gain: FloatBuffer
  let shift: FloatBuffer
  let epsilon: Float

  init(_ weights: ModelWeights, _ name: String, epsilon: Float? = nil) throws {
    gain = FloatBuffer(copying: try weights.tensor(name + ".weight").float32())
    shift = FloatBuffer(copying: try weights.tensor(name + ".bias").float32())
    self.epsilon = epsilon ?? weights.configuration.epsilon
  }

  /// y = norm(x) for `rows` rows of `width`, shared by the team.
  @inline(__always)
  func run(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int,
    y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, width: Int
  ) {
    let piece = 16
    member.share((rows + piece - 1) / piece) { index in
      let range = Span1D(index * piece, min(rows, (index + 1) * piece))
      kernels.layerNorm(x, xStride, y, yStride, range, width, gain.base, shift.base, epsilon)
    }
  }
}

/// A pre-norm transformer block: x += ls1(attn(norm1(x))), x += ls2(mlp(norm2(x))) (timm's `Block`).
struct Block: Sendable {
  let norm1: LayerNorm
  let qkv: LinearLayer
  let projection: LinearLayer
  let scale1: FloatBuffer?
  let norm2: LayerNorm
  let fc1: LinearLayer
  let fc2: LinearLayer
  let scale2: FloatBuffer?

  init(_ weights: PathwayWeights, _ index: Int, execution: PathwayExecution, engine: Engine) throws {
    let target = weights.target
    let prefix = "blocks.\(index)."
    func linear(_ layer: PathwayLayer) throws -> LinearLayer {
      try LinearLayer(
        try target.tensor(layer.name(inBlock: index) + ".weight"), terms: try weights.terms(index, layer),
        bias: try weights.bias(index, layer), execution: execution, engine: engine)
    }
    let hasLayerScale = target.configuration.hasLayerScale
    func gamma(_ name: String) throws -> FloatBuffer? {
      hasLayerScale ? FloatBuffer(copying: try target.tensor(prefix + name).float32()) : nil
    }
    norm1 = try LayerNorm(target, prefix + "norm1")
    qkv = try linear(.qkv)
    projection = try linear(.projection)
    scale1 = try gamma("ls1.gamma")
    norm2 = try LayerNorm(target, prefix + "norm2")
    fc1 = try linear(.fc1)
    fc2 = try linear(.fc2)
    scale2 = try gamma("ls2.gamma")
  }

  func linear(_ layer: PathwayLayer) -> LinearLayer {
    switch layer {
    case .qkv: qkv
    case .projection: projection
    case .fc1: fc1
    case .fc2: fc2
    }
  }

  /// Which rows of the residual stream a step works on: all of them, or the first token of every image.
  private struct Rows {
    let count: Int
    /// From one to the next, in rows of the stream.
    let spacing: Int

    static func all(_ w: Workspace.Buffers) -> Rows { Rows(count: w.batch * w.tokens, spacing: 1) }
    static func first(_ w: Workspace.Buffers) -> Rows { Rows(count: w.batch, spacing: w.tokens) }
  }

  /// x (B N, C) in `w.x` through the block, in place.
  func run(_ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers) {
    for layer in PathwayLayer.allCases {
      prepare(layer, .all(w), &member, kernels, c, w)
      finish(layer, .all(w), &member, kernels, w)
    }
  }

  /// The same where only the first token of every image is read afterwards, with the same bits there: K and V of all
  /// tokens, the rest of one. Other rows of x are left as they were.
  ///
  /// A last block before class-token pooling does 1/N of its queries, projection and MLP: 7 % of ViT-B's work is saved.
  func runFirstToken(
    _ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers
  ) {
    let splits = separatesQueries(c, kernels)
    prepare(.qkv, .all(w), &member, kernels, c, w)
    finish(.qkv, .all(w), columns: splits ? c.width..<3 * c.width : nil, &member, kernels, w)
    if splits { finish(.qkv, .first(w), columns: 0..<c.width, &member, kernels, w) }
    for layer in [PathwayLayer.projection, .fc1, .fc2] {
      prepare(layer, .first(w), &member, kernels, c, w)
      finish(layer, .first(w), &member, kernels, w)
    }
  }

  /// Whether Q ends where a panel ends, or it cannot be told from K.
  func separatesQueries(_ c: VisionTransformerConfiguration, _ kernels: KernelTable) -> Bool {
    c.width % kernels.panelColumns == 0
  }

  /// The same with a parallel region for every step, and `body` called between: when the input of a layer is ready.
  func runInStages(
    _ engine: Engine, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers, _ body: (PathwayLayer) throws -> Void
  ) throws {
    for layer in PathwayLayer.allCases {
      try engine.run { prepare(layer, .all(w), &$0, engine.kernels, c, w) }
      try body(layer)
      try engine.run { finish(layer, .all(w), &$0, engine.kernels, w) }
    }
  }

  /// What comes before a linear layer: its input stands in `w.y`, fc2's in `w.hidden`.
  private func prepare(
    _ layer: PathwayLayer, _ rows: Rows, _ member: inout Member, _ kernels: KernelTable,
    _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers
  ) {
    let stride = w.stride * rows.spacing
    switch layer {
    case .qkv:
      member.begin(.norm1)
      norm1.run(&member, kernels, x: w.x, xStride: stride, y: w.y, yStride: stride, rows: rows.count, width: c.width)
    case .projection:
      member.begin(.attention)
      attention(
        &member, kernels, c, w, queries: rows.spacing == 1 ? w.tokens : 1,
        w.scratch + member.index * w.scratchStride)
    case .fc1:
      member.begin(.norm2)
      norm2.run(&member, kernels, x: w.x, xStride: stride, y: w.y, yStride: stride, rows: rows.count, width: c.width)
    case .fc2: break
    }
  }

  /// A linear layer with what is fused into it.
  private func finish(
    _ layer: PathwayLayer, _ rows: Rows, columns: Range<Int>? = nil, _ member: inout Member, _ kernels: KernelTable,
    _ w: Workspace.Buffers
  ) {
    member.begin(layer.operation)
    let (a, lda) = layer == .fc2 ? (w.hidden, w.hiddenStride) : (w.y, w.stride)
    let (c, ldc): (UnsafeMutablePointer<Float>, Int)
    var epilogue = Epilogue()
    switch layer {
    case .qkv: (c, ldc) = (w.qkv, w.qkvStride)
    case .projection:
      (c, ldc) = (w.x, w.stride)
      epilogue = residual(w, scale1, rows)
    case .fc1:
      (c, ldc) = (w.hidden, w.hiddenStride)
      epilogue.appliesGELU = true
    case .fc2:
      (c, ldc) = (w.x, w.stride)
      epilogue = residual(w, scale2, rows)
    }
    linear(layer).run(
      &member, kernels, a: a, lda: lda * rows.spacing, m: rows.count, c: c, ldc: ldc * rows.spacing, columns: columns,
      epilogue: epilogue, partial: w.partial, scratch: w.scratch + member.index * w.scratchStride)
  }

  private func residual(_ w: Workspace.Buffers, _ gamma: FloatBuffer?, _ rows: Rows) -> Epilogue {
    var epilogue = Epilogue()
    epilogue.residual = UnsafePointer(w.x)
    epilogue.residualStride = w.stride * rows.spacing
    epilogue.gamma = gamma.map { UnsafePointer($0.base) }
    return epilogue
  }

  /// y (B N, C) = attention of `w.qkv`, the first `queries` of every image: an item of work is a piece of one head's
  /// queries.
  private func attention(
    _ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers,
    queries: Int, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let heads = w.batch * c.heads
    // At least four items a member where heads are few, but no piece under 48 queries: each packs the head's K and V
    // again.
    let pieces = max(1, min((4 * member.count + heads - 1) / heads, queries / 48))
    member.share(heads * pieces) { item in
      let (image, head, piece) = (item / pieces / c.heads, item / pieces % c.heads, item % pieces)
      var arguments = w.attention(image: image, head: head, c)
      kernels.attention(&arguments, Span1D(queries * piece / pieces, queries * (piece + 1) / pieces), scratch)
    }
  }

  /// Attention probabilities of one image, (H, N, N), from x as it enters the block; leaves `w.y` and `w.qkv` changed.
  func attentionMaps(
    _ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers,
    into maps: UnsafeMutablePointer<Float>
  ) {
    let rows = w.batch * w.tokens
    let scratch = w.scratch + member.index * w.scratchStride
    norm1.run(&member, kernels, x: w.x, xStride: w.stride, y: w.y, yStride: w.stride, rows: rows, width: c.width)
    qkv.run(
      &member, kernels, a: w.y, lda: w.stride, m: rows, c: w.qkv, ldc: w.qkvStride, epilogue: Epilogue(),
      partial: w.partial, scratch: scratch)
    member.share(w.batch * c.heads) { item in
      var arguments = w.attention(image: item / c.heads, head: item % c.heads, c)
      kernels.attentionProbabilities(
        &arguments, Span1D(0, w.tokens), maps + item * w.tokens * w.tokens, scratch)
    }
  }
}
