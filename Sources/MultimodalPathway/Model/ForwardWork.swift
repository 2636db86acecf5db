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

  /// `values` numbers read or written.
  fileprivate static func moving(_ values: Int, operations: Int = 0, weights: Int = 0) -> ForwardWork {
    ForwardWork(
      operations: Double(operations), bytes: 4 * Double(values) + Double(weights), weightBytes: Double(weights))
  }

  fileprivate static func layerNorm(_ rows: Int, _ width: Int) -> ForwardWork {
    .moving(2 * rows * width, operations: 8 * rows * width)
  }
}

extension VisionTransformer {
  /// The work of one pass over `batch` inputs that is asked for nothing but logits.
  public func work(batch: Int) -> [ForwardOperation: ForwardWork] {
    let c = configuration
    let rows = batch * c.tokenCount
    let patches = batch * c.patchCount
    var work: [ForwardOperation: ForwardWork] = [:]
    func add(_ operation: ForwardOperation, _ part: ForwardWork) { work[operation, default: ForwardWork()] += part }

    if let patchEmbedding {
      add(.patchEmbedding, .moving(2 * patches * c.patchValues + rows * c.width))
      add(.patchEmbedding, patchEmbedding.work(rows: patches))
    }
    if let points = c.points, let pointTokenizer {
      add(.patchEmbedding, .moving(batch * points.points * 3 + rows * c.width, weights: pointTokenizer.weightBytes))
      work[.patchEmbedding]?.operations += 2 * Double(batch) * points.tokenizerProducts(c)
      // Positions go to the tokens before every block.
      add(.patchEmbedding, .moving(c.depth * 3 * rows * c.width))
    }
    if c.hasPreNorm { add(.patchEmbedding, .layerNorm(rows, c.width)) }
    for (index, block) in blocks.enumerated() {
      let isFirstTokenOnly = index == blocks.count - 1 && readsFirstTokenOnly(Taps())
      let queries = isFirstTokenOnly ? 1 : c.tokenCount
      add(.norm1, .layerNorm(rows, c.width))
      if isFirstTokenOnly, block.separatesQueries(c, engine.kernels) {
        add(.qkv, block.qkv.work(rows: rows, columns: 2 * c.width))
        add(.qkv, block.qkv.work(rows: batch, columns: c.width))
      } else {
        add(.qkv, block.qkv.work(rows: rows))
      }
      add(
        .attention,
        .moving(
          batch * (2 * c.tokenCount + 2 * queries) * c.width, operations: 4 * batch * queries * c.tokenCount * c.width))
      add(.projection, block.projection.work(rows: batch * queries, addsResidual: true))
      add(.norm2, .layerNorm(batch * queries, c.width))
      add(.fc1, block.fc1.work(rows: batch * queries))
      add(.fc2, block.fc2.work(rows: batch * queries, addsResidual: true))
    }
    if c.hasFinalNorm {
      add(.norm, .layerNorm(c.normalizesAfterPooling || readsFirstTokenOnly(Taps()) ? batch : rows, c.width))
    }
    let pooled = c.reduction == .token ? batch : patches
    if c.task == .perPoint, let points = c.points {
      add(.norm, .layerNorm(points.featureBlocks.count * rows, c.width))
    }
    add(.pooling, .moving((pooled + batch) * c.width, operations: c.reduction == .token ? 0 : pooled * c.width))
    if let head { add(.head, head.work(rows: batch)) }
    if let points = c.points, c.classCount > 0 {
      let features = points.groups * points.featureBlocks.count * c.width
      let inputs = partHead == nil ? c.pooledWidth : points.points * 3 + features
      add(.head, .moving(batch * (inputs + c.answerShape.reduce(1, *)), weights: pointHeadBytes))
      work[.head]?.operations += 2 * Double(batch) * points.headProducts(c)
    }
    return work
  }

  /// Bytes of all weights in the form that products read.
  public var weightBytes: Int {
    let layers = blocks.flatMap { block in PathwayLayer.allCases.map(block.linear) } + [patchEmbedding, head].compactMap { $0 }
    return layers.reduce(pointHeadBytes + (pointTokenizer?.weightBytes ?? 0)) { $0 + $1.weightBytes }
  }

  private var pointHeadBytes: Int { (classHead?.weightBytes ?? 0) + (partHead?.weightBytes ?? 0) }
}

extension LinearLayer {
  /// Of the weight and its branches.
  var weightBytes: Int { branches.reduce(weight.byteCount) { $0 + $1.weight.byteCount } }

  /// - Parameter columns: how many of the weight's are computed; absent: all.
  func work(rows: Int, columns: Int? = nil, addsResidual: Bool = false) -> ForwardWork {
    let (n, k) = (columns ?? weight.n, weight.k)
    let products = 1 + branches.count
    var work = ForwardWork.moving(
      rows * (products * k + n + (addsResidual ? n : 0)), operations: 2 * products * rows * n * k)
    work.weightBytes = Double(weightBytes) * Double(n) / Double(weight.n)
    work.bytes += work.weightBytes
    return work
  }
}
