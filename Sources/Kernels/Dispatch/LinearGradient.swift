import PathwayKernelTemplates

/// The gradients of a linear layer, Y = X W^T + b, by a team (Templates/WeightGradient.swift). W is `folding`: it is
/// packed for the product with dY while it is folded. dY and X are in the layer's format, float32 or bfloat16, and
/// their row strides in words of 4 bytes. A last word that a row of bfloat16 only begins ends with a finite number.
package struct LinearGradient {
  /// Rows of an item of work whose sums over rows are made by pieces (`addPieces`). Another size makes other bits, so
  /// no machine chooses it.
  package static let rowsPerPiece = 32
  /// Columns of an item of work that sums rows.
  private static let columnsPerItem = 64

  /// Floats of scratch each thread needs for the gradients of layers with N up to `n`.
  package static func scratchCount(_ kernels: KernelTable, n: Int) -> Int {
    let folded = LinearProduct.foldedPanels * kernels.panelColumns * n
    return max(kernels.rowBlock * kernels.panelColumns + folded, WeightGradientBlock.scratchCount)
  }

  /// dX = epilogue(dY W).
  ///
  /// - Parameters:
  ///   - weight: W (N, K), in the layer's format once it is packed.
  ///   - dy: (m, N), row stride `dyStride`.
  ///   - dx: (m, K) float32, or bfloat16 where the epilogue says so, row stride `dxStride` elements; may be what the
  ///     epilogue reads, not `dy`.
  ///   - panels: room for all panels, as in `LinearProduct.run`.
  ///   - scratch: `scratchCount` floats of this member.
  @inline(__always)
  package static func input(
    _ member: inout Member, _ kernels: KernelTable, weight: FoldedMatrix, dy: UnsafeRawPointer, dyStride: Int,
    m: Int, dx: UnsafeMutableRawPointer, dxStride: Int, epilogue: Epilogue = Epilogue(),
    panels shared: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: items are disjoint panels or columns of dX, and the scratch is this member's.
    let products = kernels.products(weight.precision)
    let pack = kernels.gradients(of: weight.precision).packRows
    let words = products.words(weight.n)
    let panels = (weight.k + kernels.panelColumns - 1) / kernels.panelColumns
    let rowBlocks = max(1, (m + kernels.rowBlock - 1) / kernels.rowBlock)
    let folded = scratch + kernels.rowBlock * kernels.panelColumns
    let template = GEMMArguments(
      a: dy, lda: dyStride, panels: folded, c: dx, ldc: dxStride, n: weight.k, k: words, epilogue: epilogue)
    let terms = weight.terms
    if let shared {
      let size = kernels.panelColumns * words
      member.parallelFor(panels) { panel in
        pack(
          weight.weight, weight.n, weight.k, terms.base, terms.count, Span1D(panel, panel + 1), shared + panel * size)
      }
      return LinearProduct.run(
        &member, kernels, products, template, panels: Span1D(0, panels), m: m, scratch: scratch
      ) { $0.panels = UnsafeRawPointer(shared + $1 * size) }
    }
    let perItem = max(1, min(LinearProduct.foldedPanels, panels / (member.count * LinearProduct.itemsPerThread)))
    member.parallelFor((panels + perItem - 1) / perItem) { item in
      let range = Span1D(item * perItem, min(panels, (item + 1) * perItem))
      var arguments = template
      pack(weight.weight, weight.n, weight.k, terms.base, terms.count, range, folded)
      for index in 0..<rowBlocks {
        products.gemm(&arguments, range, LinearProduct.block(index, of: rowBlocks, m), kernels.kBlock, scratch)
      }
    }
  }

  /// dW += dY^T X, every element summed over rows in ascending order from zero, then added. In bfloat16 rows go in
  /// pairs, whose order is that of the format's products.
  ///
  /// - Parameters:
  ///   - dy: (m, n), row stride `dyStride`.
  ///   - x: (m, k), row stride `xStride`.
  ///   - gradient: dW (n, k).
  ///   - scratch: `scratchCount` floats of this member.
  @inline(__always)
  package static func weight(
    _ member: inout Member, _ kernels: KernelTable, precision: Precision = .float32, dy: UnsafeRawPointer,
    dyStride: Int, x: UnsafeRawPointer, xStride: Int, m: Int, n: Int, k: Int,
    into gradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: items are disjoint blocks of dW, and the scratch is this member's.
    let template = WeightGradientArguments(
      y: dy, yStride: dyStride, x: x, xStride: xStride, rows: m, gradient: gradient, k: k)
    var (height, width) = (WeightGradientBlock.outputs, WeightGradientBlock.inputs)
    func items(_ height: Int, _ width: Int) -> Int { (n + height - 1) / height * ((k + width - 1) / width) }
    // Large blocks read dY and X less often; small ones leave no thread without work. None changes a bit.
    while items(height, width) < 4 * member.count, height > WeightGradientBlock.smallestOutputs {
      (height, width) = (height / 2, width / 2)
    }
    let product = kernels.gradients(of: precision).weightGradient
    let (blockHeight, blockWidth, across) = (height, width, (k + width - 1) / width)
    member.parallelFor(items(height, width)) { item in
      let (row, column) = (item / across * blockHeight, item % across * blockWidth)
      var arguments = template
      product(
        &arguments, Span1D(row, min(n, row + blockHeight)), Span1D(column, min(k, column + blockWidth)), scratch)
    }
  }

  /// `gradient` (width) += the sum of `rows` rows of x, in their order: db of rows of dY.
  @inline(__always)
  package static func addRows(
    _ member: inout Member, _ kernels: KernelTable, precision: Precision = .float32, _ x: UnsafeRawPointer,
    stride: Int, rows: Int, width: Int, into gradient: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: items are disjoint columns.
    let columns = columnsPerItem
    let (add, elementBytes) = (kernels.gradients(of: precision).addRows, precision == .float32 ? 4 : 2)
    member.parallelFor((width + columns - 1) / columns) { item in
      let start = item * columns
      add(x + start * elementBytes, stride, rows, min(columns, width - start), gradient + start)
    }
  }

  /// Calls `body` with pieces of rows and a place for their sums in `partial`, (pieces, width).
  ///
  /// - Returns: the number of pieces, whose sums `addRows` brings together.
  @inline(__always)
  package static func sumPieces(
    _ member: inout Member, rows: Int, width: Int, partial: UnsafeMutablePointer<Float>,
    _ body: (Span1D, UnsafeMutablePointer<Float>) -> Void
  ) -> Int {
    let pieces = (rows + rowsPerPiece - 1) / rowsPerPiece
    member.parallelFor(pieces) { piece in
      body(Span1D(piece * rowsPerPiece, min(rows, (piece + 1) * rowsPerPiece)), partial + piece * width)
    }
    return pieces
  }
}
