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
  fileprivate static func moving(
    _ values: Int, bytes: Int = 0, operations: Int = 0, weights: Int = 0
  ) -> ForwardWork {
    ForwardWork(
      operations: Double(operations), bytes: 4 * Double(values) + Double(bytes) + Double(weights),
      weightBytes: Double(weights))
  }

  /// - Parameter rowBytes: of a row of the output; absent: float32's.
  fileprivate static func layerNorm(_ rows: Int, _ width: Int, rowBytes: Int? = nil) -> ForwardWork {
    .moving(rows * width, bytes: rows * (rowBytes ?? 4 * width), operations: 8 * rows * width)
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
    // Activations as products read them, int8's scales included.
    func rowBytes(_ width: Int, _ precision: Precision) -> Int {
      engine.kernels.products(precision).words(width) * 4 + (precision == .int8 ? 4 : 0)
    }
    func linear(_ layer: LinearLayer, rows: Int, columns: Int? = nil, output: Precision? = nil) -> ForwardWork {
      let n = columns ?? layer.weight.n
      // Without a format of its own, the output is added to the residual stream.
      return layer.work(
        rows: rows, inputRowBytes: rowBytes(layer.weight.k, layer.precision),
        outputRowBytes: output.map { rowBytes(n, $0) } ?? 8 * n, columns: columns)
    }

    // Of rows of `width`, or their maximum.
    func mean(_ width: Int) -> ForwardWork {
      let pooled = batch * c.pooledTokens(of: c.tokenCount).count
      return .moving((pooled + batch) * width, operations: pooled * width)
    }

    if let patchEmbedding {
      let gathered = patches * rowBytes(c.patchValues, patchEmbedding.precision)
      add(.patchEmbedding, .moving(patches * c.patchValues + rows * c.width, bytes: gathered))
      add(.patchEmbedding, linear(patchEmbedding, rows: patches, output: .float32))
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
      let isMeanOnly = index == blocks.count - 1 && readsMeanOnly(Taps())
      let attention = block.attentionPrecision
      add(.norm1, .layerNorm(rows, c.width, rowBytes: rowBytes(c.width, block.qkv.precision)))
      if isFirstTokenOnly, block.separatesQueries(c, engine.kernels) {
        add(.qkv, linear(block.qkv, rows: rows, columns: 2 * c.width, output: attention))
        add(.qkv, linear(block.qkv, rows: batch, columns: c.width, output: attention))
      } else {
        add(.qkv, linear(block.qkv, rows: rows, output: attention))
      }
      let inputs = (2 * c.tokenCount + queries) * rowBytes(c.width, attention)
      let outputs = queries * rowBytes(c.width, block.projection.precision)
      add(
        .attention,
        .moving(0, bytes: batch * (inputs + outputs), operations: 4 * batch * queries * c.tokenCount * c.width))
      add(.projection, linear(block.projection, rows: batch * queries))
      add(.norm2, .layerNorm(batch * queries, c.width, rowBytes: rowBytes(c.width, block.fc1.precision)))
      add(.fc1, linear(block.fc1, rows: batch * queries, output: isMeanOnly ? .float32 : block.fc2.precision))
      add(.fc2, linear(block.fc2, rows: batch * (isMeanOnly ? 1 : queries)))
      if isMeanOnly { add(.pooling, mean(c.hiddenWidth)) }
    }
    if c.hasFinalNorm {
      add(.norm, .layerNorm(c.normalizesAfterPooling || readsFirstTokenOnly(Taps()) ? batch : rows, c.width))
    }
    if c.task == .perPoint, let points = c.points {
      add(.norm, .layerNorm(points.featureBlocks.count * rows, c.width))
    }
    add(.pooling, c.reduction == .token ? .moving(2 * batch * c.width) : mean(c.width))
    for layer in [pooler, head].compactMap({ $0 }) { add(.head, linear(layer, rows: batch, output: .float32)) }
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
    let others = [patchEmbedding, pooler, head].compactMap { $0 }
    let layers = blocks.flatMap { block in PathwayLayer.allCases.map(block.linear) } + others
    return layers.reduce(pointHeadBytes + (pointTokenizer?.weightBytes ?? 0)) { $0 + $1.weightBytes }
  }

  private var pointHeadBytes: Int { (classHead?.weightBytes ?? 0) + (partHead?.weightBytes ?? 0) }
}

extension LinearLayer {
  /// Of the weight and its branches.
  var weightBytes: Int { branches.reduce(weight.byteCount) { $0 + $1.weight.byteCount } }

  /// - Parameters:
  ///   - inputRowBytes: read once by every branch.
  ///   - outputRowBytes: with what is read to add to it.
  ///   - columns: how many of the weight's are computed; absent: all.
  fileprivate func work(rows: Int, inputRowBytes: Int, outputRowBytes: Int, columns: Int?) -> ForwardWork {
    let (n, k) = (columns ?? weight.n, weight.k)
    let products = 1 + branches.count
    var work = ForwardWork.moving(
      0, bytes: rows * (products * inputRowBytes + outputRowBytes), operations: 2 * products * rows * n * k)
    work.weightBytes = Double(weightBytes) * Double(n) / Double(weight.n)
    work.bytes += work.weightBytes
    return work
  }
}
