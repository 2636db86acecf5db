// The matrix product of every linear layer, C = epilogue(A B): activations times packed weights, in any format
// (TileFormat.swift).
//
// SAFETY, of every template: callers pass pointers that are valid for the shapes and strides stated at each, and let no
// other thread write what is read or access what is written. Nothing else is read or written.

/// Arguments of `gemm`, which all items of one product share.
///
///         A (M, K)           panel p of B, (K, NR)                    C (M, N)
///
///         a00 a01 a02 ...    B[0][p NR]  ...  B[0][p NR + NR - 1]     c00 c01 c02 ...
///     +lda                   B[1][p NR]  ...  B[1][p NR + NR - 1]     +ldc
///         a10 a11 a12 ...    ...                                      c10 c11 c12 ...
///         ...                B[K-1][p NR] ... B[K-1][p NR + NR - 1]   ...
///                            contiguous, 0 beyond column N
///
/// K counts words of 4 bytes here. B[k][n] is word k of row n of W (N, K), the transpose of what checkpoints store. The
/// elements of a last word that are beyond the layer's inputs are zero in B; A may hold any finite number there.
///
/// - Tails: `gemm` takes any M, N and K of at least 1. Rows are divided into tiles of nearly equal height. Columns
///   beyond N are computed in scratch and dropped by the epilogue.
/// - Alignment: none required. Row strides of an odd number of cache lines keep rows in different L1 sets.
/// - Not read: C, unless the epilogue's addend or residual is C; A beyond K words of a row.
/// - Written: the N columns of C, and if C is bfloat16 and N is odd, the unused half of the last word, with 0.
/// - Overlap: C may be the epilogue's addend or residual, not A.
@frozen
public struct GEMMArguments {
  /// (M, K) words, read in place.
  public var a: UnsafeRawPointer
  /// Words from one row of A to the next.
  public var lda: Int
  /// The panels that the call computes, the first of them here.
  public var panels: UnsafeRawPointer
  /// The panel that this thread computes next, which is fetched into the second-level cache while the last of `panels`
  /// is computed. A hint: absent, nothing is fetched.
  public var nextPanel: UnsafeRawPointer?
  /// (M, N) float32, or bfloat16 if the epilogue says so.
  public var c: UnsafeMutableRawPointer
  /// Elements from one row of C to the next.
  public var ldc: Int
  /// Columns of C.
  public var n: Int
  /// Words of a row of A.
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

/// How a row of activations in int8 is read: x = scale u + offset, u from 0 to 255.
///
/// So a product is `sum x w = columnScale (scale sum u q + offset sum q)` for w = columnScale q. GELU's outputs, of
/// which none is below -0.17, have all 256 steps, where a range around zero would leave them half.
@frozen
public struct RowScale {
  /// A step of u, in units of x: a 255th of the row's range.
  public var scale: Float
  /// The value of u = 0: the row's smallest x.
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

/// Computes the columns of `panels` and the rows `rows` of C, on one thread.
///
/// For each panel, K is walked in pieces of `kBlock` words, so that a piece of the panel stays in the cache while all
/// rows pass by. Partial sums wait in `scratch` and continue the same chain of multiply-adds: `kBlock` changes no bit.
/// The epilogue runs on a tile as soon as its last piece is done.
///
/// - Parameters:
///   - panels: indices of panels, whose first is at `g.panels`.
///   - rows: indices of rows of A and C.
///   - kBlock: words of K of a piece, at least 1.
///   - scratch: (rows, NR) words of this thread; need not be initialised.
/// - Complexity: 2 x rows x columns x K x `perWord` operations.
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
        var tile = TileArguments(
          rows: height, k: depth, a: g.a + (row * g.lda + k0) * 4, lda: g.lda, b: b + k0 * width * 4, c: sums,
          ldc: width, startsFromZero: k0 == 0)
        if let next = g.nextPanel, panel + 1 == panels.end {
          fetch(F.self, next + k0 * width * 4, by: &tile, index: index, of: tiling.count)
        }
        registerTile(F.self, tile)
        if isLast { applyEpilogue(F.self, g, sums: sums, row: row, rows: height, panel: panel) }
        index += 1
      }
      k0 += depth
    } while k0 < g.k
    panel += 1
  }
}

/// Lets a tile fetch its share of the next panel's piece: all tiles together fetch it once. So it arrives at the rate at
/// which it is used up, where fetches in a row would wait for each other.
@inlinable @inline(__always)
func fetch<F: TileFormat>(
  _: F.Type, _ piece: UnsafeRawPointer, by tile: inout TileArguments, index: Int, of count: Int
) {
  // A stretch is stretchSteps x NR words, of which a cache line has 16.
  let lines = stretchSteps * F.I.panelColumns / 16
  let stretches = (tile.k + stretchSteps - 1) / stretchSteps
  tile.linesPerStretch = (lines + count - 1) / count
  tile.next = piece + index * stretches * tile.linesPerStretch * 64
}

/// Prefetches what the epilogue of a tile reads and writes: a residual, or C, was last accessed a layer ago.
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
