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
  let blocks: [Block.Loaded]
  let hidesNotFinite: Bool
  let layers: TransformerLayers
  private let hasBranches: Bool
  let tokenizer: any LoadedTokenizer
  let finalNorm: LayerNorm.Loaded?
  let headNorm: LayerNorm.Loaded?
  let pooler: Pooler.Loaded?
  let head: (any LoadedHead)?

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
  /// - Parameter progress: called with the share of the blocks that are loaded, from 0 to 1. It may throw to stop.
  /// - Throws: what `progress` throws; `PathwayError.notALayer` where the plan names a layer that the model does not
  ///   have, `.neverInt8` where it wants a patch embedding in int8; `NotFiniteError` where a weight is NaN or infinite;
  ///   `EngineError`; `MemoryError`.
  public convenience init(
    _ weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan = .float32, engine: Engine,
    progress: (Double) throws -> Void = { _ in }
  ) throws {
    try self.init(
      weights, execution: execution, precision: precision, shared: nil, engine: engine, progress: progress)
  }

  /// A transformer with other pathways than `model`, which was loaded of `old`, in the same execution and precision.
  /// Both share the layers whose pathways are equal, if the targets are the same.
  ///
  /// - Throws: as `init(_:execution:precision:engine:progress:)`.
  convenience init(_ weights: PathwayWeights, like model: VisionTransformer, of old: PathwayWeights) throws {
    try self.init(
      weights, execution: model.execution, precision: model.precision,
      shared: SharedLayers(model, of: old, for: weights), engine: model.engine, progress: { _ in })
  }

  private convenience init(
    _ weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan, shared: SharedLayers?,
    engine: Engine, progress: (Double) throws -> Void
  ) throws {
    let layers = TransformerLayers(weights.target.configuration)
    do {
      // Matrices are looked at while they are packed.
      let packed = layers.packedNames
      try weights.target.requireFinite(engine: engine) { !packed.contains($0) }
      try self.init(
        finite: weights, layers, execution: execution, precision: precision, shared: shared, engine: engine,
        progress: progress)
    } catch let error as WeightNotFinite {
      throw try weights.notFiniteError(engine: engine) ?? error
    }
  }

  private convenience init(
    finite weights: PathwayWeights, _ layers: TransformerLayers, execution: PathwayExecution,
    precision: PrecisionPlan, shared: SharedLayers?, engine: Engine, progress: (Double) throws -> Void
  ) throws {
    let c = weights.target.configuration
    try precision.validate(c)
    let loader = WeightLoader(
      weights: weights, execution: execution, precision: precision.completed(for: c), arena: WeightArena(),
      engine: engine, shared: shared)
    try SystemMemory.require(layers.weightBytes(loader), for: .weights)
    try self.init(c, layers, execution: execution, loader: loader, engine: engine, progress: progress)
  }

  /// - Parameter layers: those of `c`.
  init(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, execution: PathwayExecution,
    loader: some ParameterLoader, engine: Engine, progress: (Double) throws -> Void = { _ in }
  ) throws {
    self.layers = layers
    configuration = c
    inputShape = c.inputShape
    self.engine = engine
    self.execution = execution
    precision = loader.precision
    hidesNotFinite = Self.hidesNotFinite(c, loader.precision)
    blocks = try layers.blocks.enumerated().map { index, block in
      try progress(Double(index) / Double(layers.blocks.count))
      return try block.loaded(by: loader)
    }
    hasBranches = blocks.contains { block in
      PathwayLayer.allCases.contains { !block.linear($0).branches.isEmpty }
    }
    tokenizer = try layers.tokenizer.loaded(by: loader)
    finalNorm = try layers.finalNorm?.loaded(by: loader)
    headNorm = try layers.headNorm?.loaded(by: loader)
    pooler = try layers.pooler?.loaded(by: loader)
    head = try layers.head?.loaded(by: loader)
    try progress(1)
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
      configuration, layers, batch: batch, tokens: tokens, hasBranches: hasBranches, engine: engine, profiled: profiled)
  }

  /// What a forward pass copies out, as far as it was asked for.
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
    begin(&w, workspace)
    var pass = ImagePass(model: self, images: images, buffers: w, taps: taps)
    try engine.run(&pass, clock: workspace.profile?.clock) { member, pass in
      // SAFETY: the engine hands over `pass`, which members only read.
      let pass = pass.assumingMemoryBound(to: ImagePass.self)
      let (model, w, taps) = (pass.pointee.model, pass.pointee.buffers, pass.pointee.taps)
      let kernels = model.engine.kernels
      member.begin(.patchEmbedding)
      model.tokenizer.embed(&member, kernels, inputs: pass.pointee.images, w)
      model.encode(&member, kernels, w, taps, positions: w.points?.positions)
      model.readOut(&member, kernels, w, taps, inputs: pass.pointee.images)
    }
    try finish(w)
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
    begin(&w, workspace)
    let width = configuration.width
    try engine.run { member in
      member.parallelFor(w.batch * w.tokens) { row in
        (w.x + row * w.stride).update(from: tokens + row * width, count: width)
      }
      encode(&member, engine.kernels, w, taps, positions: nil)
      readOut(&member, engine.kernels, w, taps, inputs: nil)
    }
    try finish(w)
  }

  private func begin(_ w: inout Workspace.Buffers, _ workspace: Workspace) {
    w.cancellation = workspace.cancellation.map { Unmanaged.passUnretained($0) }
    w.ends?.update(repeating: 0, count: blocks.count)
  }

  /// - Throws: `CancellationError` where the pass ended after a block.
  private func finish(_ w: Workspace.Buffers) throws {
    if let ends = w.ends, blocks.indices.contains(where: { ends[$0] != 0 }) { throw CancellationError() }
    carryNotFinite(w)
  }

  /// - Parameter positions: (B, N, C) with the stride of x, added before every block.
  private func encode(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ taps: Taps,
    positions: UnsafePointer<Float>?
  ) {
    let buffers = w.block
    for index in blocks.indices {
      if let cancellation = w.cancellation, let ends = w.ends {
        if index > 0, ends[index - 1] != 0 { return }
        // SAFETY: the workspace, which outlives the pass, keeps the object.
        if member.index == 0, cancellation._withUnsafeGuaranteedRef(\.isCancelled) { ends[index] = 1 }
      }
      if let positions { add(positions, to: w.x, &member, w) }
      if let attention = taps.attention, attention.index == index {
        blocks[index].attentionMaps(&member, kernels, buffers, into: attention.destination)
      }
      blocks[index].run(&member, kernels, buffers, computing: output(ofBlock: index, tokens: w.tokens, taps))
      for tap in taps.blocks where tap.index == index { copyRows(&member, from: w.x, w, to: tap.destination) }
      if positions != nil { keepFeatures(ofBlock: index, output: w.x, &member, kernels, w) }
    }
  }

  /// What a pass computes of a block's output: of the last one, only what is read.
  func output(ofBlock index: Int, tokens: Int, _ taps: Taps) -> BlockOutput {
    guard index == blocks.count - 1 else { return .allTokens }
    if readsFirstTokenOnly(taps) { return .firstToken }
    return readsMeanOnly(taps) ? .mean(of: configuration.pooledTokens(of: tokens)) : .allTokens
  }

  /// x += rows, (B N, C) both with the stride of `w.x`.
  func add(
    _ rows: UnsafePointer<Float>, to x: UnsafeMutablePointer<Float>, _ member: inout Member, _ w: Workspace.Buffers
  ) {
    let width = configuration.width
    member.begin(.patchEmbedding)
    member.parallelFor(w.batch * w.tokens) { row in
      let (x, addend) = (x + row * w.stride, rows + row * w.stride)
      for column in 0..<width { x[column] += addend[column] }
    }
  }

  /// The output of a block, (B N, C) with the stride of `w.x`, normalised, where the head reads it.
  func keepFeatures(
    ofBlock index: Int, output: UnsafePointer<Float>, _ member: inout Member, _ kernels: KernelTable,
    _ w: Workspace.Buffers
  ) {
    guard let place = head?.featureBlocks.firstIndex(of: index), let points = w.points else { return }
    member.begin(.norm)
    finalNorm?.run(
      &member, kernels, x: output, xStride: w.stride, y: points.features + place * configuration.width,
      yStride: points.featureStride, rows: w.batch * w.tokens)
  }

  /// Whether the last block's other tokens are not read.
  func readsFirstTokenOnly(_ taps: Taps) -> Bool {
    configuration.pooling == .token && taps.features == nil && !taps.blocks.contains { $0.index == blocks.count - 1 }
  }

  /// Whether only the mean of the last block's output is read, which the block then takes. Features and attention are
  /// of every token.
  func readsMeanOnly(_ taps: Taps) -> Bool {
    configuration.readsMeanOnly && taps.features == nil && taps.attention == nil
      && !taps.blocks.contains { $0.index == blocks.count - 1 }
  }

  func copyRows(
    _ member: inout Member, from rows: UnsafePointer<Float>, _ w: Workspace.Buffers,
    to destination: UnsafeMutablePointer<Float>
  ) {
    let width = configuration.width
    member.parallelFor(w.batch * w.tokens) { row in
      (destination + row * width).update(from: rows + row * w.stride, count: width)
    }
  }

  /// Final norm, pooling and head in timm's order.
  ///
  /// - Parameter inputs: what tokens were made of, which a per-point head reads too.
  private func readOut(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ taps: Taps, inputs: UnsafePointer<Float>?
  ) {
    pool(&member, kernels, w, taps)
    guard let head else { return }
    member.begin(.head)
    head.run(&member, kernels, inputs: inputs, w)
  }

  /// What a head reads: final norm and pooling, `norm` before pooling, or `fc_norm` after it.
  func pool(_ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ taps: Taps) {
    let c = configuration
    var features = w.x
    if let finalNorm, !c.normalizesAfterPooling {
      member.begin(.norm)
      let spacing = readsFirstTokenOnly(taps) ? w.tokens : 1
      finalNorm.run(
        &member, kernels, x: w.x, xStride: w.stride * spacing, y: w.y, yStride: w.stride * spacing,
        rows: w.batch * w.tokens / spacing)
      features = w.y
    }
    if let destination = taps.features { copyRows(&member, from: features, w, to: destination) }
    member.begin(.pooling)
    layers.pooling.run(&member, kernels, tokens: features, isMean: readsMeanOnly(taps), w)
    func normalize(
      _ norm: LayerNorm.Loaded?, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ member: inout Member
    ) {
      norm?.run(&member, kernels, x: x, xStride: w.pooledStride, y: y, yStride: w.pooledStride, rows: w.batch)
    }
    if c.normalizesAfterPooling {
      member.begin(.norm)
      normalize(finalNorm, w.pooledTokens, to: w.pooledNormalized, &member)
    }
    if let pooler {
      member.begin(.head)
      pooler.run(&member, kernels, w)
    }
    normalize(headNorm, w.pooledNormalized, to: w.pooled, &member)
  }
}
