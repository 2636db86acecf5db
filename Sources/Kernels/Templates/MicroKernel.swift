// The register tile: the micro-kernel that every product of this package reduces to (GEMM.swift, Attention.swift).

/// Arguments of a register tile, `C += A B` over `k` words.
///
///         A (rows, k)        B (k, NR)                 C (rows, NR)
///
///         a00 a01 a02 ...    b00 b01 ... b0(NR-1)      c00 c01 ... c0(NR-1)
///     +lda                   b10 b11 ... b1(NR-1)      +ldc
///         a10 a11 a12 ...    b20 b21 ... b2(NR-1)      c10 c11 ... c1(NR-1)
///         ...                ... NR words a row        ...
///
/// A word has 4 bytes: one float, two bfloat16, or int8 (TileFormat.swift). NR is `panelColumns`, two vectors.
///
/// - Tails: the tile has exactly `rows` rows, from 1 to MR, and all NR columns. Callers divide M into tiles of nearly
///   equal height (`RowTiling`), pad N with zeros in B, and take only valid columns from C. K has no tail: the elements
///   of a last word beyond K are zero in B.
/// - Alignment: none required, of any pointer or stride.
/// - Not read: C if `startsFromZero`; it may hold NaN then. Words of A beyond `k`, and anything beyond `rows`.
/// - Written: `rows` x NR words of C, and nothing else. C overlaps neither A nor B.
/// - Bits: every element is one chain of multiply-adds in ascending k. Dividing K into pieces, or rows into tiles of
///   another height, does not change a bit.
@frozen
public struct TileArguments {
  /// Rows of A and C, 1 to `tileRows` of the format.
  public var rows: Int
  /// Words of a row of A, and rows of B; 0 is allowed.
  public var k: Int
  /// (rows, k) words of activations, read in place.
  public var a: UnsafeRawPointer
  /// Words from one row of A to the next.
  public var lda: Int
  /// (k, NR) words of one packed panel, contiguous (Packing.swift).
  public var b: UnsafeRawPointer
  /// (rows, NR) sums: float32, or int32 of int8.
  public var c: UnsafeMutableRawPointer
  /// Words from one row of C to the next.
  public var ldc: Int
  /// Whether the tile computes `C = A B`.
  public var startsFromZero: Bool
  /// What is fetched into the second-level cache meanwhile. A hint: any address is allowed.
  public var next: UnsafeRawPointer
  /// Cache lines from `next` on that are fetched in every stretch of `stretchSteps` words of k; 0: none.
  public var linesPerStretch = 0

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
    next = b
  }
}

/// Words of k between prefetches of the next panel. Fewer would add instructions; with more, requests would come in
/// bursts, and wait for buffers.
@inlinable @inline(__always)
var stretchSteps: Int { 16 }

/// The tile of exactly `Rows` rows; `Count` is 2 x `Rows` sums. The types only carry the numbers.
@inlinable @inline(__always)
func tile<F: TileFormat, let Rows: Int, let Count: Int>(
  _: F.Type, _: InlineArray<Rows, UInt8>.Type, _: InlineArray<Count, F.Sum>.Type, _ t: TileArguments
) {
  if F.isWidened {
    return widenedTile(F.I.self, InlineArray<Rows, UInt8>.self, InlineArray<Count, F.I.Vector>.self, t)
  }
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
  var next = t.next
  var step = 0
  while step < t.k {
    for _ in 0..<t.linesPerStretch {
      F.I.prefetchSecond(next)
      next += 64
    }
    let end = min(step + stretchSteps, t.k)
    while step < end {
      let b0 = b.loadUnaligned(as: F.Lanes.self)
      let b1 = b.loadUnaligned(fromByteOffset: bytes, as: F.Lanes.self)
      for row in 0..<Rows {
        let a = F.Lanes(repeating: words[row * t.lda + step])
        sum[2 * row] = F.multiplyAdd(sum[2 * row], a, b0)
        sum[2 * row + 1] = F.multiplyAdd(sum[2 * row + 1], a, b1)
      }
      b += 2 * bytes
      step += 1
    }
  }
  for row in 0..<Rows {
    t.c.storeBytes(of: sum[2 * row], toByteOffset: row * t.ldc * 4, as: F.Sum.self)
    t.c.storeBytes(of: sum[2 * row + 1], toByteOffset: row * t.ldc * 4 + bytes, as: F.Sum.self)
  }
}

/// The register tile of `t.rows` rows, 1 to `F.tileRows`. Not inlined, so that its sums have the registers to
/// themselves.
@inlinable @inline(never)
func registerTile<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  if F.tileRows > 6 {
    tileUpTo12(F.self, t)
  } else {
    tileUpTo6(F.self, t)
  }
}

@inlinable @inline(__always)
func tileUpTo6<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  switch t.rows {
  case 1: tile(F.self, InlineArray<1, UInt8>.self, InlineArray<2, F.Sum>.self, t)
  case 2: tile(F.self, InlineArray<2, UInt8>.self, InlineArray<4, F.Sum>.self, t)
  case 3: tile(F.self, InlineArray<3, UInt8>.self, InlineArray<6, F.Sum>.self, t)
  case 4: tile(F.self, InlineArray<4, UInt8>.self, InlineArray<8, F.Sum>.self, t)
  case 5: tile(F.self, InlineArray<5, UInt8>.self, InlineArray<10, F.Sum>.self, t)
  default: tile(F.self, InlineArray<6, UInt8>.self, InlineArray<12, F.Sum>.self, t)
  }
}

@inlinable @inline(__always)
func tileUpTo12<F: TileFormat>(_: F.Type, _ t: TileArguments) {
  switch t.rows {
  case 12: tile(F.self, InlineArray<12, UInt8>.self, InlineArray<24, F.Sum>.self, t)
  case 11: tile(F.self, InlineArray<11, UInt8>.self, InlineArray<22, F.Sum>.self, t)
  case 10: tile(F.self, InlineArray<10, UInt8>.self, InlineArray<20, F.Sum>.self, t)
  case 9: tile(F.self, InlineArray<9, UInt8>.self, InlineArray<18, F.Sum>.self, t)
  case 8: tile(F.self, InlineArray<8, UInt8>.self, InlineArray<16, F.Sum>.self, t)
  case 7: tile(F.self, InlineArray<7, UInt8>.self, InlineArray<14, F.Sum>.self, t)
  default: tileUpTo6(F.self, t)
  }
}

/// `rows` divided into tiles of nearly equal height, so that none is much shorter than `tileRows`: 197 rows are 10
/// tiles of 12 and 7 of 11.
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
