// Vectors of which only the first lanes belong to a row: nothing beyond them is read or written.

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

/// Stores the first `count` lanes as elements of a row, beginning with the `index`-th, and nothing beyond: what is in
/// the rest of a last word belongs to another.
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

/// Words of `count` columns of a matrix in the format F, from the column `column` on; zeros in the other lanes. A word
/// of bfloat16 has the elements of `row` and of the row after it, `stride` bytes on.
///
/// - Parameter rows: how many rows there are from `row` on; with one, the second element is 0.
@inlinable @inline(__always)
func loadWords<F: TileFormat>(
  _: F.Type, _ row: UnsafeRawPointer, _ stride: Int, _ column: Int, _ count: Int, rows: Int
) -> F.I.Bits {
  let first = F.I.bits(loadElements(F.I.self, row, column, count, isBFloat16: F.perWord == 2))
  if F.perWord == 1 { return first }
  // A bfloat16 is loaded to the upper half of its lane.
  let low = (first &>> F.I.Bits(repeating: 16)) & F.I.Bits(repeating: 0xFFFF)
  if rows < 2 { return low }
  return low | F.I.bits(loadElements(F.I.self, row + stride, column, count, isBFloat16: true))
}

/// Words of two rows' floats in the format F: pairs that are rounded to bfloat16, or in float32 the first row alone.
@inlinable @inline(__always)
func words<F: TileFormat>(_: F.Type, _ first: F.I.Vector, _ second: F.I.Vector) -> F.I.Bits {
  if F.perWord == 1 { return F.I.bits(first) }
  let low = roundedToBFloat16(F.I.self, first) &>> F.I.Bits(repeating: 16)
  return (low & F.I.Bits(repeating: 0xFFFF)) | roundedToBFloat16(F.I.self, second)
}

/// The nearest bfloat16 of every lane, in its upper half; zeros in the lower half.
@inlinable @inline(__always)
func roundedToBFloat16<I: ISA>(_: I.Type, _ vector: I.Vector) -> I.Bits {
  var halves = I.Bits(repeating: 0)
  I.storeBFloat16(vector, &halves)
  return I.bits(I.loadBFloat16(&halves))
}
