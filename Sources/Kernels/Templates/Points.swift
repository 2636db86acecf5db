// Points in space: farthest-point sampling and nearest neighbours.
//
// A squared distance is (dx dx + dy dy) + dz dz, every operation rounded by itself in this order and never fused: all
// instruction sets find the same points in the same order, ties included. Callers see to it that coordinates are
// finite and small enough for distances to be so.

/// Points as three arrays.
@frozen
public struct PointArrays {
  public var x: UnsafePointer<Float>
  public var y: UnsafePointer<Float>
  public var z: UnsafePointer<Float>
  public var count: Int

  @inlinable @inline(__always)
  public init(x: UnsafePointer<Float>, y: UnsafePointer<Float>, z: UnsafePointer<Float>, count: Int) {
    self.x = x
    self.y = y
    self.z = z
    self.count = count
  }
}

/// A place in space.
@frozen
public struct Place {
  public var x: Float
  public var y: Float
  public var z: Float

  @inlinable @inline(__always)
  public init(x: Float, y: Float, z: Float) {
    self.x = x
    self.y = y
    self.z = z
  }
}

/// Squared distances of `I.lanes` points from `index` on.
@inlinable @inline(__always)
func squaredDistances<I: ISA>(_: I.Type, _ points: PointArrays, _ index: Int, from place: Place) -> I.Vector {
  let dx = I.load(points.x + index) - I.splat(place.x)
  let dy = I.load(points.y + index) - I.splat(place.y)
  let dz = I.load(points.z + index) - I.splat(place.z)
  return (dx * dx + dy * dy) + dz * dz
}

@inlinable @inline(__always)
func squaredDistance(_ points: PointArrays, _ index: Int, from place: Place) -> Float {
  let (dx, dy, dz) = (points.x[index] - place.x, points.y[index] - place.y, points.z[index] - place.z)
  return (dx * dx + dy * dy) + dz * dz
}

/// Points of a block of `farthestPoints`: the place of the farthest is looked for in one block only, and the largest of
/// a vector's lanes is found once a block. A multiple of every vector.
@inlinable @inline(__always)
public var farthestPointBlock: Int { 1024 }

/// `samples` indices: the first is 0, each next one that of the point farthest from all before it, of equal ones the
/// lowest (Eldar et al. 1997, "The Farthest Point Strategy for Progressive Image Sampling").
///
/// With more samples than points to take, index 0 comes again.
///
/// - Parameters:
///   - points: at least one.
///   - excluded: points whose squared distance from the origin is no more than this are not taken, except for the
///     first; negative: all are. Below infinity.
///   - distances: as many floats as points; afterwards every point's squared distance from the samples but the last, -1
///     for excluded ones.
/// - Complexity: O(points x samples); 3 loads and a multiply-add chain a point and sample.
@inlinable @inline(__always)
public func farthestPoints<I: ISA>(
  _: I.Type, _ points: PointArrays, samples: Int, excluded: Float, distances: UnsafeMutablePointer<Float>,
  into indices: UnsafeMutablePointer<Int32>
) {
  let origin = Place(x: 0, y: 0, z: 0)
  var index = 0
  while index < points.count {
    distances[index] = squaredDistance(points, index, from: origin) <= excluded ? -1 : .infinity
    index += 1
  }
  var farthest = 0
  var sample = 0
  while sample < samples {
    indices[sample] = Int32(truncatingIfNeeded: farthest)
    sample += 1
    if sample == samples { break }
    let place = Place(x: points.x[farthest], y: points.y[farthest], z: points.z[farthest])
    var (largest, largestStart, start) = (Float(-1), 0, 0)
    while start < points.count {
      let end = min(start + farthestPointBlock, points.count)
      let blockMax = lowerDistances(I.self, points, Span1D(start, end), from: place, distances)
      if blockMax > largest {
        largest = blockMax
        largestStart = start
      }
      start = end
    }
    farthest = firstIndex(I.self, of: largest, in: distances, from: largestStart, count: points.count)
  }
}

/// distances = min(distances, squared distances from `place`) of the points `range`, and the largest of them.
@inlinable @inline(__always)
func lowerDistances<I: ISA>(
  _: I.Type, _ points: PointArrays, _ range: Span1D, from place: Place, _ distances: UnsafeMutablePointer<Float>
) -> Float {
  var maxima = I.splat(-1)
  var index = range.start
  while index + I.lanes <= range.end {
    let distance = I.minimum(I.load(distances + index), squaredDistances(I.self, points, index, from: place))
    I.store(distance, distances + index)
    maxima = I.maximum(maxima, distance)
    index += I.lanes
  }
  var largest = I.reduceMax(maxima)
  while index < range.end {
    let distance = squaredDistance(points, index, from: place)
    if distance < distances[index] { distances[index] = distance }
    if distances[index] > largest { largest = distances[index] }
    index += 1
  }
  return largest
}

/// The first index from `start` on where `value` stands, none of the values there being larger; there is one.
@inlinable @inline(__always)
func firstIndex<I: ISA>(
  _: I.Type, of value: Float, in values: UnsafePointer<Float>, from start: Int, count: Int
) -> Int {
  let all = UInt32(truncatingIfNeeded: (1 << I.lanes) - 1)
  var index = start
  while index + I.lanes <= count {
    let equal = ~I.lessThanMask(I.load(values + index), I.splat(value)) & all
    if equal != 0 { return index + equal.trailingZeroBitCount }
    index += I.lanes
  }
  while index < count - 1, values[index] < value { index += 1 }
  return index
}

/// Three rows mixed: y = w0 r0 + w1 r1 + w2 r2, `width` floats each.
///
///     rows (_, width)   row stride `stride`;  `indices` are row numbers
@inlinable @inline(__always)
public func mixRows<I: ISA>(
  _: I.Type, _ rows: UnsafePointer<Float>, stride: Int, indices: UnsafePointer<Int32>, weights: UnsafePointer<Float>,
  width: Int, into y: UnsafeMutablePointer<Float>
) {
  let first = rows + Int(indices[0]) * stride
  let second = rows + Int(indices[1]) * stride
  let third = rows + Int(indices[2]) * stride
  let (w0, w1, w2) = (I.splat(weights[0]), I.splat(weights[1]), I.splat(weights[2]))
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    var sum = loadLanes(I.self, first + column, valid) * w0
    sum = I.multiplyAdd(sum, loadLanes(I.self, second + column, valid), w1)
    sum = I.multiplyAdd(sum, loadLanes(I.self, third + column, valid), w2)
    if valid == I.lanes {
      I.store(sum, y + column)
    } else {
      storeLanes(I.self, sum, y + column, valid)
    }
    column += I.lanes
  }
}
