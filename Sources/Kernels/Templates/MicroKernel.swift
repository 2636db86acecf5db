/// One register tile of a matrix product: `C += A B` over `k` steps.
///
///     C (rows, NR)   row stride `ldc`;  rows is 1...tileRows, NR is `panelColumns`
///     A (rows, k)    row stride `lda`, read in place
///     B (k, NR)      one packed panel, contiguous
///
/// `startsFromZero`: C is not read (it may hold anything, NaN included). Every element is one chain of multiply-adds in
/// ascending k, so cutting k into pieces, or rows into tiles of another height, does not change a bit.
@frozen
public struct TileArguments {
  public var rows: Int
  public var k: Int
  public var a: UnsafePointer<Float>
  public var lda: Int
  public var b: UnsafePointer<Float>
  public var c: UnsafeMutablePointer<Float>
  public var ldc: Int
  public var startsFromZero: Bool

  @inlinable @inline(__always)
  public init(
    rows: Int, k: Int, a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>,
    c: UnsafeMutablePointer<Float>, ldc: Int, startsFromZero: Bool
  ) {
    self.rows = rows
    self.k = k
    self.a = a
    self.lda = lda
    self.b = b
    self.c = c
    self.ldc = ldc
    self.startsFromZero = startsFromZero
  }
}

/// The tile of exactly `Rows` rows; `Count` is 2 x `Rows` accumulators. The types only carry the numbers.
@inlinable @inline(__always)
func tile<I: ISA, let Rows: Int, let Count: Int>(
  _: I.Type, _: InlineArray<Rows, UInt8>.Type, _: InlineArray<Count, I.Vector>.Type, _ t: TileArguments
) {
  var sum = InlineArray<Count, I.Vector>(repeating: I.splat(0))
  if !t.startsFromZero {
    for row in 0..<Rows {
      sum[2 * row] = I.load(t.c + row * t.ldc)
      sum[2 * row + 1] = I.load(t.c + row * t.ldc + I.lanes)
    }
  }
  var b = t.b
  for step in 0..<t.k {
    let b0 = I.load(b)
    let b1 = I.load(b + I.lanes)
    for row in 0..<Rows {
      let a = I.splat(t.a[row * t.lda + step])
      sum[2 * row] = I.multiplyAdd(sum[2 * row], a, b0)
      sum[2 * row + 1] = I.multiplyAdd(sum[2 * row + 1], a, b1)
    }
    b += I.panelColumns
  }
  for row in 0..<Rows {
    I.store(sum[2 * row], t.c + row * t.ldc)
    I.store(sum[2 * row + 1], t.c + row * t.ldc + I.lanes)
  }
}

/// The tile of `t.rows` rows, for sets whose `tileRows` is 6: 12 accumulators, 2 of B and 1 of A in 16 registers.
@inlinable @inline(__always)
public func tile6<I: ISA>(_: I.Type, _ t: TileArguments) {
  switch t.rows {
  case 1: tile(I.self, InlineArray<1, UInt8>.self, InlineArray<2, I.Vector>.self, t)
  case 2: tile(I.self, InlineArray<2, UInt8>.self, InlineArray<4, I.Vector>.self, t)
  case 3: tile(I.self, InlineArray<3, UInt8>.self, InlineArray<6, I.Vector>.self, t)
  case 4: tile(I.self, InlineArray<4, UInt8>.self, InlineArray<8, I.Vector>.self, t)
  case 5: tile(I.self, InlineArray<5, UInt8>.self, InlineArray<10, I.Vector>.self, t)
  default: tile(I.self, InlineArray<6, UInt8>.self, InlineArray<12, I.Vector>.self, t)
  }
}

/// The tile of `t.rows` rows, for sets whose `tileRows` is 12: 24 accumulators, 2 of B and A from memory in 32
/// registers.
@inlinable @inline(__always)
public func tile12<I: ISA>(_: I.Type, _ t: TileArguments) {
  switch t.rows {
  case 12: tile(I.self, InlineArray<12, UInt8>.self, InlineArray<24, I.Vector>.self, t)
  case 11: tile(I.self, InlineArray<11, UInt8>.self, InlineArray<22, I.Vector>.self, t)
  case 10: tile(I.self, InlineArray<10, UInt8>.self, InlineArray<20, I.Vector>.self, t)
  case 9: tile(I.self, InlineArray<9, UInt8>.self, InlineArray<18, I.Vector>.self, t)
  case 8: tile(I.self, InlineArray<8, UInt8>.self, InlineArray<16, I.Vector>.self, t)
  case 7: tile(I.self, InlineArray<7, UInt8>.self, InlineArray<14, I.Vector>.self, t)
  default: tile6(I.self, t)
  }
}

/// `rows` cut into tiles of nearly equal height, so that none is much shorter than `tileRows`: 197 rows are 10 x 12 + 7
/// x 11.
@frozen
public struct RowTiling {
  public let count: Int
  @usableFromInline let short: Int
  @usableFromInline let taller: Int

  @inlinable @inline(__always)
  public init(rows: Int, tileRows: Int) {
    count = (rows + tileRows - 1) / tileRows
    short = count == 0 ? 0 : rows / count
    taller = count == 0 ? 0 : rows % count
  }

  /// First row of a tile.
  @inlinable @inline(__always)
  public func start(_ tile: Int) -> Int { tile * short + (tile < taller ? tile : taller) }

  /// Rows of a tile.
  @inlinable @inline(__always)
  public func height(_ tile: Int) -> Int { short + (tile < taller ? 1 : 0) }
}
