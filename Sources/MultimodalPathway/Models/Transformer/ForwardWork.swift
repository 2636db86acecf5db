import PathwayKernelTemplates
import PathwayKernels

/// What an operation computes and the bytes it cannot do without.
public struct ForwardWork: Sendable, Equatable {
  /// Two for every multiply-add of a product; 8 for every number of a LayerNorm. Softmax and GELU are not counted.
  public var operations = 0.0
  /// Weights, inputs and outputs, each moved once: what a cache of any size leaves to be done.
  public var bytes = 0.0
  /// Of these, weights.
  public var weightBytes = 0.0

  static func += (left: inout ForwardWork, right: ForwardWork) {
    left.operations += right.operations
    left.bytes += right.bytes
    left.weightBytes += right.weightBytes
  }

  /// `values` float32 numbers, and `bytes` more, read or written.
  static func moving(
    _ values: Int, bytes: Int = 0, operations: Int = 0, weights: Int = 0
  ) -> ForwardWork {
    ForwardWork(
      operations: Double(operations), bytes: 4 * Double(values) + Double(bytes) + Double(weights),
      weightBytes: Double(weights))
  }

  /// The mean or maximum of `rows` rows of every input.
  static func reduction(of rows: Int, width: Int, batch: Int) -> ForwardWork {
    .moving((batch * rows + batch) * width, operations: batch * rows * width)
  }
}

extension [ForwardOperation: ForwardWork] {
  mutating func add(_ operation: ForwardOperation, _ part: ForwardWork) {
    self[operation, default: ForwardWork()] += part
  }
}

extension VisionTransformer {
  /// The work of one pass over `batch` inputs that is asked for nothing but logits.
  public func work(batch: Int) -> [ForwardOperation: ForwardWork] {
    let (kernels, tokens) = (engine.kernels, configuration.tokenCount)
    var work: [ForwardOperation: ForwardWork] = [:]
    work.add(.patchEmbedding, tokenizer.work(batch: batch, kernels))
    for (index, block) in blocks.enumerated() {
      block.addWork(
        to: &work, batch: batch, tokens: tokens, computing: output(ofBlock: index, tokens: tokens, Taps()), kernels)
    }
    if let finalNorm {
      let isOfOne = configuration.normalizesAfterPooling || readsFirstTokenOnly(Taps())
      work.add(.norm, finalNorm.work(rows: isOfOne ? batch : batch * tokens))
      let features = head?.featureBlocks.count ?? 0
      if features > 0 { work.add(.norm, finalNorm.work(rows: features * batch * tokens)) }
    }
    work.add(.pooling, layers.pooling.work(batch: batch))
    if let pooler { work.add(.head, pooler.dense.work(rows: batch, output: .float32, kernels)) }
    if let head { work.add(.head, head.work(batch: batch, kernels)) }
    return work
  }

  /// Bytes of all weights in the form that products read.
  public var weightBytes: Int {
    let linears =
      blocks.flatMap { block in PathwayLayer.allCases.map(block.linear) } + [pooler?.dense].compactMap { $0 }
    return linears.reduce(tokenizer.weightBytes + (head?.weightBytes ?? 0)) { $0 + $1.weightBytes }
  }
}
