import PathwayKernelTemplates
import PathwayKernels

/// One auxiliary's share of one linear layer, `W_hat = W + lambda W'`, `b_hat = b + lambda b'`.
package struct TrainedTerm {
  /// The block of the target that the layer is in.
  package var block: Int
  package var layer: PathwayLayer
  /// W', of the layer's shape.
  package var weight: UnsafePointer<Float>
  /// b', (out); nil: the layer keeps its own bias.
  package var bias: UnsafePointer<Float>?
  /// lambda, read in every pass.
  package var scale: UnsafePointer<Float>

  package init(
    block: Int, layer: PathwayLayer, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
    scale: UnsafePointer<Float>
  ) {
    (self.block, self.layer, self.weight, self.bias, self.scale) = (block, layer, weight, bias, scale)
  }
}

/// A transformer's forward and backward pass over parameters in the caller's memory.
///
/// The pass knows nothing of optimisers, losses or data: the caller reads `logits`, writes `logitGradients`, and owns
/// the memory of parameters and gradients.
///
///     let pass = try TrainingPass(configuration, parameters: p, gradients: g, batch: 32, engine: engine)
///     ...                                       // g = 0
///     try pass.forward(inputs, batch: 32)       // logits
///     ...                                       // loss; logitGradients = dL/dlogits
///     try pass.backward()                       // g += dL/dp
///     ...                                       // p = optimiser(p, g)
///
/// - One forward: it is inference's, with buffers that do not share memory. Its logits have the bits that
///   `VisionTransformer` gives with the same weights in the same precision, in any execution but two-branch. Batch
///   norms are the exception: tokenizers and heads of points normalise with the statistics of the batch.
/// - Running statistics of batch norms are parameters without a gradient (`statistics`). Every `forward` moves them
///   where the caller has them, as PyTorch's batch norms do in training.
/// - In bfloat16, operands of the products of blocks and patch embedding are rounded to it, forward and backward: W_hat
///   while it is packed, activations, and gradients of layers' outputs. Parameters, their gradients, the residual
///   stream and its gradient, norms, statistics, layers of points, the head and all sums are float32.
/// - One gradient for every pathway: `G = dL/dW_hat` of `W_hat = W + sum_m lambda_m W'_m`. Then `dL/dW = G`,
///   `dL/dW'_m = lambda_m G`, and `dL/dlambda_m = sum(G W'_m)`, with combined biases `+ sum(dL/db_hat b'_m)`, which the
///   caller's optimiser forms while it reads G.
/// - Sums: a gradient is summed from zero in ascending order of rows, or of fixed pieces of rows, and added to memory
///   once. Gradients of several passes have the bits of separate ones that are added in the order of the passes.
/// - Threads share out whole items: no bit depends on their number.
/// - Nothing is allocated after `init`.
package final class TrainingPass {
  /// The same transformer for evaluation: its weights are the caller's parameters. `forward` of this pass computes what
  /// it derives from them, such as biases with pathways; call `update` where parameters have changed since, and in any
  /// case for point transformers.
  package let model: VisionTransformer
  /// Most inputs of a pass.
  package let batch: Int
  /// Fewest inputs of a pass: batch norms over inputs need two.
  package var leastBatch: Int { head?.leastBatch ?? 1 }
  /// (B, classes) contiguous, of the last `forward`; without a head, the pooled features, (B, C or 2C).
  package var logits: UnsafeMutablePointer<Float> { buffers.exit.logits }
  /// dL/dlogits, (B, classes) contiguous: the caller writes it before `backward`.
  package var logitGradients: UnsafeMutablePointer<Float> { buffers.logitGradients }
  /// Where the time of passes goes; nil: it is not taken.
  package let profile: TrainingProfile?
  /// Bytes of the pass's memory by part; parameters and gradients are the caller's.
  package var memory: [(part: String, bytes: Int)] { buffers.parts + tokenizer.memory + (head?.memory ?? []) }
  /// Names of the running statistics, in the order of the parameters.
  package let statistics: [String]

  private let buffers: TrainingMemory
  private let gradients: TransformerGradients
  private let tokenizer: any TrainedTokenizer
  private let head: (any TrainedHead)?
  private let recomputesBlocks: Bool
  /// Compute what is derived from parameters.
  private let refreshes: [() -> Void]
  private let remakes: [() throws -> Void]
  private var inputs: Inputs?

  /// What the last forward pass read.
  private struct Inputs {
    let values: UnsafePointer<Float>
    let batch: Int
    let dropPath: UnsafePointer<Float>?
  }

  /// - Parameters:
  ///   - configuration: a valid one.
  ///   - parameters: an address for each of `configuration.parameters`, of `count` contiguous floats that are read in
  ///     every pass. They may change between a `backward` and the next `forward`.
  ///   - gradients: an address for each of them, which `backward` adds to; nil: the parameter is frozen, and its
  ///     gradient is not computed. Running statistics have none in any case.
  ///   - pathways: in the order of folding.
  ///   - precision: of the operands of products, float32 or bfloat16.
  ///   - batch: most inputs of a pass.
  ///   - recomputesBlocks: whether `backward` computes every block but the last again, instead of `forward` keeping its
  ///     activations: a third more work, memory for one block, the same bits (Chen et al. 2016, arXiv 1604.06174).
  ///   - profiled: whether the time of passes is taken, operation by operation.
  /// - Throws: `BatchNormError`; `WeightNotFinite`; `MemoryError`; `EngineError`.
  /// - Precondition: there are as many addresses as parameters, pathways name blocks that exist, and the precision is
  ///   not int8.
  package init(
    _ configuration: VisionTransformerConfiguration, parameters: [UnsafeMutablePointer<Float>],
    gradients: [UnsafeMutablePointer<Float>?], pathways: [TrainedTerm] = [], precision: Precision = .float32,
    batch: Int, recomputesBlocks: Bool = false, profiled: Bool = false, engine: Engine
  ) throws {
    let layers = TransformerLayers(configuration)
    let names = layers.parameters.map(\.name)
    precondition(parameters.count == names.count && gradients.count == names.count, "an address for each parameter")
    precondition(pathways.allSatisfy { layers.blocks.indices.contains($0.block) }, "pathways of blocks that exist")
    precondition(precision != .int8, "training is in float32 or bfloat16")
    statistics = layers.parameters.filter { $0.role == .mean || $0.role == .variance }.map(\.name)
    let addresses = zip(names, gradients).compactMap { name, place in place.map { (name, $0) } }
    let places = GradientPlaces(Dictionary(uniqueKeysWithValues: addresses))
    let loader = ArenaLoader(
      Dictionary(uniqueKeysWithValues: zip(names, parameters)), terms: pathways, precision: precision, engine: engine)
    model = try VisionTransformer(configuration, layers, execution: .folded, loader: loader, engine: engine)
    tokenizer = try layers.tokenizer.trained(by: loader, in: places, batch: batch)
    head = try layers.head?.trained(by: loader, in: places, batch: batch)
    self.gradients = TransformerGradients(layers, tokenizerIsFrozen: tokenizer.isFrozen, in: places)
    (refreshes, remakes) = (loader.refreshes, loader.remakes)
    buffers = try TrainingMemory(
      configuration, layers, precision: precision, batch: batch,
      keepsBranches: self.gradients.blocks.contains { $0.hasScale }, recomputesBlocks: recomputesBlocks, engine: engine)
    self.batch = batch
    self.recomputesBlocks = recomputesBlocks
    profile = profiled ? TrainingProfile(threads: engine.threads) : nil
  }

  /// Computes again what `model` derives from parameters. That of point transformers, whose batch norms are folded into
  /// packed weights, allocates memory.
  ///
  /// - Throws: `BatchNormError`; `WeightNotFinite`; `MemoryError`; `EngineError`.
  package func update() throws {
    for refresh in refreshes { refresh() }
    for remake in remakes { try remake() }
  }

  /// Logits of `batch` normalised inputs, in `logits`; keeps what `backward` reads.
  ///
  /// - Parameters:
  ///   - inputs: (B, channels, H, W), (B, channels, T, H, W) or (B, P, 3), valid until `backward` returns.
  ///   - dropPath: (depth, 2, B) factors of both branches of every block, valid until `backward` returns: 0 drops an
  ///     input's branch, 1 / (1 - p) keeps it; nil: ones.
  ///   - categories: (B), of a per-point head: the number of every cloud's category, -1 for none; empty: none is known.
  /// - Throws: `InferenceError.workspaceTooSmall`; `GradientError` where a batch norm over the inputs has one of them;
  ///   `EngineError`.
  package func forward(
    _ inputs: UnsafePointer<Float>, batch: Int, dropPath: UnsafePointer<Float>? = nil,
    categories: [Int32] = []
  ) throws {
    guard (1...self.batch).contains(batch) else {
      throw InferenceError.workspaceTooSmall(batch: batch, found: self.batch)
    }
    guard batch >= leastBatch else { throw GradientError(part: "a batch norm over one input") }
    if let points = buffers.exit.points {
      for cloud in 0..<batch { points.categories[cloud] = categories.isEmpty ? -1 : categories[cloud] }
    }
    self.inputs = nil
    for refresh in refreshes { refresh() }
    var pass = Pass(training: self, inputs: Inputs(values: inputs, batch: batch, dropPath: dropPath))
    try model.engine.run(&pass, clock: profile?.clock) { member, pass in
      // SAFETY: the engine hands over `pass`, which members only read.
      pass.assumingMemoryBound(to: Pass.self).pointee.runForward(&member)
    }
    self.inputs = pass.inputs
  }

  /// Adds the gradients of the last `forward`, with `logitGradients` as dL/dlogits; does nothing without one.
  ///
  /// - Throws: `EngineError`.
  package func backward() throws {
    guard let inputs else { return }
    self.inputs = nil
    var pass = Pass(training: self, inputs: inputs)
    try model.engine.run(&pass, clock: profile?.clock) { member, pass in
      // SAFETY: as in `forward`.
      pass.assumingMemoryBound(to: Pass.self).pointee.runBackward(&member)
    }
  }

  /// What the members of a pass share.
  private struct Pass {
    let training: TrainingPass
    let inputs: Inputs

    private var model: VisionTransformer { training.model }
    private var kernels: KernelTable { training.model.engine.kernels }

    func runForward(_ member: inout Member) {
      let (entry, w) = (buffers(training.buffers.entry), buffers(training.buffers.exit))
      member.begin(.patchEmbedding)
      training.tokenizer.embed(&member, kernels, inputs: inputs.values, entry)
      for index in model.blocks.indices {
        let b = block(index)
        if let points = w.points { model.add(points.positions, to: b.input, &member, w) }
        runBlock(index, &member)
        if let features = training.head?.blockFeatures { keep(features, ofBlock: index, b.output, &member, w) }
      }
      model.pool(&member, kernels, w, VisionTransformer.Taps())
      if let head = training.head {
        member.begin(.head)
        head.run(&member, kernels, inputs: inputs.values, w)
      } else {
        copyPooled(&member, w)
      }
    }

    func runBackward(_ member: inout Member) {
      let (gradients, g) = (training.gradients, training.buffers.gradients)
      let (entry, w) = (buffers(training.buffers.entry), buffers(training.buffers.exit))
      if let head = training.head {
        head.runGradient(&member, kernels, inputs: inputs.values, w, g, logitGradients: training.logitGradients)
      } else {
        copyPooledGradient(&member, w, g)
      }
      let features = training.head?.blockFeatures
      if let features {
        model.beginFeatureGradients(&member, w, g, features)
      } else {
        model.poolGradient(&member, kernels, w, g, into: gradients)
      }
      for index in model.blocks.indices.reversed() {
        if let features, let place = features.blocks.firstIndex(of: index) {
          model.featureGradient(&member, kernels, w, g, features, place)
        }
        if index < gradients.firstBlock { continue }
        // What the last block keeps is still there.
        if training.recomputesBlocks, index < model.blocks.count - 1 { runBlock(index, &member) }
        model.blocks[index].runGradient(
          &member, kernels, block(index), g, into: gradients.blocks[index], computing: output(index))
        if !training.tokenizer.isFrozen {
          training.tokenizer.noteBlockGradient(&member, w, g, isFirst: index == model.blocks.count - 1)
        }
      }
      if let features { model.endFeatureGradients(&member, features, into: gradients) }
      if training.tokenizer.isFrozen { return }
      training.tokenizer.runGradient(&member, kernels, inputs: inputs.values, entry, g)
    }

    /// The output of a block that the head reads, normalised, and for the backward pass as it is: positions are added
    /// to it afterwards.
    private func keep(
      _ features: BlockFeatures, ofBlock index: Int, _ output: UnsafePointer<Float>, _ member: inout Member,
      _ w: Workspace.Buffers
    ) {
      guard let place = features.blocks.firstIndex(of: index) else { return }
      model.keepFeatures(ofBlock: index, output: output, &member, kernels, w)
      let (width, kept) = (model.configuration.width, features.outputs[place])
      member.parallelFor(w.batch * w.tokens) { row in
        (kept + row * w.stride).update(from: output + row * w.stride, count: width)
      }
    }

    private func runBlock(_ index: Int, _ member: inout Member) {
      model.blocks[index].run(&member, kernels, block(index), computing: output(index))
    }

    private func output(_ index: Int) -> BlockOutput {
      model.output(ofBlock: index, tokens: training.buffers.exit.tokens, VisionTransformer.Taps())
    }

    private func buffers(_ w: Workspace.Buffers) -> Workspace.Buffers {
      var w = w
      w.batch = inputs.batch
      return w
    }

    private func block(_ index: Int) -> BlockBuffers {
      var b = training.buffers.blocks[index]
      b.batch = inputs.batch
      b.dropPath = inputs.dropPath.map { $0 + index * 2 * inputs.batch }
      return b
    }

    private func copyPooled(_ member: inout Member, _ w: Workspace.Buffers) {
      let width = model.configuration.pooledWidth
      member.parallelFor(w.batch) { input in
        (w.logits + input * width).update(from: w.pooled + input * w.pooledStride, count: width)
      }
    }

    private func copyPooledGradient(_ member: inout Member, _ w: Workspace.Buffers, _ g: GradientBuffers) {
      let width = model.configuration.pooledWidth
      member.parallelFor(w.batch) { input in
        (g.pooled + input * w.pooledStride).update(from: training.logitGradients + input * width, count: width)
      }
    }
  }
}
