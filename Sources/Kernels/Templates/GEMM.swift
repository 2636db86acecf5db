// C = epilogue(A B): activations times packed weights.
//
// SAFETY, of every template: pointers are the caller's, valid for the shapes and strides written at each, and the
// caller lets no other thread write what is read or touch what is written. Nothing else is read or written; tails go
// lane by lane.
//
//     A (M, K)    row stride lda, read in place
//     B           ceil(N / NR) panels, each (K, NR) contiguous; columns beyond N are zero (see Packing.swift)
//     C (M, N)    row stride ldc; only the N columns are written
//
// One call does a range of panels by a range of rows for one thread. Per panel, K is walked in pieces of `kBlock` so
// that the piece of the panel stays in L1 while all rows pass by; partial sums wait in `scratch` and continue the same
// chain of multiply-adds, so `kBlock` changes no bit. The epilogue runs on a tile as soon as its last piece is done.

/// What happens to a sum `s` on its way to C, in this order:
/// `s = addend + scale s`, `s += bias`, `s = gelu(s)` or `s = max(s, 0)`, `s = residual + gamma s`.
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

  @inlinable @inline(__always)
  public init() {}
}

@frozen
public struct GEMMArguments {
  public var a: UnsafePointer<Float>
  public var lda: Int
  public var panels: UnsafePointer<Float>
  public var c: UnsafeMutablePointer<Float>
  public var ldc: Int
  public var n: Int
  public var k: Int
  public var epilogue: Epilogue

  @inlinable @inline(__always)
  public init(
    a: UnsafePointer<Float>, lda: Int, panels: UnsafePointer<Float>, c: UnsafeMutablePointer<Float>, ldc: Int,
    n: Int, k: Int, epilogue: Epilogue
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
/// - Parameter scratch: (rows, NR) floats of this thread.
@inlinable @inline(__always)
public func gemm<I: ISA>(
  _: I.Type, _ g: GEMMArguments, panels: Span1D, rows: Span1D, kBlock: Int, scratch: UnsafeMutablePointer<Float>
) {
  let width = I.panelColumns
  let tiling = RowTiling(rows: rows.end - rows.start, tileRows: I.tileRows)
  var panel = panels.start
  while panel < panels.end {
    let b = g.panels + (panel - panels.start) * width * g.k
    let columns = min(width, g.n - panel * width)
    var k0 = 0
    repeat {
      let depth = min(kBlock, g.k - k0)
      let isLast = k0 + depth == g.k
      var index = 0
      while index < tiling.count {
        let first = tiling.start(index)
        let height = tiling.height(index)
        let row = rows.start + first
        let sums = scratch + first * width
        I.tile(
          TileArguments(
            rows: height, k: depth, a: g.a + row * g.lda + k0, lda: g.lda, b: b + k0 * width, c: sums, ldc: width,
            startsFromZero: k0 == 0))
        if isLast {
          applyEpilogue(I.self, g, sums: sums, row: row, rows: height, column: panel * width, columns: columns)
        }
        index += 1
      }
      k0 += depth
    } while k0 < g.k
    panel += 1
  }
}

/// Takes a tile of sums, (rows, NR), through the epilogue to C at (`row`, `column`).
@inlinable @inline(__always)
func applyEpilogue<I: ISA>(
  _: I.Type, _ g: GEMMArguments, sums: UnsafeMutablePointer<Float>, row: Int, rows: Int, column: Int, columns: Int
) {
  var r = 0
  while r < rows {
    let sum = sums + r * I.panelColumns
    var lane = 0
    while lane < columns {
      let full = columns - lane >= I.lanes
      let at = column + lane
      let c = g.c + (row + r) * g.ldc + at
      let valid = full ? I.lanes : columns - lane
      var s = I.load(sum + lane) * I.splat(g.epilogue.scale)
      if let addend = g.epilogue.addend {
        let value = loadLanes(I.self, addend + (row + r) * g.epilogue.addendStride + at, valid)
        s = I.multiplyAdd(value, I.load(sum + lane), I.splat(g.epilogue.scale))
      }
      if let bias = g.epilogue.bias { s += loadLanes(I.self, bias + at, valid) }
      if g.epilogue.appliesGELU { s = I.gelu(s) }
      if g.epilogue.appliesReLU { s = I.maximum(s, I.splat(0)) }
      if let residual = g.epilogue.residual {
        let value = loadLanes(I.self, residual + (row + r) * g.epilogue.residualStride + at, valid)
        if let gamma = g.epilogue.gamma {
          s = I.multiplyAdd(value, s, loadLanes(I.self, gamma + at, valid))
        } else {
          s += value
        }
      } else if let gamma = g.epilogue.gamma {
        s *= loadLanes(I.self, gamma + at, valid)
      }
      if full {
        I.store(s, c)
      } else {
        storeLanes(I.self, s, c, valid)
      }
      lane += I.lanes
    }
    r += 1
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
