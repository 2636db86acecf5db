// What is done to sums on their way to C, fused into the product (GEMM.swift).

/// What happens to a sum `s` on its way to C, in this order (of int8 after `s = columnScale (scale s + offset columnSum)`,
/// scale and offset the row's): `s = addend + scale s`, `s += bias`, `s = gelu(s)` or `s = max(s, 0)`,
/// `s = residual + gamma s`.
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
  let isPlain = e.addend == nil && e.scale == 1 && !e.appliesReLU && (e.residual != nil || e.gamma == nil)
  var lane = 0
  while lane < F.I.panelColumns {
    let at = panel * F.I.panelColumns + lane
    let valid = min(F.I.lanes, g.n - at)
    if valid <= 0 { return }
    let vector = EpilogueVector(sums: sums + lane * 4, row: row, rows: rows, column: at)
    let (gelu, residual, narrow) = (e.appliesGELU, e.residual != nil, e.storesBFloat16)
    // What a block's layers need has loops of its own: literals leave no question in them.
    if !isPlain || valid < F.I.lanes || (residual && (gelu || narrow)) {
      finish(F.self, g, vector, valid, isPlain: false, gelu: gelu, residual: residual, narrow: narrow)
    } else if residual {
      finish(F.self, g, vector, F.I.lanes, isPlain: true, gelu: false, residual: true, narrow: false)
    } else if gelu, narrow {
      finish(F.self, g, vector, F.I.lanes, isPlain: true, gelu: true, residual: false, narrow: true)
    } else if gelu {
      finish(F.self, g, vector, F.I.lanes, isPlain: true, gelu: true, residual: false, narrow: false)
    } else if narrow {
      finish(F.self, g, vector, F.I.lanes, isPlain: true, gelu: false, residual: false, narrow: true)
    } else {
      finish(F.self, g, vector, F.I.lanes, isPlain: true, gelu: false, residual: false, narrow: false)
    }
    lane += F.I.lanes
  }
}

/// A vector's width of a tile: its first sum, NR words from row to row; where it belongs in C.
@frozen
@usableFromInline
struct EpilogueVector {
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

/// The epilogue of `valid` columns: what belongs to them stays in registers while the rows pass by.
///
/// - Parameters:
///   - isPlain: neither addend, scale nor ReLU; gamma with a residual only.
///   - gelu, residual, narrow: what the epilogue says of GELU, residual and bfloat16.
@inlinable @inline(__always)
func finish<F: TileFormat>(
  _: F.Type, _ g: GEMMArguments, _ vector: EpilogueVector, _ valid: Int, isPlain: Bool, gelu: Bool, residual: Bool,
  narrow: Bool
) {
  typealias I = F.I
  let e = g.epilogue
  let at = vector.column
  let columnScale = g.columnScales.map { I.load($0 + at) } ?? I.splat(1)
  let columnSum = g.columnSums.map { I.load($0 + at) } ?? I.splat(0)
  let bias = e.bias.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(0)
  let gamma = e.gamma.map { loadLanes(I.self, $0 + at, valid) } ?? I.splat(1)
  var sums = UnsafeRawPointer(vector.sums)
  var c = g.c + vector.row * g.ldc * (narrow ? 2 : 4)
  var row = vector.row
  let end = row + vector.rows
  while row < end {
    var s = F.float(sums.loadUnaligned(as: F.Sum.self))
    if F.isInteger, let rowScales = g.rowScales {
      let of = rowScales[row * g.rowScaleStride]
      s = I.multiplyAdd(s * I.splat(of.scale), I.splat(of.offset), columnSum) * columnScale
    }
    if !isPlain {
      if let addend = e.addend {
        s = I.multiplyAdd(loadLanes(I.self, addend + row * e.addendStride + at, valid), s, I.splat(e.scale))
      } else if e.scale != 1 {
        s *= I.splat(e.scale)
      }
    }
    s += bias
    if gelu { s = F.perWord == 1 ? I.gelu(s) : I.geluOfNarrow(s) }
    if !isPlain, e.appliesReLU { s = I.maximum(s, I.splat(0)) }
    if residual, let x = e.residual {
      s = I.multiplyAdd(loadLanes(I.self, x + row * e.residualStride + at, valid), s, gamma)
    } else if !isPlain, e.gamma != nil {
      s *= gamma
    }
    if narrow {
      storeElements(BFloat16Format<I>.self, s, c, at, valid)
    } else {
      storeElements(Float32Format<I>.self, s, c, at, valid)
    }
    sums += I.panelColumns * 4
    c += g.ldc * (narrow ? 2 : 4)
    row += 1
  }
}
