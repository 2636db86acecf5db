import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// A pre-norm transformer block, x += ls1(attn(norm1(x))), x += ls2(mlp(norm2(x))) (timm's `Block`).
struct Block: Sendable {
  let norm1: LayerNorm
  let attention: Attention
  /// LayerScale's gamma, (C); absent: ones.
  let scale1: Parameter?
  let norm2: LayerNorm
  let mlp: MLP
  let scale2: Parameter?

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, _ index: Int) {
    let scope = scope("blocks.\(index)")
    func scale(_ name: String) -> Parameter? {
      c.hasLayerScale ? scope(name).parameter("gamma", [c.width], .gain) : nil
    }
    norm1 = LayerNorm(scope("norm1"), c.width, epsilon: c.epsilon)
    attention = Attention(scope("attn"), c, block: index)
    scale1 = scale("ls1")
    norm2 = LayerNorm(scope("norm2"), c.width, epsilon: c.epsilon)
    mlp = MLP(scope("mlp"), c, block: index)
    scale2 = scale("ls2")
  }

  /// The linear layers, in the order of `PathwayLayer`.
  var linears: [Linear] { PathwayLayer.allCases.map(linear) }

  func linear(_ layer: PathwayLayer) -> Linear {
    switch layer {
    case .qkv: attention.qkv
    case .projection: attention.projection
    case .fc1: mlp.fc1
    case .fc2: mlp.fc2
    }
  }

  func loaded(by loader: some ParameterLoader) throws -> Loaded {
    Loaded(
      norm1: try norm1.loaded(by: loader), attention: try attention.loaded(by: loader),
      scale1: try loader.vector(scale1), norm2: try norm2.loaded(by: loader), mlp: try mlp.loaded(by: loader),
      scale2: try loader.vector(scale2))
  }

  /// What a pass of `tokens` tokens an input needs of the workspace.
  func needs(tokens: Int, _ kernels: KernelTable) -> WorkspaceNeeds {
    let widest = max(mlp.fc2.inputs, norm1.width)
    return WorkspaceNeeds(
      hidden: mlp.fc1.outputs,
      scratch: max(
        LinearProduct.scratchCount(kernels, k: widest), attention.scratchCount(tokens: tokens, kernels)))
  }

  /// Multiply-adds of the matrix products of one input of `tokens` tokens.
  func products(tokens: Int) -> Double {
    linears.reduce(attention.products(queries: tokens, tokens: tokens)) { $0 + $1.products(rows: tokens) }
  }
}

// MARK: - Reference

extension Block {
  /// x, (B N, C) of every copy, through the block, in place.
  ///
  /// - Parameter pooled: the tokens of which a mean is all that is read afterwards, where that is so.
  /// - Returns: (copies B, C): that mean, taken before fc2.
  func reference(
    _ pass: ReferencePass, _ x: DoubleBuffer, batch: Int, tokens: Int, pooled: Range<Int>?
  ) throws -> DoubleBuffer? {
    let rows = batch * tokens
    let width = norm1.width
    var (qkv, deviation) = try attention.qkv.reference(pass, norm1.reference(pass, x, rows: rows), rows: rows)
    pass.probe(qkv, deviation, count: rows * 3 * width)
    let attended = try attention.reference(pass, qkv: qkv, batch: batch, tokens: tokens)
    qkv = DoubleBuffer(count: 0)
    var y: DoubleBuffer
    (y, deviation) = try attention.projection.reference(pass, attended, rows: rows)
    try addResidual(pass, y, deviation, to: x, scale1, rows: rows)
    y = try mlp.hiddenReference(pass, norm2.reference(pass, x, rows: rows), rows: rows)
    var mean: DoubleBuffer?
    if let pooled {
      func means(_ values: DoubleBuffer, width: Int) -> DoubleBuffer {
        let (means, deviation) = DoubleSteps.means(
          of: values, range: pooled, copies: pass.copies, batch: batch, tokens: tokens, width: width)
        pass.probe(means, deviation, count: deviation.count)
        return means
      }
      let stream = means(x, width: width)
      let (y, deviation) = try mlp.fc2.reference(pass, means(y, width: mlp.fc2.inputs), rows: batch)
      try addResidual(pass, y, deviation, to: stream, scale2, rows: batch)
      mean = stream
    }
    (y, deviation) = try mlp.fc2.reference(pass, y, rows: rows)
    try addResidual(pass, y, deviation, to: x, scale2, rows: rows)
    return mean
  }

  /// x += gamma y, with the deviation of y and two roundings.
  private func addResidual(
    _ pass: ReferencePass, _ y: DoubleBuffer, _ deviation: DoubleBuffer, to x: DoubleBuffer, _ scale: Parameter?,
    rows: Int
  ) throws {
    let width = norm1.width
    let gamma = try scale.map { try pass.weights.target.tensor($0.name).float32().map(Double.init) }
    DoubleSteps.addResidual(y, deviation, to: x, gamma: gamma, copies: pass.copies, rows: rows, width: width)
    pass.probe(x, deviation, count: rows * width)
  }
}
