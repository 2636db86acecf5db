// What is done to sums on their way to C, fused into the product (GEMM.swift).

/// What happens to a sum `s` on its way to C, in this order (of int8 after `s = columnScale (scale s + offset
/// columnSum)`, scale and offset the row's): `s = addend + scale s`, `s += bias`, `s = gelu(s)` or `s = max(s, 0)`, `s
/// = residual + gamma s`. What training adds is in Epilogue+Training.swift.
@frozen
public struct Epilogue {
  /// (M, N), row stride `addendStride`; absent: `s = scale s`. May be C itself. Stride 0: one row for all.
  public var addend: UnsafePointer<Float>?
  /// Floats from one row of the addend to the next.
  public var addendStride = 0
  /// What the product is multiplied by: a pathway's lambda.
  public var scale: Float = 1
  /// (N); absent: 0.
  public var bias: UnsafePointer<Float>?
  /// x Phi(x), exact and not the tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415); errors in Kernels/README.md.
  public var appliesGELU = false
  /// max(x, 0); together with GELU, after it.
  public var appliesReLU = false
  /// LayerScale, (N); absent: 1.
  public var gamma: UnsafePointer<Float>?
  /// (M, N), row stride `residualStride`. May be C itself.
  public var residual: UnsafePointer<Float>?
  /// Floats from one row of the residual to the next; 0: one row for all.
  public var residualStride = 0
  /// C is bfloat16; addend and residual are float32 all the same.
  public var storesBFloat16 = false
  /// (M, N), row stride `keptStride`: gets s after the bias, which the backward pass reads; absent: s is not kept.
  public var kept: UnsafeMutablePointer<Float>?
  /// Floats from one row of what is kept to the next.
  public var keptStride = 0
  /// What gamma is multiplied by in every `rowsPerFactor` rows, an input's drop path; absent: 1.
  public var factors: UnsafePointer<Float>?
  public var rowsPerFactor = 1
  /// (M, N), row stride `slopeStride`: `s *= gelu'(x)` of this x, after the bias. May be C itself.
  public var slopeOf: UnsafePointer<Float>?
  /// Floats from one row of x to the next.
  public var slopeStride = 0

  /// Nothing: C = A B in float32.
  @inlinable @inline(__always)
  public init() {}
}

/// Takes a tile of sums, (rows, NR), through the epilogue to C at row `row` and the columns of `panel`.
@inlinable @inline(__always)
func applyEpilogue<F: TileFormat>(
  _: F.Type, _ g: GEMMArguments, sums: UnsafeMutableRawPointer, row: Int, rows: Int, panel: Int
) {
  let e = g.epilogue
  let column = panel * F.I.panelColumns
  let valid = min(F.I.panelColumns, g.n - column)
  let tile = EpilogueTile(sums: sums, row: row, rows: rows, column: column)
  if e.isOfTraining { return finishTraining(F.self, g, tile, valid) }
  let isPlain = e.addend == nil && e.scale == 1 && !e.appliesReLU && (e.residual != nil || e.gamma == nil)
  if !isPlain || valid < F.I.panelColumns || (e.residual != nil && (e.appliesGELU || e.storesBFloat16)) {
    return finishPart(F.self, g, tile, valid)
  }
  // What a block's layers need.
  if e.residual != nil { return finish(F.self, BiasResidual.self, g, tile) }
  switch (e.appliesGELU, e.storesBFloat16) {
  case (false, false): finish(F.self, Bias.self, g, tile)
  case (false, true): finish(F.self, BiasNarrow.self, g, tile)
  case (true, false): finish(F.self, BiasGELU.self, g, tile)
  case (true, true): finish(F.self, BiasGELUNarrow.self, g, tile)
  }
}

/// A tile's first sum, NR words from row to row, and where it belongs in C.
@frozen
@usableFromInline
struct EpilogueTile {
  @usableFromInline let sums: UnsafeMutableRawPointer
  @usableFromInline let row: Int
  @usableFromInline let rows: Int
  @usableFromInline let column: Int

  @inlinable @inline(__always)
  init(sums: UnsafeMutableRawPointer, row: Int, rows: Int, column: Int) {
    self.sums = sums
    self.row = row
    self.rows = rows
    self.column = column
  }
}

/// What an epilogue does, told by a type: each gets a loop of its own. Of flags, even literal ones, the compiler makes
/// one function that asks them again for every vector.
@usableFromInline
protocol EpilogueParts {
  static var appliesGELU: Bool { get }
  /// gamma as well.
  static var addsResidual: Bool { get }
  static var storesBFloat16: Bool { get }
  /// What training adds.
  static var isOfTraining: Bool { get }
}

extension EpilogueParts {
  @inlinable @inline(__always)
  static var appliesGELU: Bool { false }
  @inlinable @inline(__always)
  static var addsResidual: Bool { false }
  @inlinable @inline(__always)
  static var storesBFloat16: Bool { false }
  @inlinable @inline(__always)
  static var isOfTraining: Bool { false }
}

@usableFromInline
enum Bias: EpilogueParts {}

@usableFromInline
enum BiasNarrow: EpilogueParts {
  @inlinable @inline(__always)
  static var storesBFloat16: Bool { true }
}

@usableFromInline
enum BiasGELU: EpilogueParts {
  @inlinable @inline(__always)
  static var appliesGELU: Bool { true }
}

@usableFromInline
enum BiasGELUNarrow: EpilogueParts {
  @inlinable @inline(__always)
  static var appliesGELU: Bool { true }
  @inlinable @inline(__always)
  static var storesBFloat16: Bool { true }
}

@usableFromInline
enum BiasResidual: EpilogueParts {
  @inlinable @inline(__always)
  static var addsResidual: Bool { true }
}

/// The epilogue of a whole panel's columns: a row's two vectors at a time, what belongs to columns in registers.
@inlinable @inline(__always)
func finish<F: TileFormat, P: EpilogueParts>(_: F.Type, _: P.Type, _ g: GEMMArguments, _ tile: EpilogueTile) {
  typealias I = F.I
  let e = g.epilogue
  let (at, lanes) = (tile.column, I.lanes)
  let left = EpilogueColumns(F.self, g, at, I.lanes)
  let right = EpilogueColumns(F.self, g, at + lanes, I.lanes)
  let bytes = P.storesBFloat16 ? 2 : 4
  var sums = UnsafeRawPointer(tile.sums)
  var c = g.c + (tile.row * g.ldc + at) * bytes
  var row = tile.row
  while row < tile.row + tile.rows {
    var s = F.float(sums.loadUnaligned(as: F.Sum.self))
    var t = F.float(sums.loadUnaligned(fromByteOffset: lanes * 4, as: F.Sum.self))
    if F.isInteger, let rowScales = g.rowScales {
      let of = rowScales[row * g.rowScaleStride]
      s = left.value(s, of)
      t = right.value(t, of)
    }
    s += left.bias
    t += right.bias
    if P.isOfTraining {
      keep(I.self, e, s, row, at, I.lanes)
      keep(I.self, e, t, row, at + lanes, I.lanes)
      s = slope(I.self, e, s, row, at, I.lanes)
      t = slope(I.self, e, t, row, at + lanes, I.lanes)
    }
    if P.appliesGELU {
      s = F.perWord == 1 ? I.gelu(s) : I.geluOfNarrow(s)
      t = F.perWord == 1 ? I.gelu(t) : I.geluOfNarrow(t)
    }
    if P.addsResidual, let residual = e.residual {
      let x = residual + (row * e.residualStride + at)
      let factor = P.isOfTraining ? factor(I.self, e, row) : I.splat(1)
      s = I.multiplyAdd(I.load(x), s, P.isOfTraining ? left.gamma * factor : left.gamma)
      t = I.multiplyAdd(I.load(x + lanes), t, P.isOfTraining ? right.gamma * factor : right.gamma)
    }
    if P.storesBFloat16 {
      I.storeBFloat16(s, c)
      I.storeBFloat16(t, c + lanes * 2)
    } else {
      c.storeBytes(of: s, as: I.Vector.self)
      c.storeBytes(of: t, toByteOffset: lanes * 4, as: I.Vector.self)
    }
    sums += I.panelColumns * 4
    c += g.ldc * bytes
    row += 1
  }
}

/// What belongs to a vector's columns.
@frozen
@usableFromInline
struct EpilogueColumns<I: ISA> {
  @usableFromInline let scale: I.Vector
  @usableFromInline let sum: I.Vector
  @usableFromInline let bias: I.Vector
  @usableFromInline let gamma: I.Vector

  /// Of the first `valid` columns from `at` on.
  @inlinable @inline(__always)
  init<F: TileFormat>(_: F.Type, _ g: GEMMArguments, _ at: Int, _ valid: Int) where F.I == I {
    let e = g.epilogue
    scale = g.columnScales.map { I.load($0 + at) } ?? I.splat(1)
    sum = g.columnSums.map { I.load($0 + at) } ?? I.splat(0)
    bias = e.bias.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(0)
    gamma = e.gamma.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(1)
  }

  /// The product that integers' sums stand for.
  @inlinable @inline(__always)
  func value(_ sums: I.Vector, _ row: RowScale) -> I.Vector {
    I.multiplyAdd(sums * I.splat(row.scale), I.splat(row.offset), sum) * scale
  }
}

/// The epilogue with all its parts, of the first `valid` columns of a panel.
@inlinable @inline(__always)
func finishPart<F: TileFormat>(_: F.Type, _ g: GEMMArguments, _ tile: EpilogueTile, _ valid: Int) {
  typealias I = F.I
  let e = g.epilogue
  var lane = 0
  while lane < valid {
    let at = tile.column + lane
    let count = min(I.lanes, valid - lane)
    let columns = EpilogueColumns(F.self, g, at, count)
    var row = tile.row
    while row < tile.row + tile.rows {
      let sums = tile.sums + ((row - tile.row) * I.panelColumns + lane) * 4
      var s = F.float(UnsafeRawPointer(sums).loadUnaligned(as: F.Sum.self))
      if F.isInteger, let rowScales = g.rowScales { s = columns.value(s, rowScales[row * g.rowScaleStride]) }
      if let addend = e.addend {
        s = I.multiplyAdd(loadLanes(I.self, addend + row * e.addendStride + at, count), s, I.splat(e.scale))
      } else {
        s *= I.splat(e.scale)
      }
      s += columns.bias
      var gamma = columns.gamma
      if e.isOfTraining {
        keep(I.self, e, s, row, at, count)
        s = slope(I.self, e, s, row, at, count)
        gamma *= factor(I.self, e, row)
      }
      if e.appliesGELU { s = F.perWord == 1 ? I.gelu(s) : I.geluOfNarrow(s) }
      if e.appliesReLU { s = I.maximum(s, I.splat(0)) }
      if let residual = e.residual {
        s = I.multiplyAdd(loadLanes(I.self, residual + row * e.residualStride + at, count), s, gamma)
      } else {
        s *= gamma
      }
      if e.storesBFloat16 {
        storeElements(BFloat16Format<I>.self, s, g.c + row * g.ldc * 2, at, count)
      } else {
        storeElements(Float32Format<I>.self, s, g.c + row * g.ldc * 4, at, count)
      }
      row += 1
    }
    lane += I.lanes
  }
}
