import PathwayKernelTemplates
import PathwayKernels

/// The layers of a transformer as a configuration has them: what each is called and holds, what it computes, and what
/// that costs. Everything that knows a model's tensors or work derives from here.
struct TransformerLayers: Sendable {
  let tokenizer: any Tokenizer
  let blocks: [Block]
  /// timm's `norm`, of every token before pooling, or `fc_norm`, of the pooled features.
  let finalNorm: LayerNorm?
  let pooling: TokenPooling
  let pooler: Pooler?
  /// A norm of its own before the head (AST).
  let headNorm: LayerNorm?
  /// Absent: the answer is the pooled features.
  let head: (any Head)?
  /// All tensors, in the order of timm's files.
  let parameters: [Parameter]
  private let tokens: Int

  /// - Parameter c: a valid configuration.
  init(_ c: VisionTransformerConfiguration) {
    let scope = ParameterScope()
    tokens = c.tokenCount
    tokenizer = Self.tokenizer(scope, c)
    blocks = (0..<c.depth).map { Block(scope, c, $0) }
    finalNorm =
      c.hasFinalNorm
      ? LayerNorm(
        scope(c.normalizesAfterPooling ? "fc_norm" : "norm"), c.width, epsilon: c.finalEpsilon ?? c.epsilon) : nil
    pooling = TokenPooling(c)
    if case .pooler(let outputs) = c.head {
      pooler = Pooler(scope, width: c.width, outputs: outputs)
    } else {
      pooler = nil
    }
    headNorm = c.hasHeadNorm ? LayerNorm(scope("head_norm"), c.width, epsilon: c.epsilon) : nil
    head = Self.head(scope, c)
    parameters = scope.parameters
  }

  private static func tokenizer(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) -> any Tokenizer {
    switch c.input {
    case .image, .audio, .video: return PatchEmbedding(scope, c)
    case .points(let points): return PointTokenizer(scope, c, points)
    }
  }

  private static func head(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) -> (any Head)? {
    guard c.classCount > 0 else { return nil }
    switch c.head {
    case .linear, .pooler: return LinearHead(scope, c)
    case .distilled: return DistilledHead(scope, c)
    case .points(let hiddenWidths): return PointClassHead(scope, c, hiddenWidths: hiddenWidths)
    case .parts(let parts): return PartHead(scope, c, parts)
    }
  }

  /// Names of the weights that are packed as the model stores them: packing looks at every number of theirs.
  var packedNames: Set<String> {
    let linears =
      tokenizer.linears + blocks.flatMap(\.linears) + (pooler.map { [$0.dense] } ?? []) + (head?.linears ?? [])
    return Set(linears.map(\.weight.name))
  }

  /// Multiply-adds of the matrix products of one input. Norms, softmax and GELU, 1 % of the whole, are not counted.
  var products: Double {
    let ends = tokenizer.products + (pooler?.dense.products(rows: 1) ?? 0) + (head?.products ?? 0)
    return blocks.reduce(ends) { $0 + $1.products(tokens: tokens) }
  }

  /// What a pass of `tokens` tokens an input needs of the workspace.
  func needs(tokens: Int, _ kernels: KernelTable) -> WorkspaceNeeds {
    var needs = tokenizer.needs(kernels)
    if let head { needs = needs.union(head.needs(kernels)) }
    // Blocks have the same shapes.
    if let block = blocks.first { needs = needs.union(block.needs(tokens: tokens, kernels)) }
    return needs
  }

  /// Bytes of all weights in memory.
  func weightBytes(_ loader: WeightLoader) throws -> Int {
    var total = 0
    func add(_ bytes: Int) { total = total.addingReportingOverflow(bytes).overflow ? .max : total + bytes }
    add(try tokenizer.weightBytes(loader))
    for block in blocks { for layer in block.linears { add(try loader.byteCount(layer, loader.precision[layer])) } }
    if let pooler { add(try loader.byteCount(pooler.dense)) }
    if let head { add(try head.weightBytes(loader)) }
    for parameter in parameters where parameter.shape.count < 2 { add(4 * parameter.count) }
    return total
  }
}

extension VisionTransformerConfiguration {
  /// The tensors of such a model, by timm's names, in the order of timm's files: the one list that loading, random
  /// initialisation, counting and inspection share.
  ///
  /// The configuration must be valid (`validate()`).
  public var parameters: [Parameter] { TransformerLayers(self).parameters }

  /// Floating-point operations of one input's forward pass: two for every multiply-add of its matrix products.
  /// Norms, softmax and GELU, 1 % of the whole, are not counted.
  public var operationCount: Double { 2 * TransformerLayers(self).products }
}
