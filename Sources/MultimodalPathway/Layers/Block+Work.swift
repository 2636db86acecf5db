import PathwayKernelTemplates
import PathwayKernels

extension Block.Loaded {
  /// Adds the work of one pass of `batch` inputs of `tokens` tokens.
  ///
  /// - Parameter wanted: what of the output is computed.
  func addWork(
    to work: inout [ForwardOperation: ForwardWork], batch: Int, tokens: Int, computing wanted: BlockOutput,
    _ kernels: KernelTable
  ) {
    let (rows, width) = (batch * tokens, norm1.width)
    var (queries, isMeanOnly, pooled) = (tokens, false, 0)
    switch wanted {
    case .allTokens: break
    case .firstToken: queries = 1
    case .mean(let range): (isMeanOnly, pooled) = (true, range.count)
    }
    func linear(_ layer: Linear.Loaded, rows: Int, columns: Int? = nil, output: Precision? = nil) -> ForwardWork {
      layer.work(rows: rows, columns: columns, output: output, kernels)
    }
    func norm(_ norm: LayerNorm.Loaded, rows: Int, for layer: Linear.Loaded) -> ForwardWork {
      norm.work(rows: rows, rowBytes: kernels.rowBytes(width, layer.precision))
    }
    work.add(.norm1, norm(norm1, rows: rows, for: attention.qkv))
    if queries == 1, case .firstToken = wanted, separatesQueries(kernels) {
      work.add(.qkv, linear(attention.qkv, rows: rows, columns: 2 * width, output: attention.precision))
      work.add(.qkv, linear(attention.qkv, rows: batch, columns: width, output: attention.precision))
    } else {
      work.add(.qkv, linear(attention.qkv, rows: rows, output: attention.precision))
    }
    let inputs = (2 * tokens + queries) * kernels.rowBytes(width, attention.precision)
    let outputs = queries * kernels.rowBytes(width, attention.projection.precision)
    work.add(
      .attention, .moving(0, bytes: batch * (inputs + outputs), operations: 4 * batch * queries * tokens * width))
    work.add(.projection, linear(attention.projection, rows: batch * queries))
    work.add(.norm2, norm(norm2, rows: batch * queries, for: mlp.fc1))
    work.add(.fc1, linear(mlp.fc1, rows: batch * queries, output: isMeanOnly ? .float32 : mlp.fc2.precision))
    work.add(.fc2, linear(mlp.fc2, rows: batch * (isMeanOnly ? 1 : queries)))
    if isMeanOnly { work.add(.pooling, .reduction(of: pooled, width: mlp.fc2.weight.k, batch: batch)) }
  }
}
