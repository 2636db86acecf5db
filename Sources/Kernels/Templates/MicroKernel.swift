/// One register tile of a matrix product: `C += A B` over `k` words.
///
///     C (rows, NR)   sums, row stride `ldc`;  rows is 1...tileRows, NR is `panelColumns`
///     A (rows, k)    words, row stride `lda`, read in place
///     B (k, NR)      words of one packed panel, contiguous
///
/// `startsFromZero`: C is not read (it may hold anything, NaN included). Every element is one chain of multiply-adds in
/// ascending k, so cutting k into pieces, or rows into tiles of another height, does not change a bit.
@frozen
public struct TileArguments {
  public var rows: Int
  public var k: Int
  public var a: UnsafeRawPointer
  public var lda: Int
  public var b: UnsafeRawPointer
  public var c: UnsafeMutableRawPointer
  public var ldc: Int
  public var startsFromZero: Bool

  @inlinable @inline(__always)
  public init(
    rows: Int, k: Int, a: UnsafeRawPointer, lda: Int, b: UnsafeRawPointer, c: UnsafeMutableRawPointer, ldc: Int,
    startsFromZero: Bool
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
func tile<F: TileFormat, let Rows: Int, let Count: Int>(
  _: F.Type, _: InlineArray<Rows, UInt8>.Type, _: InlineArray<Count, F.Sum>.Type, _ t: TileArguments
) {
  let bytes = F.I.lanes * 4
  var sum = InlineArray<Count, F.Sum>(repeating: F.zero)
  if !t.startsFromZero {
    for row in 0..<Rows {
      sum[2 * row] = t.c.loadUnaligned(fromByteOffset: row * t.ldc * 4, as: F.Sum.self)
      sum[2 * row + 1] = t.c.loadUnaligned(fromByteOffset: row * t.ldc * 4 + bytes, as: F.Sum.self)
    }
  }
  let words = t.a.assumingMemoryBound(to: F.Lanes.Scalar.self)
  var b = t.b
  for step in 0..<t.k {
    let b0 = b.loadUnaligned(as: F.Lanes.self)
    let b1 = b.loadUnaligned(fromByteOffset: bytes, as: F.Lanes.self)
    for row in 0..<Rows {
      let a = F.Lanes(repeating: words[row * t.lda + step])
      sum[2 * row] = F.multiplyAdd(sum[2 * row], a, b0)
      sum[2 * row + 1] = F.multiplyAdd(sum[2 * row + 1], a, b1)
    }
    b += 2 * bytes
  }
  for row in 0..<Rows {
    t.c.storeBytes(of: sum[2 * row], toByteOffset: row * t.ldc * 4, as: F.Sum.self)
    t.c.storeBytes(of: sum[2 * row + 1], toByteOffset: row * t.ldc * 4 + bytes, as: F.Sum.self)
  }
}

/// The tile of `t.rows` rows, for sets whose `tileRows` is 6: 12 accumulators, 2 of B and 1 of A in 16 registers.
@inlinable @inline(__always)
public func tile6<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  switch t.rows {
  case 1: tile(F.self, InlineArray<1, UInt8>.self, InlineArray<2, F.Sum>.self, t)
  case 2: tile(F.self, InlineArray<2, UInt8>.self, InlineArray<4, F.Sum>.self, t)
  case 3: tile(F.self, InlineArray<3, UInt8>.self, InlineArray<6, F.Sum>.self, t)
  case 4: tile(F.self, InlineArray<4, UInt8>.self, InlineArray<8, F.Sum>.self, t)
  case 5: tile(F.self, InlineArray<5, UInt8>.self, InlineArray<10, F.Sum>.self, t)
  default: tile(F.self, InlineArray<6, UInt8>.self, InlineArray<12, F.Sum>.self, t)
  }
}

/// The same for at most 4 rows.
@inlinable @inline(__always)
public func tile4<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  switch t.rows {
  case 1: tile(F.self, InlineArray<1, UInt8>.self, InlineArray<2, F.Sum>.self, t)
  case 2: tile(F.self, InlineArray<2, UInt8>.self, InlineArray<4, F.Sum>.self, t)
  case 3: tile(F.self, InlineArray<3, UInt8>.self, InlineArray<6, F.Sum>.self, t)
  default: tile(F.self, InlineArray<4, UInt8>.self, InlineArray<8, F.Sum>.self, t)
  }
}

/// The tile of `t.rows` rows, for sets whose `tileRows` is 12: 24 accumulators, 2 of B and A from memory in 32
/// registers.
@inlinable @inline(__always)
public func tile12<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  switch t.rows {
  case 12: tile(F.self, InlineArray<12, UInt8>.self, InlineArray<24, F.Sum>.self, t)
  case 11: tile(F.self, InlineArray<11, UInt8>.self, InlineArray<22, F.Sum>.self, t)
  case 10: tile(F.self, InlineArray<10, UInt8>.self, InlineArray<20, F.Sum>.self, t)
  case 9: tile(F.self, InlineArray<9, UInt8>.self, InlineArray<18, F.Sum>.self, t)
  case 8: tile(F.self, InlineArray<8, UInt8>.self, InlineArray<16, F.Sum>.self, t)
  case 7: tile(F.self, InlineArray<7, UInt8>.self, InlineArray<14, F.Sum>.self, t)
  default: tile6(F.self, t)
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
