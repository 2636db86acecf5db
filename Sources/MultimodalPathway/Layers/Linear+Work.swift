import PathwayKernelTemplates
import PathwayKernels

extension Linear.Loaded {
  /// Of the weight and its branches.
  var weightBytes: Int { branches.reduce(weight.byteCount) { $0 + $1.weight.byteCount } }

  /// The work of one product.
  ///
  /// - Parameters:
  ///   - columns: how many outputs are computed; absent: all.
  ///   - output: what the output is stored as; absent: it is added to the residual stream, which is read and written.
  func work(rows: Int, columns: Int? = nil, output: Precision? = nil, _ kernels: KernelTable) -> ForwardWork {
    let (n, k) = (columns ?? weight.n, weight.k)
    let products = 1 + branches.count
    let outputBytes = output.map { kernels.rowBytes(n, $0) } ?? 8 * n
    // Every branch reads the input once.
    var work = ForwardWork.moving(
      0, bytes: rows * (products * kernels.rowBytes(k, precision) + outputBytes),
      operations: 2 * products * rows * n * k)
    work.weightBytes = Double(weightBytes) * Double(n) / Double(weight.n)
    work.bytes += work.weightBytes
    return work
  }
}

extension KernelTable {
  /// Bytes of a row of activations as products read it, int8's scale included.
  func rowBytes(_ width: Int, _ precision: Precision) -> Int {
    products(precision).words(width) * 4 + (precision == .int8 ? 4 : 0)
  }
}
