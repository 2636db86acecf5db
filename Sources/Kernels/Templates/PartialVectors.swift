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
