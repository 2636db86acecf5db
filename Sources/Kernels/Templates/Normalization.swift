// Rows in, rows out: softmax and LayerNorm, statistics in float32.

/// softmax of `count` contiguous floats, in place. An online softmax of one block.
@inlinable @inline(__always)
public func softmax<I: ISA>(_: I.Type, _ row: UnsafeMutablePointer<Float>, count: Int) {
  let rowSum = exponentials(I.self, row, count: count, rowMax: rowMaximum(I.self, row, count: count))
  let inverse = 1 / rowSum
  var column = 0
  while column + I.lanes <= count {
    I.store(I.load(row + column) * I.splat(inverse), row + column)
    column += I.lanes
  }
  while column < count {
    row[column] *= inverse
    column += 1
  }
}

/// Largest of `count` floats, at least 1 of them.
@inlinable @inline(__always)
func rowMaximum<I: ISA>(_: I.Type, _ row: UnsafePointer<Float>, count: Int) -> Float {
  var column = 0
  var largest = row[0]
  if count >= I.lanes {
    var maxima = I.load(row)
    column = I.lanes
    while column + I.lanes <= count {
      maxima = I.maximum(maxima, I.load(row + column))
      column += I.lanes
    }
    largest = I.reduceMax(maxima)
  }
  while column < count {
    if row[column] > largest { largest = row[column] }
    column += 1
  }
  return largest
}

/// log2 e: e^x is 2^(x log2 e).
@inlinable @inline(__always)
var log2E: Float { 1.442_695_04 }

/// Replaces `count` floats s by e^(s - rowMax) and returns their sum.
@inlinable @inline(__always)
func exponentials<I: ISA>(_: I.Type, _ row: UnsafeMutablePointer<Float>, count: Int, rowMax: Float) -> Float {
  let rowMaxima = I.splat(rowMax)
  var sums = I.splat(0)
  var column = 0
  while column + I.lanes <= count {
    let e = I.exp2((I.load(row + column) - rowMaxima) * I.splat(log2E))
    I.store(e, row + column)
    sums += e
    column += I.lanes
  }
  var sum = I.reduceSum(sums)
  if column < count {
    let e = I.exp2((loadLanes(I.self, row + column, count - column) - rowMaxima) * I.splat(log2E))
    storeLanes(I.self, e, row + column, count - column)
    for lane in 0..<I.lanes where lane < count - column { sum += e[lane] }
  }
  return sum
}

/// LayerNorm of the rows `rows`: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta (Ba et al. 2016, arXiv
/// 1607.06450).
///
/// x (M, width) float32, row stride `xStride` floats; y (M, width) in the format F, rows `yStride` words apart, a last
/// word filled up with zero. As float32, y may be x. Two passes: the mean first, then the variance around it.
@inlinable @inline(__always)
public func layerNorm<F: TileFormat>(
  _: F.Type, x: UnsafePointer<Float>, xStride: Int, y: UnsafeMutableRawPointer, yStride: Int, rows: Span1D,
  width: Int, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float
) {
  typealias I = F.I
  let whole = width / I.lanes * I.lanes
  var row = rows.start
  while row < rows.end {
    let source = x + row * xStride
    let target = y + row * yStride * 4
    let (mean, inverse) = rowStatistics(I.self, source, width: width, epsilon: epsilon)
    let (means, inverses) = (I.splat(mean), I.splat(inverse))
    var column = 0
    while column < whole {
      let normal = (I.load(source + column) - means) * inverses
      F.store(I.multiplyAdd(I.load(beta + column), normal, I.load(gamma + column)), target, column)
      column += I.lanes
    }
    if column < width {
      let count = width - column
      let normal = (loadLanes(I.self, source + column, count) - means) * inverses
      let shift = loadLanes(I.self, beta + column, count)
      let value = I.multiplyAdd(shift, normal, loadLanes(I.self, gamma + column, count))
      storeElements(F.self, value, target, column, count)
    }
    row += 1
  }
}

/// A row's mean and 1 / sqrt(variance + epsilon).
@inlinable @inline(__always)
func rowStatistics<I: ISA>(
  _: I.Type, _ row: UnsafePointer<Float>, width: Int, epsilon: Float
) -> (mean: Float, inverse: Float) {
  let whole = width / I.lanes * I.lanes
  var sums = I.splat(0)
  var column = 0
  while column < whole {
    sums += I.load(row + column)
    column += I.lanes
  }
  var sum = I.reduceSum(sums)
  while column < width {
    sum += row[column]
    column += 1
  }
  let mean = sum / Float(width)
  let means = I.splat(mean)
  var squares = I.splat(0)
  column = 0
  while column < whole {
    let distance = I.load(row + column) - means
    squares = I.multiplyAdd(squares, distance, distance)
    column += I.lanes
  }
  var square = I.reduceSum(squares)
  while column < width {
    let distance = row[column] - mean
    square += distance * distance
    column += 1
  }
  return (mean, 1 / (square / Float(width) + epsilon).squareRoot())
}

/// Rows of activations to int8, each on the range of its own numbers: u = round((x - offset) / scale), from 0 to 255,
/// offset = min x, scale = (max x - min x) / 255.
///
/// x (M, width), float32 or bfloat16, rows `xStride` bytes apart; y in words, row stride `yStride`, a last word filled
/// up with zero; scales (M). y and x have no memory in common.
@inlinable @inline(__always)
public func quantizeRows<I: ISA>(
  _: I.Type, x: UnsafeRawPointer, xStride: Int, isBFloat16: Bool, y: UnsafeMutableRawPointer, yStride: Int,
  rows: Span1D, width: Int, scales: UnsafeMutablePointer<RowScale>
) {
  let whole = width / I.lanes * I.lanes
  let rest = width - whole
  var row = rows.start
  while row < rows.end {
    let source = x + row * xStride
    let target = y + row * yStride * 4
    var lows = I.splat(loadElements(I.self, source, 0, 1, isBFloat16: isBFloat16)[0])
    var highs = lows
    var column = 0
    while column < whole {
      let value = loadElements(I.self, source, column, I.lanes, isBFloat16: isBFloat16)
      lows = I.minimum(value, lows)
      highs = I.maximum(value, highs)
      column += I.lanes
    }
    let tail = loadElements(I.self, source, whole, rest, isBFloat16: isBFloat16)
    var (low, high) = (I.reduceMin(lows), I.reduceMax(highs))
    for lane in 0..<I.lanes where lane < rest {
      if tail[lane] < low { low = tail[lane] }
      if tail[lane] > high { high = tail[lane] }
    }
    let scale = (high - low) / 255
    let (inverse, offset) = (I.splat(reciprocal(scale)), I.splat(low))
    scales[row] = RowScale(scale: scale, offset: low)
    column = 0
    while column < whole {
      let value = loadElements(I.self, source, column, I.lanes, isBFloat16: isBFloat16)
      Int8Format<I>.store((value - offset) * inverse, target, column)
      column += I.lanes
    }
    if rest > 0 { storeTail(I.self, I.rounded((tail - offset) * inverse), target, whole, rest) }
    row += 1
  }
}

/// The first `count` integers as elements of a row, beginning with the `index`-th, the rest of the last word zero.
@inlinable @inline(__always)
func storeTail<I: ISA>(_: I.Type, _ integers: I.Bits, _ row: UnsafeMutableRawPointer, _ index: Int, _ count: Int) {
  let perWord = Int8Format<I>.perWord
  let end = (count + perWord - 1) / perWord * perWord
  for lane in 0..<I.lanes where lane < end {
    let element = lane < count ? integers[lane] : 0
    if perWord == 4 {
      row.storeBytes(of: UInt8(truncatingIfNeeded: element), toByteOffset: index + lane, as: UInt8.self)
    } else {
      row.storeBytes(of: Int16(truncatingIfNeeded: element), toByteOffset: (index + lane) * 2, as: Int16.self)
    }
  }
}

/// `count` elements of a row as floats, beginning with the `index`-th; 0 in the other lanes; reads nothing beyond them.
@inlinable @inline(__always)
func loadElements<I: ISA>(
  _: I.Type, _ row: UnsafeRawPointer, _ index: Int, _ count: Int, isBFloat16: Bool
) -> I.Vector {
  if !isBFloat16 { return loadLanes(I.self, row.assumingMemoryBound(to: Float.self) + index, count) }
  if count >= I.lanes { return I.loadBFloat16(row + index * 2) }
  var vector = I.splat(0)
  for lane in 0..<I.lanes where lane < count {
    let half = row.loadUnaligned(fromByteOffset: (index + lane) * 2, as: UInt16.self)
    vector[lane] = Float(bitPattern: UInt32(half) << 16)
  }
  return vector
}

/// Mean or maximum over `rows` rows of x, (rows, width), into `result` (width), which may be the first of them; sums in
/// the order of the rows.
@inlinable @inline(__always)
public func pool<I: ISA>(
  _: I.Type, x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, takesMaximum: Bool,
  into result: UnsafeMutablePointer<Float>
) {
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    var value = loadLanes(I.self, x + column, valid)
    var row = 1
    while row < rows {
      let next = loadLanes(I.self, x + row * xStride + column, valid)
      value = takesMaximum ? I.maximum(value, next) : value + next
      row += 1
    }
    if !takesMaximum { value /= I.splat(Float(rows)) }
    storeLanes(I.self, value, result + column, valid)
    column += I.lanes
  }
}
