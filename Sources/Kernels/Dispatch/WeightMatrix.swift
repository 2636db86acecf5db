import PathwayKernelTemplates
import PathwayLoops
import Synchronization

/// The weight of a linear layer, W (N, K) = (out, in), in the form a GEMM reads.
package enum WeightMatrix: Sendable {
  /// Panels made once, at load.
  case packed(PackedMatrix)
  /// W and its pathways as they are in their files; panels are folded again in every product, a few at a time.
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

  package var precision: Precision {
    switch self {
    case .packed(let matrix): matrix.precision
    case .folding(let matrix): matrix.precision
    }
  }
}

/// W + sum lambda_m W'_m in panels of `panelColumns` columns (Templates/Packing.swift).
package struct PackedMatrix: Sendable {
  package let n: Int
  package let k: Int
  package let precision: Precision
  private let memory: FloatBuffer
  /// Where the panels begin in `memory`.
  private let offset: Int
  /// Words of a panel.
  package let panelWords: Int
  private let panelColumns: Int
  private let panelCount: Int
  /// Bytes of panels, scales and sums.
  package let byteCount: Int

  /// Packs on all threads of `engine`, reading every weight once from memory. Scratch beyond the panels: some 17 rows a
  /// thread.
  ///
  /// A panel's weights are searched for NaN and infinity while they are brought into the cache that packing reads: no
  /// format hides them, though int8 could.
  ///
  /// - Parameters:
  ///   - terms: pathways, each of W's shape.
  ///   - arena: where the panels go, with those of other matrices; absent: memory of their own.
  /// - Throws: `WeightNotFinite`; of int8 also where a folded weight is beyond float32. `MemoryError`.
  package init(
    _ weight: UnsafePointer<Float>, n: Int, k: Int, terms: [FoldTerm] = [], precision: Precision = .float32,
    arena: WeightArena? = nil, engine: Engine
  ) throws {
    let kernels = engine.kernels
    let products = kernels.products(precision)
    panelColumns = kernels.panelColumns
    panelCount = (n + panelColumns - 1) / panelColumns
    panelWords = panelColumns * products.words(k)
    byteCount = Self.byteCount(n: n, k: k, precision: precision, engine: engine)
    let words = byteCount / 4
    (memory, offset) = try arena?.take(words) ?? (FloatBuffer(uninitialized: words, for: .weights), 0)
    self.n = n
    self.k = k
    self.precision = precision
    let scratchCount = kernels.packScratchCount(k: k)
    let scratch = FloatBuffer(uninitialized: engine.threads * scratchCount)
    // SAFETY: members pack disjoint panels; with no terms, `none` is an address that is never read.
    try terms.withUnsafeBufferPointer { terms in
      try withUnsafeTemporaryAllocation(of: FoldTerm.self, capacity: 1) { none in
        let first = terms.baseAddress ?? UnsafePointer(none.baseAddress)
        guard let first else { return }
        let isFinite = Atomic(true)
        try engine.run { member in
          let own = scratch.base + member.index * scratchCount
          member.parallelFor(panelCount) { panel in
            var place = destination(panel)
            let start = panel * panelColumns
            let rows = min(panelColumns, n - start)
            var good = FiniteScan.allFinite(weight + start * k, count: rows * k)
            for term in terms { good = good && FiniteScan.allFinite(term.weight + start * k, count: rows * k) }
            products.pack(weight, n, k, first, terms.count, Span1D(panel, panel + 1), &place, own)
            if let scales = place.scales { good = good && FiniteScan.allFinite(scales, count: rows) }
            if !good { isFinite.store(false, ordering: .relaxed) }
          }
        }
        if !isFinite.load(ordering: .relaxed) { throw WeightNotFinite() }
      }
    }
  }

  /// Bytes of a packed W (N, K): panels, then scales and sums of int8.
  package static func byteCount(n: Int, k: Int, precision: Precision, engine: Engine) -> Int {
    let kernels = engine.kernels
    let panelCount = (n + kernels.panelColumns - 1) / kernels.panelColumns
    let columns = precision == .int8 ? panelCount * kernels.panelColumns : 0
    return (panelCount * kernels.panelColumns * kernels.products(precision).words(k) + 2 * columns) * 4
  }

  private var base: UnsafeMutablePointer<Float> { memory.base + offset }

  private func destination(_ panel: Int) -> PackedPanels {
    var place = PackedPanels(words: base + panel * panelWords)
    if let (scales, sums) = columnValues {
      place.scales = scales + panel * panelColumns
      place.sums = sums + panel * panelColumns
    }
    return place
  }

  /// Of int8: scale and sum of every column, to whole panels.
  private var columnValues: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)? {
    guard precision == .int8 else { return nil }
    let scales = base + panelCount * panelWords
    return (scales, scales + panelCount * panelColumns)
  }

  /// Where the panels and what belongs to them are, for `panel` and those after it.
  package func place(_ arguments: inout GEMMArguments, panel: Int) {
    arguments.panels = UnsafeRawPointer(base + panel * panelWords)
    if let (scales, sums) = columnValues {
      arguments.columnScales = UnsafePointer(scales)
      arguments.columnSums = UnsafePointer(sums)
    }
  }
}

/// W and its pathways, kept where they are; `owners` keep the bytes alive.
package struct FoldedMatrix: @unchecked Sendable {
  // SAFETY: the pointers are into memory that `owners` keep alive and that no pass writes.

  package let n: Int
  package let k: Int
  package let precision: Precision
  package let weight: UnsafePointer<Float>
  package let terms: FoldTerms
  private let owners: [Any]

  package init(
    _ weight: UnsafePointer<Float>, n: Int, k: Int, terms: [FoldTerm], precision: Precision = .float32, owners: [Any]
  ) {
    self.n = n
    self.k = k
    self.precision = precision
    self.weight = weight
    self.terms = FoldTerms(terms)
    self.owners = owners
  }
}

/// The pathways of a matrix, whose scales training changes between passes.
package final class FoldTerms: @unchecked Sendable {
  // SAFETY: scales are written by the owner of the passes, between two of them.

  package let base: UnsafeMutablePointer<FoldTerm>
  package let count: Int

  init(_ terms: [FoldTerm]) {
    count = terms.count
    base = .allocate(capacity: max(1, count))
    base.initialize(from: terms, count: count)
  }

  deinit { base.deallocate() }
}
