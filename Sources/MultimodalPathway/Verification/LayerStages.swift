import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// Walks a model block by block and shows every linear layer its real input.
package struct LayerStages {
  /// What there is when a layer's input is ready.
  package struct Stage {
    package let layer: PathwayLayer
    /// (rows, K), in the layer's format.
    package let input: Activations
    package let rows: Int
    /// The residual stream, (rows, C).
    package let stream: UnsafePointer<Float>
    package let streamStride: Int
    private let buffers: BlockBuffers
    private let attention: Attention.Loaded

    fileprivate init(
      _ layer: PathwayLayer, _ input: Activations, of block: Block.Loaded, _ buffers: BlockBuffers
    ) {
      self.layer = layer
      self.input = input
      rows = buffers.batch * buffers.tokens
      (stream, streamStride) = (UnsafePointer(buffers.input), buffers.stride)
      self.buffers = buffers
      attention = block.attention
    }

    /// What q, k and v are stored as, and attention's output.
    package var attentionPrecision: Precision { attention.precision }
    /// Whether attention's own products are int8.
    package var attentionIsInteger: Bool { attention.isInteger }

    /// Where q, k and v of a head stand when the projection's input is ready.
    package func attention(image: Int, head: Int) -> AttentionArguments {
      attention.arguments(input: image, head: head, buffers)
    }
  }

  private let model: VisionTransformer
  /// Where the blocks are done.
  let workspace: Workspace
  private let blockInputs: [Tensor]
  /// Added before every block.
  private let positions: Tensor?

  /// - Parameter input: what the model takes, or tokens, (B, N, C).
  package init(_ model: VisionTransformer, input: Tensor) throws {
    self.model = model
    let depth = model.configuration.depth
    // Block i's input is block i - 1's output; block 0's is what a model without blocks would hand on.
    let isTokens = model.configuration.takesAsTokens(input)
    let outputs =
      isTokens
      ? try model.forward(tokens: input, blocks: Array(0..<depth)) : try model.forward(input, blocks: Array(0..<depth))
    let (first, positions) = isTokens ? (input, nil) : try model.embedded(input)
    self.positions = positions
    blockInputs = [first] + (0..<depth).compactMap { outputs.blocks[$0] }
    workspace = try model.workspace(batch: input.shape[0], tokens: first.shape[1])
  }

  /// Calls `body` with every layer of a block.
  package func forEachLayer(ofBlock index: Int, _ body: (Stage) throws -> Void) throws {
    let w = workspace.buffers
    let rows = w.batch * w.tokens
    let width = model.configuration.width
    blockInputs[index].withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      for row in 0..<rows { (w.x + row * w.stride).update(from: base + row * width, count: width) }
    }
    positions?.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      for index in 0..<rows * width { w.x[index / width * w.stride + index % width] += base[index] }
    }
    let block = model.blocks[index]
    try block.runInStages(model.engine, w.block) { layer, input in
      try body(Stage(layer, input, of: block, w.block))
    }
    withExtendedLifetime(workspace) {}
  }
}

extension Linear.Loaded {
  /// The layer alone, x W^T + b, (rows, N) contiguous.
  func output(_ x: Activations, rows: Int, engine: Engine) throws -> FloatBuffer {
    let count = SystemMemory.product(rows, weight.n)
    let result = try FloatBuffer(count: count, for: .verification)
    let partial = try FloatBuffer(count: branches.isEmpty ? 0 : count, for: .verification)
    let stride = LinearProduct.scratchCount(engine.kernels, k: weight.k)
    let scratch = FloatBuffer(count: stride * engine.threads)
    try engine.run { member in
      run(
        &member, engine.kernels, a: x, m: rows, c: result.base, ldc: weight.n, epilogue: Epilogue(),
        partial: partial.base, scratch: scratch.base + member.index * stride)
    }
    return result
  }
}
