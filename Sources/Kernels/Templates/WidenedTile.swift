import CSupport

/// Words of k that a widened tile widens at once, 64: `mp_tile_scratch` has room for both halves in the tallest tile.
@inlinable @inline(__always)
var widenedSteps: Int { mp_tile_scratch_count / (2 * tallestTile) }

/// The tile of bfloat16 where the set multiplies float32 only: the same chain as `dotBFloat16`, a word's second product
/// first.
///
/// A stretch of A is widened at once, a vector at a time, and waits in the first-level cache as float32, where repeating
/// a number in all lanes is a load. Widening every word where it is used would take two operations a row and word on the
/// units that multiply, next to four multiply-adds.
@inlinable @inline(__always)
func widenedTile<I: ISA, let Rows: Int, let Count: Int>(
  _: I.Type, _: InlineArray<Rows, UInt8>.Type, _: InlineArray<Count, I.Vector>.Type, _ t: TileArguments
) {
  let bytes = I.lanes * 4
  // (rows, widenedSteps, 2): of every word the second half, then the first.
  let wide = mp_tile_scratch()
  var sum = InlineArray<Count, I.Vector>(repeating: I.splat(0))
  if !t.startsFromZero {
    for row in 0..<Rows {
      sum[2 * row] = t.c.loadUnaligned(fromByteOffset: row * t.ldc * 4, as: I.Vector.self)
      sum[2 * row + 1] = t.c.loadUnaligned(fromByteOffset: row * t.ldc * 4 + bytes, as: I.Vector.self)
    }
  }
  var (b, next) = (t.b, t.next)
  var step = 0
  while step < t.k {
    for _ in 0..<t.linesPerStretch * (widenedSteps / stretchSteps) {
      I.prefetchSecond(next)
      next += 64
    }
    let count = min(widenedSteps, t.k - step)
    widen(I.self, t.a + step * 4, stride: t.lda, rows: Rows, count: count, into: wide)
    // Halves by a loop: the rows of one of them are what the compiler unrolls, so that sums stay in registers.
    var half = 0
    while half < 2 * count {
      let words0 = b.loadUnaligned(as: I.Bits.self)
      let words1 = b.loadUnaligned(fromByteOffset: bytes, as: I.Bits.self)
      let (b0, b1) = half & 1 == 0 ? (I.high(words0), I.high(words1)) : (I.low(words0), I.low(words1))
      for row in 0..<Rows {
        let a = I.splat(wide[row * 2 * widenedSteps + half])
        sum[2 * row] = I.multiplyAdd(sum[2 * row], a, b0)
        sum[2 * row + 1] = I.multiplyAdd(sum[2 * row + 1], a, b1)
      }
      b += (half & 1) * 2 * bytes
      half += 1
    }
    step += count
  }
  for row in 0..<Rows {
    t.c.storeBytes(of: sum[2 * row], toByteOffset: row * t.ldc * 4, as: I.Vector.self)
    t.c.storeBytes(of: sum[2 * row + 1], toByteOffset: row * t.ldc * 4 + bytes, as: I.Vector.self)
  }
}

/// Both halves of `count` words of every row as float32, the second first. Not inlined: its branches would keep the
/// tile's sums out of registers.
@inlinable @inline(never)
func widen<I: ISA>(
  _: I.Type, _ a: UnsafeRawPointer, stride: Int, rows: Int, count: Int, into wide: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row < rows {
    let line = wide + row * 2 * widenedSteps
    var word = 0
    while word < count {
      let words = loadBytes(I.self, a + (row * stride + word) * 4, (count - word) * 4)
      I.storeInterleaved(I.high(words), I.low(words), line + 2 * word)
      word += I.lanes
    }
    row += 1
  }
}
