// C = epilogue(A B): activations times packed weights, in any format (TileFormat.swift).
//
// SAFETY, of every template: pointers are the caller's, valid for the shapes and strides written at each, and the
// caller lets no other thread write what is read or touch what is written. Nothing else is read or written; tails go
// lane by lane.
//
//     A (M, K)    words, row stride lda, read in place
//     B           ceil(N / NR) panels of words, each (K, NR) contiguous; columns beyond N are zero (see Packing.swift)
//     C (M, N)    float32 or bfloat16, row stride ldc elements; only the N columns are written, and of bfloat16 the
//                 other half of a last word, with 0
//
// K counts words here; elements of a last word that are beyond the layer's inputs are zero in B.
//
// One call does a range of panels by a range of rows for one thread. Per panel, K is walked in pieces of `kBlock` so
// that the piece of the panel stays in the cache while all rows pass by; partial sums wait in `scratch` and continue
// the same chain of multiply-adds, so `kBlock` changes no bit. The epilogue runs on a tile as soon as its last piece is
// done.

@frozen
public struct GEMMArguments {
  public var a: UnsafeRawPointer
  public var lda: Int
  public var panels: UnsafeRawPointer
  public var c: UnsafeMutableRawPointer
  public var ldc: Int
  public var n: Int
  public var k: Int
  public var epilogue: Epilogue
  /// Of int8: what A's rows stand for, (M), `rowScaleStride` apart.
  public var rowScales: UnsafePointer<RowScale>?
  public var rowScaleStride = 1
  /// Of int8: what a column's weights were divided by, (N), to whole panels.
  public var columnScales: UnsafePointer<Float>?
  /// Of int8: the sum of a column's integers, (N), to whole panels.
  public var columnSums: UnsafePointer<Float>?

  @inlinable @inline(__always)
  public init(
    a: UnsafeRawPointer, lda: Int, panels: UnsafeRawPointer, c: UnsafeMutableRawPointer, ldc: Int, n: Int, k: Int,
    epilogue: Epilogue
  ) {
    self.a = a
    self.lda = lda
    self.panels = panels
    self.c = c
    self.ldc = ldc
    self.n = n
    self.k = k
    self.epilogue = epilogue
  }
}

/// What a row of activations in int8 stands for: x = scale u + offset, u from 0 to 255.
///
/// So a product is `sum x w = columnScale (scale sum u q + offset sum q)` for w = columnScale q. GELU's outputs, of which
/// none is below -0.17, have all 256 steps, where a range around zero would leave them half.
@frozen
public struct RowScale {
  /// A step of u, in units of x: a 255th of the row's range.
  public var scale: Float
  /// What u = 0 stands for: the row's smallest x.
  public var offset: Float

  /// A row of x = scale u + offset.
  @inlinable @inline(__always)
  public init(scale: Float, offset: Float) {
    self.scale = scale
    self.offset = offset
  }
}

/// A half-open range of indices; the standard library's has checks and generics that kernel modules do without.
@frozen
public struct Span1D {
  public var start: Int
  public var end: Int

  @inlinable @inline(__always)
  public init(_ start: Int, _ end: Int) {
    self.start = start
    self.end = end
  }
}

/// The panels `panels` (of which the first lies at `g.panels`) by the rows `rows` of C.
///
/// - Parameter scratch: (rows, NR) words of this thread.
@inlinable @inline(__always)
public func gemm<F: TileFormat>(
  _: F.Type, _ g: GEMMArguments, panels: Span1D, rows: Span1D, kBlock: Int, scratch: UnsafeMutableRawPointer
) {
  let width = F.I.panelColumns
  let tiling = RowTiling(rows: rows.end - rows.start, tileRows: F.tileRows)
  var panel = panels.start
  while panel < panels.end {
    let b = g.panels + (panel - panels.start) * width * g.k * 4
    var k0 = 0
    repeat {
      let depth = min(kBlock, g.k - k0)
      let isLast = k0 + depth == g.k
      var index = 0
      while index < tiling.count {
        let first = tiling.start(index)
        let height = tiling.height(index)
        let row = rows.start + first
        let sums = depth == g.k ? scratch : scratch + first * width * 4
        if isLast { prefetchOutput(F.self, g, row: row, rows: height, panel: panel) }
        F.tile(
          TileArguments(
            rows: height, k: depth, a: g.a + (row * g.lda + k0) * 4, lda: g.lda, b: b + k0 * width * 4, c: sums,
            ldc: width, startsFromZero: k0 == 0))
        if isLast { applyEpilogue(F.self, g, sums: sums, row: row, rows: height, panel: panel) }
        index += 1
      }
      k0 += depth
    } while k0 < g.k
    panel += 1
  }
}

/// Has fetched what the epilogue of a tile will read and write: x of a residual, or C, was last touched a layer ago.
@inlinable @inline(__always)
func prefetchOutput<F: TileFormat>(_: F.Type, _ g: GEMMArguments, row: Int, rows: Int, panel: Int) {
  let elementBytes = g.epilogue.storesBFloat16 ? 2 : 4
  let bytes = min(F.I.panelColumns, g.n - panel * F.I.panelColumns) * elementBytes
  var line = UnsafeRawPointer(g.c) + row * g.ldc * elementBytes + panel * F.I.panelColumns * elementBytes
  var r = 0
  while r < rows {
    F.I.prefetch(line)
    if bytes > 64 { F.I.prefetch(line + 64) }
    line += g.ldc * elementBytes
    r += 1
  }
}
