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

/// What happens to a sum `s` on its way to C, in this order (of int8 after `s = columnScale (scale s + offset columnSum)`,
/// scale and offset the row's): `s = addend + scale s`, `s += bias`, `s = gelu(s)` or `s = max(s, 0)`,
/// `s = residual + gamma s`.
@frozen
public struct Epilogue {
  /// (M, N), row stride `addendStride`; absent: `s = scale s`. May be C itself. Stride 0: one row for all.
  public var addend: UnsafePointer<Float>?
  public var addendStride = 0
  public var scale: Float = 1
  /// (N).
  public var bias: UnsafePointer<Float>?
  public var appliesGELU = false
  public var appliesReLU = false
  /// LayerScale, (N); absent: 1.
  public var gamma: UnsafePointer<Float>?
  /// (M, N), row stride `residualStride`. May be C itself.
  public var residual: UnsafePointer<Float>?
  public var residualStride = 0
  /// C is bfloat16; addend and residual are float32 all the same.
  public var storesBFloat16 = false

  @inlinable @inline(__always)
  public init() {}
}

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

/// Takes a tile of sums, (rows, NR), through the epilogue to C at row `row` and the columns of `panel`.
@inlinable @inline(__always)
func applyEpilogue<F: TileFormat>(
  _: F.Type, _ g: GEMMArguments, sums: UnsafeMutableRawPointer, row: Int, rows: Int, panel: Int
) {
  typealias I = F.I
  let e = g.epilogue
  var lane = 0
  while lane < I.panelColumns {
    let at = panel * I.panelColumns + lane
    let valid = min(I.lanes, g.n - at)
    if valid <= 0 { return }
    // What belongs to the columns stays in registers while the rows pass by.
    let columnScale = g.columnScales.map { I.load($0 + at) } ?? I.splat(1)
    let columnSum = g.columnSums.map { I.load($0 + at) } ?? I.splat(0)
    let bias = e.bias.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(0)
    let gamma = e.gamma.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(1)
    var r = 0
    while r < rows {
      var s = F.float(sums.loadUnaligned(fromByteOffset: (r * I.panelColumns + lane) * 4, as: F.Sum.self))
      if let rowScales = g.rowScales {
        let of = rowScales[(row + r) * g.rowScaleStride]
        s = I.multiplyAdd(s * I.splat(of.scale), I.splat(of.offset), columnSum) * columnScale
      }
      if let addend = e.addend {
        let value = loadLanes(I.self, addend + (row + r) * e.addendStride + at, valid)
        s = I.multiplyAdd(value, s, I.splat(e.scale))
      } else if e.scale != 1 {
        s *= I.splat(e.scale)
      }
      s += bias
      if e.appliesGELU { s = F.perWord == 1 ? I.gelu(s) : I.geluOfNarrow(s) }
      if e.appliesReLU { s = I.maximum(s, I.splat(0)) }
      if let residual = e.residual {
        s = I.multiplyAdd(loadLanes(I.self, residual + (row + r) * e.residualStride + at, valid), s, gamma)
      } else if e.gamma != nil {
        s *= gamma
      }
      if e.storesBFloat16 {
        storeElements(BFloat16Format<I>.self, s, g.c + (row + r) * g.ldc * 2, at, valid)
      } else {
        storeElements(Float32Format<I>.self, s, g.c + (row + r) * g.ldc * 4, at, valid)
      }
      r += 1
    }
    lane += I.lanes
  }
}

/// The first `count` floats at `pointer`, 0 in the other lanes; reads nothing beyond them.
@inlinable @inline(__always)
func loadLanes<I: ISA>(_: I.Type, _ pointer: UnsafePointer<Float>, _ count: Int) -> I.Vector {
  if count >= I.lanes { return I.load(pointer) }
  var vector = I.splat(0)
  for lane in 0..<I.lanes where lane < count { vector[lane] = pointer[lane] }
  return vector
}

/// Stores the first `count` lanes; writes nothing beyond them.
@inlinable @inline(__always)
func storeLanes<I: ISA>(_: I.Type, _ vector: I.Vector, _ pointer: UnsafeMutablePointer<Float>, _ count: Int) {
  for lane in 0..<I.lanes where lane < count { pointer[lane] = vector[lane] }
}

/// Stores the first `count` lanes as elements of a row, beginning with the `index`-th; of a last word that they only
/// begin, the rest becomes zero. Writes nothing beyond.
@inlinable @inline(__always)
func storeElements<F: TileFormat>(
  _: F.Type, _ vector: F.I.Vector, _ row: UnsafeMutableRawPointer, _ index: Int, _ count: Int
) {
  storePart(F.self, vector, row, index, count)
  if F.perWord == 2, count < F.I.lanes, count % 2 == 1 {
    row.storeBytes(of: 0, toByteOffset: (index + count) * 2, as: UInt16.self)
  }
}

/// Stores the first `count` lanes as elements of a row, beginning with the `index`-th, and nothing beyond: what is in the
/// rest of a last word belongs to another.
@inlinable @inline(__always)
func storePart<F: TileFormat>(
  _: F.Type, _ vector: F.I.Vector, _ row: UnsafeMutableRawPointer, _ index: Int, _ count: Int
) {
  if count >= F.I.lanes { return F.store(vector, row, index) }
  if F.perWord == 1 {
    return storeLanes(F.I.self, vector, row.assumingMemoryBound(to: Float.self) + index, count)
  }
  var words = F.I.Bits(repeating: 0)
  F.store(vector, &words, 0)
  for element in 0..<F.I.lanes where element < count {
    let word = UInt32(bitPattern: words[element / 2])
    row.storeBytes(
      of: UInt16(truncatingIfNeeded: element % 2 == 0 ? word : word >> 16), toByteOffset: (index + element) * 2,
      as: UInt16.self)
  }
}
