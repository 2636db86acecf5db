import PathwayKernelTemplates

/// C = epilogue(A W^T) by a team: the shared form of every linear layer.
package struct LinearProduct {
  /// Panels that one item of work folds into a thread's scratch before all rows pass by.
  private static let foldedPanels = 2
  /// Items per thread that a product is cut into, so that threads end together.
  private static let itemsPerThread = 8

  /// Floats of scratch each thread needs for products with K up to `k`.
  package static func scratchCount(_ kernels: KernelTable, k: Int) -> Int {
    kernels.rowBlock * kernels.panelColumns + foldedPanels * kernels.panelColumns * k
  }

  /// - Parameters:
  ///   - a: (m, K) with row stride `lda`, in place.
  ///   - c: (m, N) with row stride `ldc`; may be the epilogue's addend or residual, not `a`.
  ///   - columns: the columns of C to compute, whole panels; absent: all N.
  ///   - scratch: `scratchCount` floats of this member.
  @inline(__always)
  package static func run(
    _ member: inout Member, _ kernels: KernelTable, weight: WeightMatrix, a: UnsafePointer<Float>, lda: Int, m: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, columns: Range<Int>? = nil, epilogue: Epilogue,
    scratch: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: items are disjoint parts of C, the scratch is this member's, and `weight` keeps what the kernels read.
    let width = kernels.panelColumns
    let n = weight.n
    let k = weight.k
    let start = (columns?.lowerBound ?? 0) / width
    let end = ((columns?.upperBound ?? n) + width - 1) / width
    let panels = end - start
    let rowBlocks = max(1, (m + kernels.rowBlock - 1) / kernels.rowBlock)
    switch weight {
    case .packed(let matrix):
      let base = UnsafePointer(matrix.panels.base)
      let wanted = member.count * itemsPerThread
      let perItem = max(1, min(4, panels * rowBlocks / wanted))
      let groups = (panels + perItem - 1) / perItem
      member.share(groups * rowBlocks) { item in
        let first = start + item / rowBlocks * perItem
        let rows = block(item % rowBlocks, of: rowBlocks, m)
        var arguments = GEMMArguments(
          a: a, lda: lda, panels: base + first * width * k, c: c, ldc: ldc, n: n, k: k, epilogue: epilogue)
        kernels.gemm(&arguments, Span1D(first, min(end, first + perItem)), rows, kernels.kBlock, scratch)
      }
    case .folding(let matrix):
      let folded = scratch + kernels.rowBlock * width
      let perItem = max(1, min(foldedPanels, panels / (member.count * itemsPerThread)))
      let groups = (panels + perItem - 1) / perItem
      matrix.terms.withUnsafeBufferPointer { terms in
        guard let first = terms.baseAddress else { return }
        member.share(groups) { item in
          let range = Span1D(start + item * perItem, min(end, start + (item + 1) * perItem))
          kernels.pack(matrix.weight, n, k, first, terms.count, range, folded)
          var arguments = GEMMArguments(
            a: a, lda: lda, panels: folded, c: c, ldc: ldc, n: n, k: k, epilogue: epilogue)
          for index in 0..<rowBlocks {
            kernels.gemm(&arguments, range, block(index, of: rowBlocks, m), kernels.kBlock, scratch)
          }
        }
      }
    }
  }

  /// Rows of the `index`-th of `count` nearly equal blocks of `m` rows.
  @inline(__always)
  private static func block(_ index: Int, of count: Int, _ m: Int) -> Span1D {
    Span1D(m * index / count, m * (index + 1) / count)
  }
}
