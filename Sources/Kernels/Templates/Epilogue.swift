// What is done to sums on their way to C, fused into the product (GEMM.swift).

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
