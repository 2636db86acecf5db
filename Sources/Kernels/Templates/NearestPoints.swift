// Nearest neighbours, in order of priority: the same answer on every instruction set, ties included; no branch for
// every candidate; memory that does not grow with the points.
//
// A heap, or a sorted list as long as the answer, costs a mispredicted branch and some moves for each of the about
// k ln(n / k) points that are among the nearest when they are met. Here points nearer than a limit are collected in
// order, a vector at a time, and only a full collection is cut down to its k nearest, whose farthest is the next limit.

/// Points that are collected before they are cut down to `neighbours`: four times as many, since then each cut admits
/// a quarter of what the one before did, and two vectors at least. A multiple of every vector.
@inlinable @inline(__always)
func nearestCapacity(_ neighbours: Int) -> Int { (max(4 * neighbours, 64) + 15) / 16 * 16 }

/// Floats of scratch of `nearestPoints`.
@inlinable @inline(__always)
public func nearestScratchCount(neighbours: Int) -> Int { 2 * nearestCapacity(neighbours) }

/// The `neighbours` points nearest to `place`, by distance and among equal ones by index.
///
/// Where fewer have a distance that is a number below infinity, point 0 comes in place of the others, at infinity.
///
/// - Parameters:
///   - points: at least `neighbours`.
///   - distances: `neighbours` squared distances, ascending.
///   - scratch: `nearestScratchCount(neighbours:)` floats.
/// - Complexity: O(points), and O(neighbours) for each of the about log4(points / neighbours) cuts; at the end
///   neighbours^2 / lanes comparisons.
@inlinable @inline(__always)
public func nearestPoints<I: ISA>(
  _: I.Type, _ points: PointArrays, to place: Place, neighbours: Int, distances: UnsafeMutablePointer<Float>,
  into indices: UnsafeMutablePointer<Int32>, scratch: UnsafeMutablePointer<Float>
) {
  let capacity = nearestCapacity(neighbours)
  let found = scratch
  // Bits of integers, which are moved and not computed with.
  let numbers = scratch + capacity
  var (count, limit, index) = (0, Float.infinity, 0)
  var own = I.Bits(repeating: 0)
  for lane in 0..<I.lanes { own[lane] = Int32(truncatingIfNeeded: lane) }
  while index < points.count {
    let valid = min(I.lanes, points.count - index)
    let squares =
      valid == I.lanes
      ? squaredDistances(I.self, points, index, from: place) : lastSquaredDistances(I.self, points, index, from: place)
    let nearer = I.lessThanMask(squares, I.splat(limit))
    if nearer != 0 {
      I.compress(squares, nearer, found + count)
      I.compress(I.vector(own), nearer, numbers + count)
      count += nearer.nonzeroBitCount
      if count > capacity - I.lanes { limit = keepNearest(I.self, neighbours, of: &count, found, numbers) }
    }
    own = own &+ I.Bits(repeating: Int32(truncatingIfNeeded: I.lanes))
    index += I.lanes
  }
  if count > neighbours { _ = keepNearest(I.self, neighbours, of: &count, found, numbers) }
  while count < neighbours {
    found[count] = .infinity
    numbers[count] = 0
    count += 1
  }
  sortByRank(I.self, count: neighbours, found, numbers, distances, indices)
}

/// Squared distances of the points from `index` on, fewer than a vector; infinite in the lanes after them.
@inlinable @inline(__always)
func lastSquaredDistances<I: ISA>(_: I.Type, _ points: PointArrays, _ index: Int, from place: Place) -> I.Vector {
  var squares = I.splat(.infinity)
  for lane in 0..<I.lanes where index + lane < points.count {
    squares[lane] = squaredDistance(points, index + lane, from: place)
  }
  return squares
}

/// Cuts a collection down to its `neighbours` nearest, of equal ones the first, in their order; gives the distance that
/// the next must be below.
///
/// The bits of floats of 0 and more are in the order of the floats: bisection on them finds a distance that as many are
/// below as are wanted, or the one where several are equal, by counting in vectors.
///
/// - Parameter count: more than `neighbours`; afterwards these.
@inlinable @inline(__always)
func keepNearest<I: ISA>(
  _: I.Type, _ neighbours: Int, of count: inout Int, _ found: UnsafeMutablePointer<Float>,
  _ numbers: UnsafeMutablePointer<Float>
) -> Float {
  fillVector(I.self, found, count)
  // Fewer than `neighbours` are below `low`, as many or more below `high`.
  var (low, high) = (UInt32(0), Float.infinity.bitPattern)
  var ties = neighbours
  while high - low > 1 {
    let middle = low + (high - low) / 2
    let below = countBelow(I.self, Float(bitPattern: middle), found, count)
    if below == neighbours {
      (low, ties) = (middle, 0)
      break
    }
    if below < neighbours { (low, ties) = (middle, neighbours - below) } else { high = middle }
  }
  let cut = Float(bitPattern: low)
  let all = UInt32(truncatingIfNeeded: (1 << I.lanes) - 1)
  var (kept, index) = (0, 0)
  while index < count {
    let values = I.load(found + index)
    var mask = I.lessThanMask(values, I.splat(cut))
    var equal = ties == 0 ? 0 : ~(mask | I.lessThanMask(I.splat(cut), values)) & all
    while equal != 0, ties > 0 {
      mask |= equal & (0 &- equal)
      equal &= equal &- 1
      ties -= 1
    }
    // Writes follow reads: nothing is overwritten before it is read.
    I.compress(values, mask, found + kept)
    I.compress(I.load(numbers + index), mask, numbers + kept)
    kept += mask.nonzeroBitCount
    index += I.lanes
  }
  count = kept
  return cut
}

/// How many of `count` values are below `limit`; a last vector is filled up with infinity.
@inlinable @inline(__always)
func countBelow<I: ISA>(_: I.Type, _ limit: Float, _ values: UnsafePointer<Float>, _ count: Int) -> Int {
  var (below, index) = (0, 0)
  while index < count {
    below += I.lessThanMask(I.load(values + index), I.splat(limit)).nonzeroBitCount
    index += I.lanes
  }
  return below
}

/// Infinity after `count` values, up to a whole vector.
@inlinable @inline(__always)
func fillVector<I: ISA>(_: I.Type, _ values: UnsafeMutablePointer<Float>, _ count: Int) {
  var index = count
  while index % I.lanes != 0 {
    values[index] = .infinity
    index += 1
  }
}

/// Puts every value, and its number, where it belongs: after those that are smaller, and after equal ones that came
/// earlier.
@inlinable @inline(__always)
func sortByRank<I: ISA>(
  _: I.Type, count: Int, _ values: UnsafeMutablePointer<Float>, _ numbers: UnsafePointer<Float>,
  _ sorted: UnsafeMutablePointer<Float>, _ sortedNumbers: UnsafeMutablePointer<Int32>
) {
  fillVector(I.self, values, count)
  var item = 0
  while item < count {
    let value = I.splat(values[item])
    var (rank, index) = (0, 0)
    while index < count {
      let others = I.load(values + index)
      let earlier = min(max(item - index, 0), I.lanes)
      let before = UInt32(truncatingIfNeeded: (1 << earlier) - 1)
      let smaller = I.lessThanMask(others, value)
      let notLarger = ~I.lessThanMask(value, others)
      rank += ((notLarger & before) | (smaller & ~before)).nonzeroBitCount
      index += I.lanes
    }
    sorted[rank] = values[item]
    sortedNumbers[rank] = Int32(bitPattern: numbers[item].bitPattern)
    item += 1
  }
}
