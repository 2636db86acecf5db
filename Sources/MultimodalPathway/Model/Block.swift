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

  /// y = norm(x) for `rows` rows of `width`, float32, shared by the team.
  @inline(__always)
  func run(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int,
    y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, width: Int
  ) {
    forEachPiece(&member, rows) { range in
      kernels.float32Activations.layerNorm(
        x, xStride, y, yStride, range, width, gain.base, shift.base, epsilon)
    }
  }

  /// The same in the format that a layer of `precision` reads.
  ///
  /// - Parameters:
  ///   - yStride: in words.
  ///   - scales: of int8, (rows).
  ///   - scratch: `piece` rows of `width` floats of this member.
  func run(
    _ member: inout Member, _ kernels: KernelTable, precision: Precision, x: UnsafePointer<Float>, xStride: Int,
    y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, width: Int, scales: UnsafeMutablePointer<RowScale>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    switch precision {
    case .float32: run(&member, kernels, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows, width: width)
    case .bfloat16:
      forEachPiece(&member, rows) { range in
        kernels.bfloat16Activations.layerNorm(
          x, xStride, y, yStride, range, width, gain.base, shift.base, epsilon)
      }
    case .int8:
      forEachPiece(&member, rows) { range in
        let count = range.end - range.start
        kernels.float32Activations.layerNorm(
          x + range.start * xStride, xStride, scratch, width, Span1D(0, count), width, gain.base, shift.base, epsilon)
        kernels.quantizeRows(
          scratch, width * 4, false, y + range.start * yStride, yStride, Span1D(0, count), width, scales + range.start)
      }
    }
  }
}

/// Rows of an item of work of what is done row by row: enough to make taking it cheap.
private let piece = 16

/// Shares `rows` rows out in pieces.
@inline(__always)
private func forEachPiece(_ member: inout Member, _ rows: Int, _ body: (Span1D) -> Void) {
  member.parallelFor((rows + piece - 1) / piece) { index in
    body(Span1D(index * piece, min(rows, (index + 1) * piece)))
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

  init(
    _ weights: PathwayWeights, _ index: Int, execution: PathwayExecution, precision: PrecisionPlan = .float32,
    arena: WeightArena, engine: Engine
  ) throws {
    let target = weights.target
    let prefix = "blocks.\(index)."
    func linear(_ layer: PathwayLayer) throws -> LinearLayer {
      try LinearLayer(
        try target.tensor(layer.name(inBlock: index) + ".weight"), terms: try weights.terms(index, layer),
        bias: try weights.bias(index, layer), execution: execution, precision: precision[index, layer],
        arena: arena, engine: engine)
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
    /// Whether a mean is taken between fc1 and fc2: fc1's output is float32 then, and rounded behind the mean.
    var takesMean = false

    static func all(_ w: Workspace.Buffers) -> Rows { Rows(count: w.batch * w.tokens, spacing: 1) }
    static func first(_ w: Workspace.Buffers) -> Rows { Rows(count: w.batch, spacing: w.tokens) }
  }

  /// x (B N, C) in `w.x` through the block, in place.
  func run(_ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers) {
    for layer in PathwayLayer.allCases {
      prepare(layer, .all(w), &member, kernels, c, w)
      finish(layer, .all(w), &member, kernels, c, w)
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
    finish(.qkv, .all(w), columns: splits ? c.width..<3 * c.width : nil, &member, kernels, c, w)
    if splits { finish(.qkv, .first(w), columns: 0..<c.width, isOfAll: true, &member, kernels, c, w) }
    for layer in [PathwayLayer.projection, .fc1, .fc2] {
      prepare(layer, .first(w), &member, kernels, c, w)
      finish(layer, .first(w), &member, kernels, c, w)
    }
  }

  /// The same where only the mean of some tokens is read afterwards, which comes to stand at the first token of every
  /// image. Other rows of x are left as they were before the MLP.
  ///
  /// fc2 commutes with the mean, mean(x + gamma (W h + b)) = mean(x) + gamma (W mean(h) + b): a last block before mean
  /// pooling does 1/N of its fc2, a third of its linear layers. Means are float32: where fc2 is narrow, it is the mean
  /// of h that is rounded, and not every h.
  func runMean(
    of tokens: Range<Int>, _ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration,
    _ w: Workspace.Buffers
  ) {
    var (all, first) = (Rows.all(w), Rows.first(w))
    (all.takesMean, first.takesMean) = (true, true)
    for layer in PathwayLayer.allCases where layer != .fc2 {
      prepare(layer, all, &member, kernels, c, w)
      finish(layer, all, &member, kernels, c, w)
    }
    member.begin(.pooling)
    takeMeans(of: tokens, w.x, stride: w.stride, width: c.width, &member, kernels, w)
    let stride = rowStride(c.hiddenWidth, .float32, kernels)
    takeMeans(of: tokens, w.hidden, stride: stride, width: c.hiddenWidth, &member, kernels, w)
    prepare(.fc2, first, &member, kernels, c, w)
    finish(.fc2, first, &member, kernels, c, w)
  }

  /// The mean of `tokens` of every image in the place of its first row.
  private func takeMeans(
    of tokens: Range<Int>, _ rows: UnsafeMutablePointer<Float>, stride: Int, width: Int, _ member: inout Member,
    _ kernels: KernelTable, _ w: Workspace.Buffers
  ) {
    // Columns of an item of work: a pass over few images has items for every member.
    let columns = 256
    let parts = (width + columns - 1) / columns
    member.parallelFor(w.batch * parts) { item in
      let start = item % parts * columns
      let place = rows + item / parts * w.tokens * stride + start
      kernels.pool(
        place + tokens.lowerBound * stride, stride, tokens.count, min(columns, width - start), false, place)
    }
  }

  /// Whether Q ends where a panel ends, or it cannot be told from K.
  func separatesQueries(_ c: VisionTransformerConfiguration, _ kernels: KernelTable) -> Bool {
    c.width % kernels.panelColumns == 0
  }

  /// The same with a parallel region for every step, and `body` called between: with a layer's input when it is ready.
  func runInStages(
    _ engine: Engine, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers,
    _ body: (PathwayLayer, Activations) throws -> Void
  ) throws {
    for layer in PathwayLayer.allCases {
      try engine.run { prepare(layer, .all(w), &$0, engine.kernels, c, w) }
      try body(layer, input(of: layer, .all(w), engine.kernels, c, w))
      try engine.run { finish(layer, .all(w), &$0, engine.kernels, c, w) }
    }
  }

  /// What q, k and v are stored as, and attention's output.
  var attentionPrecision: Precision { projection.precision.handedOn }

  /// What fc1's output is stored as.
  private func hiddenPrecision(_ rows: Rows) -> Precision { rows.takesMean ? .float32 : fc2.precision.handedOn }

  /// Where a layer's input stands, in its format, of all rows or of the first tokens.
  ///
  /// Those of the first tokens are as far apart as all rows would be, and int8's scales next to each other, except
  /// where all rows were prepared (`isOfAll`).
  private func input(
    of layer: PathwayLayer, _ rows: Rows, _ kernels: KernelTable, _ c: VisionTransformerConfiguration,
    _ w: Workspace.Buffers, isOfAll: Bool = false
  ) -> Activations {
    let precision = linear(layer).precision
    let place: UnsafeMutablePointer<Float> =
      switch (layer, precision) {
      case (.projection, .int8): w.hidden
      case (.fc2, .int8): rows.takesMean ? w.hidden : w.qkv
      case (.fc2, .bfloat16) where rows.takesMean: w.qkv
      case (.fc2, _): w.hidden
      default: w.y
      }
    let stride = rowStride(layer == .fc2 ? c.hiddenWidth : c.width, precision, kernels)
    return Activations(
      place, stride: stride * rows.spacing, scales: precision == .int8 ? UnsafePointer(w.rowScales) : nil,
      scaleStride: isOfAll ? rows.spacing : 1)
  }

  /// Words from one row to the next.
  private func rowStride(_ width: Int, _ precision: Precision, _ kernels: KernelTable) -> Int {
    Workspace.padded(kernels.products(precision).words(width))
  }

  /// What comes before a linear layer: afterwards its input stands where `input(of:)` says.
  private func prepare(
    _ layer: PathwayLayer, _ rows: Rows, _ member: inout Member, _ kernels: KernelTable,
    _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers
  ) {
    let scratch = w.scratch + member.index * w.scratchStride
    let target = input(of: layer, rows, kernels, c, w)
    func normalize(_ norm: LayerNorm, _ member: inout Member) {
      norm.run(
        &member, kernels, precision: linear(layer).precision, x: w.x, xStride: w.stride * rows.spacing, y: w.y,
        yStride: target.stride, rows: rows.count, width: c.width, scales: w.rowScales, scratch: scratch)
    }
    switch layer {
    case .qkv:
      member.begin(.norm1)
      normalize(norm1, &member)
    case .projection:
      member.begin(.attention)
      attention(&member, kernels, c, w, queries: rows.spacing == 1 ? w.tokens : 1, scratch)
      if projection.precision == .int8 {
        let stride = rowStride(c.width, attentionPrecision, kernels) * rows.spacing
        quantize(&member, kernels, w.y, stride: stride, c.width, rows, to: w.hidden, stride: target.stride, w)
      }
    case .fc1:
      member.begin(.norm2)
      normalize(norm2, &member)
    case .fc2:
      guard fc2.precision != .float32 else { return }
      let half = rowStride(c.hiddenWidth, .bfloat16, kernels) * rows.spacing
      if rows.takesMean {
        let stride = rowStride(c.hiddenWidth, .float32, kernels) * rows.spacing
        member.parallelFor(rows.count) { row in
          roundToBFloat16(w.hidden + row * stride, c.hiddenWidth, to: w.qkv + row * half)
        }
      }
      if fc2.precision == .int8 {
        let (source, place) = rows.takesMean ? (w.qkv, w.hidden) : (w.hidden, w.qkv)
        quantize(&member, kernels, source, stride: half, c.hiddenWidth, rows, to: place, stride: target.stride, w)
      }
    }
  }

  /// Rows of activations, bfloat16, to int8 at `target`, and their scales.
  private func quantize(
    _ member: inout Member, _ kernels: KernelTable, _ source: UnsafeMutablePointer<Float>, stride: Int, _ width: Int,
    _ rows: Rows, to target: UnsafeMutablePointer<Float>, stride targetStride: Int, _ w: Workspace.Buffers
  ) {
    forEachPiece(&member, rows.count) {
      kernels.quantizeRows(source, stride * 4, true, target, targetStride, $0, width, w.rowScales)
    }
  }

  /// A linear layer with what is fused into it.
  private func finish(
    _ layer: PathwayLayer, _ rows: Rows, columns: Range<Int>? = nil, isOfAll: Bool = false, _ member: inout Member,
    _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers
  ) {
    member.begin(layer.operation)
    var output = w.x
    var stride = w.stride
    var epilogue = Epilogue()
    switch layer {
    case .qkv:
      (output, stride) = (w.qkv, rowStride(3 * c.width, attentionPrecision, kernels))
      epilogue.storesBFloat16 = attentionPrecision == .bfloat16
    case .projection: epilogue = residual(w, scale1, rows)
    case .fc1:
      epilogue.appliesGELU = true
      epilogue.storesBFloat16 = hiddenPrecision(rows) == .bfloat16
      (output, stride) = (w.hidden, rowStride(c.hiddenWidth, hiddenPrecision(rows), kernels))
    case .fc2: epilogue = residual(w, scale2, rows)
    }
    linear(layer).run(
      &member, kernels, a: input(of: layer, rows, kernels, c, w, isOfAll: isOfAll), m: rows.count, c: output,
      ldc: stride * (epilogue.storesBFloat16 ? 2 : 1) * rows.spacing, columns: columns, epilogue: epilogue,
      partial: w.partial, scratch: w.scratch + member.index * w.scratchStride)
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
    let activations = kernels.activations(attentionPrecision)
    // At least four items a member where heads are few, but no piece under 48 queries: each packs the head's K and V
    // again.
    let pieces = max(1, min((4 * member.count + heads - 1) / heads, queries / 48))
    member.parallelFor(heads * pieces) { item in
      let (image, head, piece) = (item / pieces / c.heads, item / pieces % c.heads, item % pieces)
      var arguments = w.attention(image: image, head: head, c, attentionPrecision)
      activations.attention(&arguments, Span1D(queries * piece / pieces, queries * (piece + 1) / pieces), scratch)
    }
  }

  /// Attention probabilities of one image, (H, N, N), from x as it enters the block; leaves `w.y` and `w.qkv` changed.
  func attentionMaps(
    _ member: inout Member, _ kernels: KernelTable, _ c: VisionTransformerConfiguration, _ w: Workspace.Buffers,
    into maps: UnsafeMutablePointer<Float>
  ) {
    let scratch = w.scratch + member.index * w.scratchStride
    prepare(.qkv, .all(w), &member, kernels, c, w)
    finish(.qkv, .all(w), &member, kernels, c, w)
    member.parallelFor(w.batch * c.heads) { item in
      var arguments = w.attention(image: item / c.heads, head: item % c.heads, c, attentionPrecision)
      kernels.activations(attentionPrecision).attentionProbabilities(
        &arguments, Span1D(0, w.tokens), maps + item * w.tokens * w.tokens, scratch)
    }
  }
}
