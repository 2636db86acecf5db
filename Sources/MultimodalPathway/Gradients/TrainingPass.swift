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
///   `VisionTransformer` gives with the same weights in the same precision, in any execution but two-branch.
/// - In bfloat16, operands of the products of blocks and patch embedding are rounded to it, forward and backward: W_hat
///   while it is packed, activations, and gradients of layers' outputs. Parameters, their gradients, the residual
///   stream and its gradient, norms, statistics, the head and all sums are float32.
/// - One gradient for every pathway: `G = dL/dW_hat` of `W_hat = W + sum_m lambda_m W'_m`. Then `dL/dW = G`,
///   `dL/dW'_m = lambda_m G`, and `dL/dlambda_m = sum(G W'_m)`, with combined biases `+ sum(dL/db_hat b'_m)`, which the
///   caller's optimiser forms while it reads G.
/// - Sums: a gradient is summed from zero in ascending order of rows, or of fixed pieces of rows, and added to memory
///   once. Gradients of several passes have the bits of separate ones that are added in the order of the passes.
/// - Threads share out whole items: no bit depends on their number.
/// - Nothing is allocated after `init`.
package final class TrainingPass {
  /// The same transformer for evaluation: its weights are the caller's parameters. `forward` of this pass computes what
  /// it derives from them, such as biases with pathways; call `update` where parameters have changed since.
  package let model: VisionTransformer
  /// Most inputs of a pass.
  package let batch: Int
  /// (B, classes) contiguous, of the last `forward`; without a head, the pooled features, (B, C or 2C).
  package var logits: UnsafeMutablePointer<Float> { buffers.exit.logits }
  /// dL/dlogits, (B, classes) contiguous: the caller writes it before `backward`.
  package var logitGradients: UnsafeMutablePointer<Float> { buffers.logitGradients }
  /// Where the time of passes goes; nil: it is not taken.
  package let profile: TrainingProfile?
  /// Bytes of the pass's memory by part; parameters and gradients are the caller's.
  package var memory: [(part: String, bytes: Int)] { buffers.parts }

  private let buffers: TrainingMemory
  private let gradients: TransformerGradients
  private let tokenizer: PatchEmbedding.Loaded
  private let head: Linear.Loaded?
  private let recomputesBlocks: Bool
  /// Compute what is derived from parameters.
  private let refreshes: [() -> Void]
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
  ///     gradient is not computed.
  ///   - pathways: in the order of folding.
  ///   - precision: of the operands of products, float32 or bfloat16.
  ///   - batch: most inputs of a pass.
  ///   - recomputesBlocks: whether `backward` computes every block but the last again, instead of `forward` keeping its
  ///     activations: a third more work, memory for one block, the same bits (Chen et al. 2016, arXiv 1604.06174).
  ///   - profiled: whether the time of passes is taken, operation by operation.
  /// - Throws: `GradientError` for what has no gradient; `MemoryError`; `EngineError`.
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
    let places = zip(names, gradients).compactMap { name, place in place.map { (name, $0) } }
    self.gradients = try TransformerGradients(
      layers, in: GradientPlaces(Dictionary(uniqueKeysWithValues: places)))
    let loader = ArenaLoader(
      Dictionary(uniqueKeysWithValues: zip(names, parameters)), terms: pathways, precision: precision)
    model = try VisionTransformer(configuration, layers, execution: .folded, loader: loader, engine: engine)
    guard let tokenizer = model.tokenizer as? PatchEmbedding.Loaded else {
      throw GradientError(part: "the tokenizer of point clouds")
    }
    self.tokenizer = tokenizer
    head = (model.head as? LinearHead.Loaded)?.layer
    refreshes = loader.refreshes
    buffers = try TrainingMemory(
      configuration, layers, precision: precision, batch: batch,
      keepsBranches: self.gradients.blocks.contains { $0.hasScale }, recomputesBlocks: recomputesBlocks, engine: engine)
    self.batch = batch
    self.recomputesBlocks = recomputesBlocks
    profile = profiled ? TrainingProfile(threads: engine.threads) : nil
  }

  /// Computes again what `model` derives from parameters.
  package func update() { for refresh in refreshes { refresh() } }

  /// Logits of `batch` normalised inputs, in `logits`; keeps what `backward` reads.
  ///
  /// - Parameters:
  ///   - inputs: (B, channels, H, W) or (B, channels, T, H, W), valid until `backward` returns.
  ///   - dropPath: (depth, 2, B) factors of both branches of every block, valid until `backward` returns: 0 drops an
  ///     input's branch, 1 / (1 - p) keeps it; nil: ones.
  /// - Throws: `InferenceError.workspaceTooSmall`; `EngineError`.
  package func forward(
    _ inputs: UnsafePointer<Float>, batch: Int, dropPath: UnsafePointer<Float>? = nil
  ) throws {
    guard (1...self.batch).contains(batch) else {
      throw InferenceError.workspaceTooSmall(batch: batch, found: self.batch)
    }
    self.inputs = nil
    update()
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
      let w = buffers(training.buffers.exit)
      member.begin(.patchEmbedding)
      training.tokenizer.embed(&member, kernels, inputs: inputs.values, buffers(training.buffers.entry))
      for index in model.blocks.indices { runBlock(index, &member) }
      model.readOut(&member, kernels, w, VisionTransformer.Taps(), inputs: nil)
      if training.head == nil { copyPooled(&member, w) }
    }

    func runBackward(_ member: inout Member) {
      let (gradients, g) = (training.gradients, training.buffers.gradients)
      model.readOutGradient(
        &member, kernels, buffers(training.buffers.exit), g, logitGradients: training.logitGradients,
        head: training.head, into: gradients)
      for index in (gradients.firstBlock..<model.blocks.count).reversed() {
        // What the last block keeps is still there.
        if training.recomputesBlocks, index < model.blocks.count - 1 { runBlock(index, &member) }
        model.blocks[index].runGradient(
          &member, kernels, block(index), g, into: gradients.blocks[index], computing: output(index))
      }
      if gradients.embedding.isEmpty { return }
      training.tokenizer.runGradient(
        &member, kernels, inputs: inputs.values, buffers(training.buffers.entry), g, into: gradients.embedding)
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
  }
}
