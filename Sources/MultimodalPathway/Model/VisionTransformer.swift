import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// A vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929; timm's `VisionTransformer`), ready to run.
///
/// Immutable: one model serves any number of threads at once, each pass with a `Workspace` of its own. The same input
/// gives the same bits for any thread count and batch on one instruction set.
public final class VisionTransformer: Sendable {
  /// The numbers that the model was made by.
  public let configuration: VisionTransformerConfiguration
  /// Where its forward passes run.
  public let engine: Engine
  /// How its pathways are computed.
  public let execution: PathwayExecution
  /// What every linear layer is computed in.
  public let precision: PrecisionPlan
  /// The configuration's, made once: a forward pass allocates nothing.
  let inputShape: [Int]
  let blocks: [Block]
  let hidesNotFinite: Bool
  private let hasBranches: Bool
  /// Absent where tokens are made of points.
  let patchEmbedding: LinearLayer?
  /// What stands at every token before the blocks, (N, C): positions, plus class and register tokens at their rows.
  let positions: FloatBuffer
  let pointTokenizer: PointTokenizer?
  let preNorm: LayerNorm?
  private let finalNorm: LayerNorm?
  private let headNorm: LayerNorm?
  let pooler: LinearLayer?
  let head: LinearLayer?
  let classHead: ClassHead?
  let partHead: PartHead?

  /// A plain transformer.
  ///
  /// - Throws: `EngineError` where the engine's threads are unavailable; `MemoryError` before memory is taken that the
  ///   system does not have.
  public convenience init(_ weights: ModelWeights, precision: PrecisionPlan = .float32, engine: Engine) throws {
    try self.init(PathwayWeights(weights), execution: .merged, precision: precision, engine: engine)
  }

  /// A transformer with pathways, in one of the three executions. They are folded in float32 and rounded once: folded
  /// and merged give the same bits in every precision.
  ///
  /// - Throws: `PathwayError.notALayer` where the plan names a layer that the model does not have, `.neverInt8` where
  ///   it wants a patch embedding in int8; `NotFiniteError` where a weight is NaN or infinite; `EngineError`; `MemoryError`.
  public convenience init(
    _ weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan = .float32, engine: Engine
  ) throws {
    do {
      // Matrices are looked at while they are packed.
      try weights.target.requireFinite(engine: engine) { !Self.isPacked($0) }
      try self.init(finite: weights, execution: execution, precision: precision, engine: engine)
    } catch let error as WeightNotFinite {
      throw try weights.notFiniteError(engine: engine) ?? error
    }
  }

  /// Whether a tensor is a weight that `LinearLayer` packs as it is.
  private static func isPacked(_ name: String) -> Bool {
    ["patch_embed.proj.weight", "head.weight"].contains(name)
      || name.hasPrefix("blocks.") && PathwayLayer.allCases.contains { name.hasSuffix(".\($0.rawValue).weight") }
  }

  private init(
    finite weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan, engine: Engine
  ) throws {
    let target = weights.target
    let c = target.configuration
    configuration = c
    inputShape = c.inputShape
    self.engine = engine
    self.execution = execution
    try precision.validate(c)
    let precision = precision.completed(for: c)
    self.precision = precision
    hidesNotFinite = Self.hidesNotFinite(c, precision)
    try SystemMemory.require(
      Self.weightBytes(weights, execution: execution, precision: precision, engine: engine), for: .weights)
    let arena = WeightArena()
    blocks = try (0..<c.depth).map {
      try Block(weights, $0, execution: execution, precision: precision, arena: arena, engine: engine)
    }
    hasBranches = blocks.contains {
      [$0.qkv, $0.projection, $0.fc1, $0.fc2].contains { !$0.branches.isEmpty }
    }
    func layer(_ weight: Tensor, bias: [Float]?, _ precision: Precision) throws -> LinearLayer {
      try LinearLayer(
        weight, terms: [], bias: bias, execution: .merged, precision: precision, arena: arena, engine: engine)
    }
    func plain(_ name: String, bias: [Float]?, _ precision: Precision = .float32) throws -> LinearLayer {
      try layer(target.tensor(name + ".weight"), bias: bias, precision)
    }
    pointTokenizer = try c.points.map { try PointTokenizer(target, $0, engine: engine) }
    patchEmbedding =
      c.points == nil
      ? try plain(
        "patch_embed.proj", bias: c.hasPreNorm ? nil : try target.tensor("patch_embed.proj.bias").float32(),
        precision.patchEmbedding) : nil
    positions = c.points == nil ? try Self.startingRows(target) : FloatBuffer(count: 0)
    preNorm = c.hasPreNorm ? try LayerNorm(target, "norm_pre") : nil
    finalNorm =
      c.hasFinalNorm
      ? try LayerNorm(target, c.normalizesAfterPooling ? "fc_norm" : "norm", epsilon: c.finalEpsilon) : nil
    headNorm = c.hasHeadNorm ? try LayerNorm(target, "head_norm") : nil
    pooler =
      c.poolerWidth == nil
      ? nil : try plain("pooler.dense", bias: try target.tensor("pooler.dense.bias").float32())
    let linear = c.classCount > 0 && c.points == nil ? try target.linearHead() : nil
    head = try linear.map { try layer($0.weight, bias: $0.bias, .float32) }
    let points = c.classCount > 0 ? c.points : nil
    classHead = c.task == .perPoint ? nil : try points.map { try ClassHead(target, $0, engine: engine) }
    partHead = c.task == .perPoint ? try points.map { try PartHead(target, $0, engine: engine) } : nil
  }

  private static func startingRows(_ weights: ModelWeights) throws -> FloatBuffer {
    let c = weights.configuration
    let stored = try weights.tensor("pos_embed").float32()
    var rows = [Float](repeating: 0, count: c.tokenCount * c.width)
    rows.replaceSubrange((rows.count - stored.count)..., with: stored)
    var prefix: [Float] = []
    if c.hasClassToken { prefix += try weights.tensor("cls_token").float32() }
    if c.registerTokens > 0 { prefix += try weights.tensor(c.registerName).float32() }
    for index in prefix.indices { rows[index] += prefix[index] }
    return FloatBuffer(copying: rows)
  }

  /// Memory for passes over up to `batch` images.
  ///
  /// - Parameter profiled: whether the time of its passes is taken, operation by operation.
  /// - Throws: `MemoryError` where the system does not give as much, before any of it is taken.
  public func workspace(batch: Int, profiled: Bool = false) throws -> Workspace {
    try workspace(batch: batch, tokens: configuration.tokenCount, profiled: profiled)
  }

  func workspace(batch: Int, tokens: Int, profiled: Bool = false) throws -> Workspace {
    try Workspace(
      configuration, batch: batch, tokens: tokens, hasBranches: hasBranches, engine: engine, profiled: profiled)
  }

  /// What a forward pass leaves behind, as far as it was asked for.
  struct Taps {
    /// Block outputs to copy, (B, N, C) contiguous, by block.
    var blocks: [(index: Int, destination: UnsafeMutablePointer<Float>)] = []
    /// Final features, (B, N, C) contiguous.
    var features: UnsafeMutablePointer<Float>?
    /// The block whose attention probabilities are wanted, (B, H, N, N) contiguous.
    var attention: (index: Int, destination: UnsafeMutablePointer<Float>)?
  }

  /// A pass over `batch` normalised inputs, (B, channels, H, W), (B, channels, T, H, W) or (B, P, 3) at `images`, in
  /// one parallel region. Pooled features and logits are left in the workspace. Allocates nothing.
  func run(images: UnsafePointer<Float>, batch: Int, _ workspace: Workspace, taps: Taps = Taps()) throws {
    var w = workspace.buffers
    w.batch = batch
    var pass = ImagePass(model: self, images: images, buffers: w, taps: taps)
    try engine.run(&pass, clock: workspace.profile?.clock) { member, pass in
      // SAFETY: the engine hands over `pass`, which members only read.
      let pass = pass.assumingMemoryBound(to: ImagePass.self)
      let (model, w, taps) = (pass.pointee.model, pass.pointee.buffers, pass.pointee.taps)
      let kernels = model.engine.kernels
      member.begin(.patchEmbedding)
      model.embed(&member, kernels, images: pass.pointee.images, w)
      model.encode(&member, kernels, w, taps, positions: w.points?.positions)
      model.readOut(&member, kernels, w, taps, clouds: pass.pointee.images)
    }
    carryNotFinite(w)
  }

  /// What the members of a pass over images share.
  private struct ImagePass {
    let model: VisionTransformer
    let images: UnsafePointer<Float>
    let buffers: Workspace.Buffers
    let taps: Taps
  }

  /// A pass of the blocks alone over tokens that stand in the workspace's x.
  func run(tokens: UnsafePointer<Float>, batch: Int, _ workspace: Workspace, taps: Taps = Taps()) throws {
    var w = workspace.buffers
    w.batch = batch
    let width = configuration.width
    try engine.run { member in
      member.share(w.batch * w.tokens) { row in
        (w.x + row * w.stride).update(from: tokens + row * width, count: width)
      }
      encode(&member, engine.kernels, w, taps, positions: nil)
      readOut(&member, engine.kernels, w, taps, clouds: nil)
    }
    carryNotFinite(w)
  }

  /// - Parameter positions: (B, N, C) with the stride of x, added before every block.
  private func encode(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ taps: Taps,
    positions: UnsafePointer<Float>?
  ) {
    for index in blocks.indices {
      if let positions { add(positions, &member, w) }
      if let attention = taps.attention, attention.index == index {
        blocks[index].attentionMaps(&member, kernels, configuration, w, into: attention.destination)
      }
      if index == blocks.count - 1, readsFirstTokenOnly(taps) {
        blocks[index].runFirstToken(&member, kernels, configuration, w)
      } else if index == blocks.count - 1, readsMeanOnly(taps) {
        blocks[index].runMean(of: configuration.pooledTokens(of: w.tokens), &member, kernels, configuration, w)
      } else {
        blocks[index].run(&member, kernels, configuration, w)
      }
      for tap in taps.blocks where tap.index == index { copyRows(&member, from: w.x, w, to: tap.destination) }
      if partHead != nil, positions != nil { keepFeatures(ofBlock: index, &member, kernels, w) }
    }
  }

  /// x += rows.
  private func add(_ rows: UnsafePointer<Float>, _ member: inout Member, _ w: Workspace.Buffers) {
    let width = configuration.width
    member.begin(.patchEmbedding)
    member.share(w.batch * w.tokens) { row in
      let (x, addend) = (w.x + row * w.stride, rows + row * w.stride)
      for column in 0..<width { x[column] += addend[column] }
    }
  }

  /// The output of a block, normalised, where the per-point head reads it.
  private func keepFeatures(
    ofBlock index: Int, _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers
  ) {
    guard let place = configuration.points?.featureBlocks.firstIndex(of: index), let points = w.points else { return }
    member.begin(.norm)
    finalNorm?.run(
      &member, kernels, x: w.x, xStride: w.stride, y: points.features + place * configuration.width,
      yStride: points.featureStride, rows: w.batch * w.tokens, width: configuration.width)
  }

  /// Whether nobody looks at the last block's other tokens.
  func readsFirstTokenOnly(_ taps: Taps) -> Bool {
    configuration.pooling == .token && taps.features == nil && !taps.blocks.contains { $0.index == blocks.count - 1 }
  }

  /// Whether nobody looks at anything but the mean of what the last block leaves; then the block takes it. Who asks for
  /// features or attention gets what is made of every token.
  func readsMeanOnly(_ taps: Taps) -> Bool {
    configuration.readsMeanOnly && taps.features == nil && taps.attention == nil
      && !taps.blocks.contains { $0.index == blocks.count - 1 }
  }

  func copyRows(
    _ member: inout Member, from rows: UnsafePointer<Float>, _ w: Workspace.Buffers,
    to destination: UnsafeMutablePointer<Float>
  ) {
    let width = configuration.width
    member.share(w.batch * w.tokens) { row in
      (destination + row * width).update(from: rows + row * w.stride, count: width)
    }
  }

  /// Final norm, pooling and head in timm's order: `norm` before pooling, or `fc_norm` after it.
  ///
  /// - Parameter clouds: what tokens were made of, which a per-point head reads too.
  private func readOut(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ taps: Taps, clouds: UnsafePointer<Float>?
  ) {
    let c = configuration
    var features = w.x
    if let finalNorm, !c.normalizesAfterPooling {
      member.begin(.norm)
      let spacing = readsFirstTokenOnly(taps) ? w.tokens : 1
      finalNorm.run(
        &member, kernels, x: w.x, xStride: w.stride * spacing, y: w.y, yStride: w.stride * spacing,
        rows: w.batch * w.tokens / spacing, width: c.width)
      features = w.y
    }
    if let destination = taps.features { copyRows(&member, from: features, w, to: destination) }
    member.begin(.pooling)
    let reduction = readsMeanOnly(taps) ? .token : c.reduction
    member.share(w.batch) { image in
      pool(
        kernels, features + image * w.tokens * w.stride, w, reduction, into: w.pooled + image * w.pooledStride,
        scratch: w.hidden + image * w.hiddenStride)
      keepTokens(features + image * w.tokens * w.stride, w, image)
    }
    if let finalNorm, c.normalizesAfterPooling {
      member.begin(.norm)
      finalNorm.run(
        &member, kernels, x: w.pooled, xStride: w.pooledStride, y: w.pooled, yStride: w.pooledStride, rows: w.batch,
        width: c.width)
    }
    pool(throughPooler: &member, kernels, w)
    if let points = w.points {
      member.begin(.head)
      classHead?.run(&member, kernels, w, points)
      if let clouds { partHead?.run(&member, kernels, clouds: clouds, w, points) }
    }
    headNorm?.run(
      &member, kernels, x: w.pooled, xStride: w.pooledStride, y: w.pooled, yStride: w.pooledStride, rows: w.batch,
      width: c.width)
    guard let head else { return }
    member.begin(.head)
    head.run(
      &member, kernels, a: c.isDistilled ? tokenRows(w) : w.pooled, lda: w.pooledStride, m: w.batch, c: w.logits,
      ldc: c.classCount,
      epilogue: Epilogue(),
      partial: w.partial, scratch: w.scratch + member.index * w.scratchStride)
  }

  private func pool(
    _ kernels: KernelTable, _ tokens: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ reduction: VisionTransformerConfiguration.Pooling, into result: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let c = configuration
    let range = c.pooledTokens(of: w.tokens)
    let (first, count) = (tokens + range.lowerBound * w.stride, range.count)
    switch reduction {
    case .token: result.update(from: tokens, count: c.width)
    case .mean, .prefixMean, .none: kernels.pool(first, w.stride, count, c.width, false, result)
    case .maximum: kernels.pool(first, w.stride, count, c.width, true, result)
    case .tokenAndMean:
      result.update(from: tokens, count: c.width)
      kernels.pool(first, w.stride, count, c.width, false, result + c.width)
    case .tokenAndMaximum:
      result.update(from: tokens, count: c.width)
      kernels.pool(first, w.stride, count, c.width, true, result + c.width)
    case .averageMaximum:
      kernels.pool(first, w.stride, count, c.width, false, result)
      kernels.pool(first, w.stride, count, c.width, true, scratch)
      for column in 0..<c.width { result[column] = 0.5 * (result[column] + scratch[column]) }
    }
  }
}
