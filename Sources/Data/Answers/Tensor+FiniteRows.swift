import MultimodalPathway
import PathwayLoops

extension Tensor {
  /// Whether all numbers in a row of a float32 tensor are finite; the first dimension counts rows.
  package func isFinite(row: Int) -> Bool {
    let columns = count / max(1, shape.first ?? 1)
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, elementType == .float32 else { return true }
      // SAFETY: the tensor has `count` floats, which contain the row.
      return FiniteScan.allFinite(base.assumingMemoryBound(to: Float.self) + row * columns, count: columns)
    }
  }
}
