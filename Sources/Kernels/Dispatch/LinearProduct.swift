import PathwayKernelTemplates

/// Rows of activations in the format that a product reads.
package struct Activations {
  package var base: UnsafeRawPointer
  /// Row stride in words.
  package var stride: Int
  /// Of int8: scale and offset of every row, (M), `scaleStride` apart.
  package var scales: UnsafePointer<RowScale>?
  package var scaleStride: Int

  package init(_ base: UnsafeRawPointer, stride: Int, scales: UnsafePointer<RowScale>? = nil, scaleStride: Int = 1) {
    self.base = base
    self.stride = stride
    self.scales = scales
    self.scaleStride = scaleStride
  }
}

/// C = epilogue(A W^T) by a team: the shared form of every linear layer.
package struct LinearProduct {
  /// Panels that one item of work folds into a thread's scratch before all rows pass by.
  static let foldedPanels = 2
  /// Items per thread that a product is cut into, so that threads end together.
  static let itemsPerThread = 8

  /// Floats of scratch each thread needs for products with K up to `k`: sums of a block of rows; panels that are
  /// folded, their scales and sums; and what packing needs.
  package static func scratchCount(_ kernels: KernelTable, k: Int) -> Int {
    kernels.rowBlock * kernels.panelColumns + foldedPanels * kernels.panelColumns * (k + 2)
      + kernels.packScratchCount(k: k)
  }

  /// - Parameters:
  ///   - a: (m, K) in W's format, in place.
  ///   - c: (m, N) float32, or bfloat16 where the epilogue says so, row stride `ldc` elements; may be the epilogue's
  ///     addend or residual, not `a`.
  ///   - columns: the columns of C to compute, whole panels; absent: all N.
  ///   - panels: room for all panels of a W that is folded (`panelCount`), float32 or bfloat16, which the team then
  ///     packs before the product: of many rows, a block stays in the cache while all panels pass by. Absent: an item
  ///     of work packs its own.
  ///   - scratch: `scratchCount` floats of this member.
  @inline(__always)
  package static func run(
    _ member: inout Member, _ kernels: KernelTable, weight: WeightMatrix, a: Activations, m: Int,
    c: UnsafeMutableRawPointer, ldc: Int, columns: Range<Int>? = nil, epilogue: Epilogue,
    panels shared: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: items are disjoint parts of C, the scratch is this member's, and `weight` keeps what the kernels read.
    let width = kernels.panelColumns
    let products = kernels.products(weight.precision)
    let start = (columns?.lowerBound ?? 0) / width
    let end = ((columns?.upperBound ?? weight.n) + width - 1) / width
    let panels = end - start
    let rowBlocks = max(1, (m + kernels.rowBlock - 1) / kernels.rowBlock)
    let k = products.words(weight.k)
    var template = GEMMArguments(
      a: a.base, lda: a.stride, panels: a.base, c: c, ldc: ldc, n: weight.n, k: k, epilogue: epilogue)
    template.rowScales = a.scales
    template.rowScaleStride = a.scaleStride
    switch weight {
    case .packed(let matrix):
      run(&member, kernels, products, template, panels: Span1D(start, end), m: m, scratch: scratch) {
        matrix.place(&$0, panel: $1)
      }
    case .folding(let matrix):
      if let shared, weight.precision != .int8 {
        let packScratch = scratch + kernels.rowBlock * width
        member.parallelFor(panels) { item in
          let panel = start + item
          var place = PackedPanels(words: shared + panel * width * k)
          products.pack(
            matrix.weight, weight.n, weight.k, matrix.terms.base, matrix.terms.count, Span1D(panel, panel + 1), &place,
            packScratch)
        }
        return run(&member, kernels, products, template, panels: Span1D(start, end), m: m, scratch: scratch) {
          $0.panels = UnsafeRawPointer(shared + $1 * width * k)
        }
      }
      let folded = scratch + kernels.rowBlock * width
      let scales = folded + foldedPanels * width * k
      let sums = scales + foldedPanels * width
      let packScratch = scales + 2 * foldedPanels * width
      let isInt8 = weight.precision == .int8
      let perItem = max(1, min(foldedPanels, panels / (member.count * itemsPerThread)))
      let groups = (panels + perItem - 1) / perItem
      let terms = matrix.terms
      member.parallelFor(groups) { item in
        let range = Span1D(start + item * perItem, min(end, start + (item + 1) * perItem))
        var place = PackedPanels(words: folded)
        var arguments = template
        arguments.panels = UnsafeRawPointer(folded)
        if isInt8 {
          (place.scales, place.sums) = (scales, sums)
          // Kernels index both by column of C.
          arguments.columnScales = UnsafePointer(scales) - range.start * width
          arguments.columnSums = UnsafePointer(sums) - range.start * width
        }
        products.pack(matrix.weight, weight.n, weight.k, terms.base, terms.count, range, &place, packScratch)
        for index in 0..<rowBlocks {
          products.gemm(&arguments, range, block(index, of: rowBlocks, m), kernels.kBlock, scratch)
        }
      }
    }
  }

  /// Words of all panels of W (n, k), as rows or as columns of a product.
  package static func panelCount(_ kernels: KernelTable, _ precision: Precision = .float32, n: Int, k: Int) -> Int {
    let (width, products) = (kernels.panelColumns, kernels.products(precision))
    func count(_ n: Int, _ k: Int) -> Int { (n + width - 1) / width * width * products.words(k) }
    return max(count(n, k), count(k, n))
  }

  /// The product with panels that are packed, of which `place` tells where the `panel`-th is.
  ///
  /// An item for every panel, but enough that no thread waits long for the last. All panels pass by a block of rows,
  /// which stays in L2, before the next block.
  @inline(__always)
  static func run(
    _ member: inout Member, _ kernels: KernelTable, _ products: ProductKernels, _ template: GEMMArguments,
    panels: Span1D, m: Int, scratch: UnsafeMutablePointer<Float>, place: (inout GEMMArguments, Int) -> Void
  ) {
    let count = panels.end - panels.start
    let rowBlocks = max(1, (m + kernels.rowBlock - 1) / kernels.rowBlock)
    let pieces = max(rowBlocks, min(m, (member.count * itemsPerThread + count - 1) / count))
    let members = member.count
    member.parallelFor(count * pieces) { item in
      let panel = panels.start + item % count
      var arguments = template
      // Threads usually take items in turn, so the next item of this one is `members` further on.
      if kernels.fetchesPanels, item + members < count * pieces {
        place(&arguments, panels.start + (item + members) % count)
        arguments.nextPanel = arguments.panels
      }
      place(&arguments, panel)
      products.gemm(
        &arguments, Span1D(panel, panel + 1), block(item / count, of: pieces, m), kernels.kBlock, scratch)
    }
  }

  /// The same in float32: a (m, K) with row stride `lda` floats.
  @inline(__always)
  package static func run(
    _ member: inout Member, _ kernels: KernelTable, weight: WeightMatrix, a: UnsafePointer<Float>, lda: Int, m: Int,
    c: UnsafeMutablePointer<Float>, ldc: Int, columns: Range<Int>? = nil, epilogue: Epilogue,
    scratch: UnsafeMutablePointer<Float>
  ) {
    run(
      &member, kernels, weight: weight, a: Activations(a, stride: lda), m: m, c: c, ldc: ldc, columns: columns,
      epilogue: epilogue, scratch: scratch)
  }

  /// Rows of the `index`-th of `count` nearly equal blocks of `m` rows.
  @inline(__always)
  static func block(_ index: Int, of count: Int, _ m: Int) -> Span1D {
    Span1D(m * index / count, m * (index + 1) / count)
  }
}
