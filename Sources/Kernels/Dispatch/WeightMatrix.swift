import PathwayKernelTemplates

/// The weight of a linear layer, W (N, K) = (out, in), in the form a GEMM reads.
package enum WeightMatrix: Sendable {
  /// Panels made once, at load.
  case packed(PackedMatrix)
  /// W and its pathways as they lie in their files; panels are folded anew in every product, a few at a time.
  case folding(FoldedMatrix)

  package var n: Int {
    switch self {
    case .packed(let matrix): matrix.n
    case .folding(let matrix): matrix.n
    }
  }

  package var k: Int {
    switch self {
    case .packed(let matrix): matrix.k
    case .folding(let matrix): matrix.k
    }
  }
}

/// W + sum lambda_m W'_m in panels of `panelColumns` columns (Templates/Packing.swift).
package struct PackedMatrix: Sendable {
  package let n: Int
  package let k: Int
  package let panels: FloatBuffer

  /// Packs on all threads of `engine`, reading every weight once.
  ///
  /// - Parameter terms: pathways, each of W's shape. Scratch beyond the panels: none.
  package init(
    _ weight: UnsafePointer<Float>, n: Int, k: Int, terms: [FoldTerm] = [], engine: Engine
  ) throws {
    let width = engine.kernels.panelColumns
    let count = (n + width - 1) / width
    let panels = FloatBuffer(count: count * width * k)
    let pack = engine.kernels.pack
    // SAFETY: members pack disjoint panels; with no terms, `none` is an address that nobody reads.
    try terms.withUnsafeBufferPointer { terms in
      try withUnsafeTemporaryAllocation(of: FoldTerm.self, capacity: 1) { none in
        let first = terms.baseAddress ?? UnsafePointer(none.baseAddress)
        guard let first else { return }
        try engine.run { member in
          member.share(count) { panel in
            pack(weight, n, k, first, terms.count, Span1D(panel, panel + 1), panels.base + panel * width * k)
          }
        }
      }
    }
    self.n = n
    self.k = k
    self.panels = panels
  }
}

/// W and its pathways, kept where they are; `owners` keep the bytes alive.
package struct FoldedMatrix: @unchecked Sendable {
  // SAFETY: the pointers are into memory that `owners` keep alive and nobody writes.

  package let n: Int
  package let k: Int
  package let weight: UnsafePointer<Float>
  package let terms: [FoldTerm]
  private let owners: [Any]

  package init(_ weight: UnsafePointer<Float>, n: Int, k: Int, terms: [FoldTerm], owners: [Any]) {
    self.n = n
    self.k = k
    self.weight = weight
    self.terms = terms
    self.owners = owners
  }
}
