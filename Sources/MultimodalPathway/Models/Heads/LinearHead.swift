import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// One linear layer of the pooled features (timm's `head`).
struct LinearHead: Head {
  let layer: Linear

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) {
    layer = Linear(scope("head"), c.pooledWidth, c.classCount)
  }

  var products: Double { layer.products(rows: 1) }
  var linears: [Linear] { [layer] }

  func weightBytes(_ loader: WeightLoader) throws -> Int { try loader.byteCount(layer) }

  func needs(_ kernels: KernelTable) -> WorkspaceNeeds {
    WorkspaceNeeds(scratch: LinearProduct.scratchCount(kernels, k: layer.inputs))
  }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedHead {
    Loaded(layer: try loader.linear(layer), readsTokens: false)
  }

  func reference(_ pass: ReferencePass, _ input: DoubleBuffer, rows: Int) throws -> DoubleBuffer? {
    let (logits, deviation) = try layer.reference(pass, input, rows: rows)
    pass.probe(logits, deviation, count: rows * layer.outputs)
    return logits
  }

  /// The head's weights in memory.
  struct Loaded: LoadedHead {
    let layer: Linear.Loaded
    /// Whether it reads the tokens that are kept apart instead of pooled features.
    let readsTokens: Bool

    var weightBytes: Int { layer.weightBytes }

    func run(_ member: inout Member, _ kernels: KernelTable, inputs _: UnsafePointer<Float>?, _ w: Workspace.Buffers) {
      layer.run(
        &member, kernels, a: readsTokens ? w.keptTokens : w.pooled, lda: w.pooledStride, m: w.batch, c: w.logits,
        ldc: layer.weight.n, epilogue: Epilogue(), partial: w.partial, scratch: w.scratch(member))
    }

    func work(batch: Int, _ kernels: KernelTable) -> ForwardWork {
      layer.work(rows: batch, output: .float32, kernels)
    }
  }
}

/// The mean of two linear layers, of the class token and of the distillation token (DeiT; Touvron et al. 2021, arXiv
/// 2012.12877): timm's `head` and `head_dist`.
///
/// Both are computed as one layer that reads both tokens, K = 2C: half of each weight, which is exact, next to each
/// other.
struct DistilledHead: Head {
  let head: Linear
  let distilled: Linear

  /// - Parameter scope: the model's root.
  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration) {
    head = Linear(scope("head"), c.width, c.classCount)
    distilled = Linear(scope("head_dist"), c.width, c.classCount)
  }

  var products: Double { head.products(rows: 1) + distilled.products(rows: 1) }
  var linears: [Linear] { [] }

  func weightBytes(_ loader: WeightLoader) throws -> Int { loader.byteCount(head.outputs, 2 * head.inputs) }

  func needs(_ kernels: KernelTable) -> WorkspaceNeeds {
    WorkspaceNeeds(scratch: LinearProduct.scratchCount(kernels, k: 2 * head.inputs))
  }

  func loaded(by loader: some ParameterLoader) throws -> any LoadedHead { try weights(by: loader) }

  func weights(by loader: some ParameterLoader) throws -> LinearHead.Loaded {
    let weights = try [head, distilled].map { try loader.vector($0.weight) }
    let (rows, width) = (head.outputs, head.inputs)
    let joined = try loader.derived(rows * 2 * width) { joined in
      for row in 0..<rows {
        for (part, weight) in weights.enumerated() {
          let place = joined + (row * 2 + part) * width
          for column in 0..<width { place[column] = 0.5 * weight.base[row * width + column] }
        }
      }
    }
    let biases = try [head, distilled].map { try loader.vector($0.fullBias) }
    let bias = try loader.derived(rows) { bias in
      guard let first = biases[0]?.base, let second = biases[1]?.base else { return }
      for row in 0..<rows { bias[row] = 0.5 * (first[row] + second[row]) }
    }
    return LinearHead.Loaded(
      layer: try loader.matrix(joined, n: rows, k: 2 * width, bias: bias), readsTokens: true)
  }

  func reference(_ pass: ReferencePass, _ input: DoubleBuffer, rows: Int) throws -> DoubleBuffer? {
    let (weight, bias) = try joined(pass.weights.target)
    let (logits, deviation) = try pass.apply(DoubleProduct(weight, terms: [], bias: bias), to: input, rows: rows)
    pass.probe(logits, deviation, count: rows * head.outputs)
    return logits
  }

  /// (classes, 2C) and (classes).
  private func joined(_ weights: ModelWeights) throws -> (weight: Tensor, bias: [Float]) {
    func values(_ parameter: Parameter) throws -> [Float] { try weights.tensor(parameter.name).float32() }
    let (first, second) = (try values(head.weight), try values(distilled.weight))
    let width = head.inputs
    let rows = (0..<head.outputs).flatMap { row in
      [first, second].flatMap { $0[row * width..<(row + 1) * width].map { 0.5 * $0 } }
    }
    let biases = try [head, distilled].map { try $0.bias(from: weights) ?? [] }
    return (
      Tensor(rows, shape: [head.outputs, 2 * width]), zip(biases[0], biases[1]).map { 0.5 * ($0 + $1) }
    )
  }
}
