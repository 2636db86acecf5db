extension WeightMatrix {
  /// Bytes that one product reads of it: panels, or W and its pathways where they are folded.
  package var byteCount: Int {
    switch self {
    case .packed(let matrix): matrix.byteCount
    case .folding(let matrix): matrix.n * matrix.k * (1 + matrix.terms.count) * 4
    }
  }
}
