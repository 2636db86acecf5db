import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Multi-head self-attention, softmax(q k^T / sqrt(D)) v between two linear layers (Vaswani et al. 2017, arXiv
/// 1706.03762; timm's `Attention`).
struct Attention: Sendable {
  /// (3C, C): queries, keys and values of all heads.
  let qkv: Linear
  /// (C, C).
  let projection: Linear
  /// H.
  let heads: Int
  /// D.
  let headSize: Int

  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, block: Int) {
    qkv = Linear(
      scope("qkv"), c.width, 3 * c.width, bias: c.qkvBias, joint: .init(block: block, layer: .qkv))
    projection = Linear(scope("proj"), c.width, c.width, joint: .init(block: block, layer: .projection))
    (heads, headSize) = (c.heads, c.headSize)
  }

  func loaded(by loader: some ParameterLoader) throws -> Loaded {
    Loaded(
      qkv: try loader.linear(qkv, loader.precision[qkv]),
      projection: try loader.linear(projection, loader.precision[projection]), heads: heads, headSize: headSize)
  }

  /// Multiply-adds of `queries` tokens that attend to `tokens`, without the linear layers.
  func products(queries: Int, tokens: Int) -> Double {
    2 * Double(queries) * Double(tokens) * Double(heads) * Double(headSize)
  }

  /// Floats of scratch of one member.
  func scratchCount(tokens: Int, _ kernels: KernelTable) -> Int {
    max(
      attentionScratchCount(
        tokens: tokens, headSize: headSize, panelColumns: kernels.panelColumns, tileRows: kernels.tileRows),
      kernels.integerAttentionScratchCount(tokens: tokens, headSize: headSize))
  }
}

// MARK: - Forward

extension Attention {
  /// Attention with its weights in memory.
  struct Loaded: Sendable {
    let qkv: Linear.Loaded
    let projection: Linear.Loaded
    let heads: Int
    let headSize: Int

    /// C.
    private var width: Int { heads * headSize }
    /// What q, k and v are stored as, and attention's output.
    var precision: Precision { projection.precision.handedOn }
    /// Whether attention's own products are int8, of what is stored in bfloat16.
    var isInteger: Bool { projection.precision == .int8 }

    /// The kernel's arguments for one head of one input.
    func arguments(input: Int, head: Int, _ b: BlockBuffers) -> AttentionArguments {
      Self.arguments(input: input, head: head, heads: heads, headSize: headSize, precision, b)
    }

    /// - Parameter precision: float32 or bfloat16, of q, k, v and the output.
    static func arguments(
      input: Int, head: Int, heads: Int, headSize: Int, _ precision: Precision, _ b: BlockBuffers
    ) -> AttentionArguments {
      let width = heads * headSize
      let bytes = precision == .float32 ? 4 : 2
      let perWord = 4 / bytes
      let stride = Workspace.padded((3 * width + perWord - 1) / perWord) * 4
      let outputStride = Workspace.padded((width + perWord - 1) / perWord) * 4
      let row = input * b.tokens
      let q = UnsafeRawPointer(b.qkv) + row * stride + head * headSize * bytes
      var arguments = AttentionArguments(
        q: q, k: q + width * bytes, v: q + 2 * width * bytes, stride: stride,
        output: UnsafeMutableRawPointer(b.attended) + row * outputStride + head * headSize * bytes,
        outputStride: outputStride, tokens: b.tokens, headSize: headSize, scale: 1 / Float(headSize).squareRoot())
      arguments.statistics = b.statistics.map { $0 + (input * heads + head) * 2 * b.tokens }
      return arguments
    }

    /// `attended` = attention of `qkv`, of the first `queries` tokens of every input. An item of work is a piece of one
    /// head's queries.
    func run(_ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, queries: Int) {
      let scratch = b.scratch(member)
      let items = b.batch * heads
      let attention = isInteger ? kernels.integerAttention : kernels.activations(precision).attention
      // At least four items a member where heads are few, but no piece under 48 queries: each packs the head's K and V
      // again.
      let pieces = max(1, min((4 * member.count + items - 1) / items, queries / 48))
      member.parallelFor(items * pieces) { item in
        let (input, head, piece) = (item / pieces / heads, item / pieces % heads, item % pieces)
        var arguments = arguments(input: input, head: head, b)
        attention(&arguments, Span1D(queries * piece / pieces, queries * (piece + 1) / pieces), scratch)
      }
    }

    /// Attention probabilities of every head, (B, H, N, N), from q and k in `qkv`; changes `attended`. In int8's plan they
    /// are those of q and k as stored, in bfloat16, before the pass makes integers of them.
    func probabilities(
      _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, into maps: UnsafeMutablePointer<Float>
    ) {
      let scratch = b.scratch(member)
      member.parallelFor(b.batch * heads) { item in
        var arguments = arguments(input: item / heads, head: item % heads, b)
        kernels.activations(precision).attentionProbabilities(
          &arguments, Span1D(0, b.tokens), maps + item * b.tokens * b.tokens, scratch)
      }
    }
  }
}

// MARK: - Reference

extension Attention {
  /// Softmax attention of qkv, (rows, 3C) of every copy: (rows, C), before the projection.
  func reference(_ pass: ReferencePass, qkv: DoubleBuffer, batch: Int, tokens: Int) throws -> DoubleBuffer {
    let attended = try DoubleBuffer.zeros(pass.copies * batch * tokens * heads * headSize)
    let attention = DoubleAttention(
      copies: pass.copies, batch: batch, tokens: tokens, heads: heads, headSize: headSize, signs: pass.signs,
      step: pass.nextStep())
    try pass.engine.run { member in
      member.parallelFor(attention.items) { attention.head($0, qkv.base, attended.base) }
    }
    return attended
  }
}
