// Batch norm in training (Ioffe and Szegedy 2015, arXiv 1502.03167) with the activation after it: rows are all points
// of a batch, and every column has statistics of its own. Sums over rows are made by pieces of rows that no machine
// chooses, one call a piece; the caller brings them together.
//
//     n = (x - mean) inverse, v = gain n + shift, y = v for v > 0, slope v elsewhere

/// Arguments of the kernels of this file.
@frozen
public struct BatchNormArguments {
  /// (M, width), rows `xStride` floats apart.
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var width: Int
  /// (width) each; inverse is 1 / sqrt(variance + epsilon).
  public var mean: UnsafePointer<Float>
  public var inverse: UnsafePointer<Float>
  public var gain: UnsafePointer<Float>
  public var shift: UnsafePointer<Float>
  /// Of negative results: 0 is ReLU.
  public var slope: Float

  @inlinable @inline(__always)
  public init(
    x: UnsafePointer<Float>, xStride: Int, width: Int, mean: UnsafePointer<Float>, inverse: UnsafePointer<Float>,
    gain: UnsafePointer<Float>, shift: UnsafePointer<Float>, slope: Float
  ) {
    self.x = x
    self.xStride = xStride
    self.width = width
    self.mean = mean
    self.inverse = inverse
    self.gain = gain
    self.shift = shift
    self.slope = slope
  }
}

/// Mean of every column of the rows `rows` of x, (M, width), and the sum of its squared distances from it, summed in
/// the order of the rows.
///
/// - Parameter moments: (2, width): means, then sums of squares.
@inlinable @inline(__always)
public func columnMoments<I: ISA>(
  _: I.Type, x: UnsafePointer<Float>, xStride: Int, rows: Span1D, width: Int, into moments: UnsafeMutablePointer<Float>
) {
  let count = I.splat(Float(rows.end - rows.start))
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    var sum = I.splat(0)
    var row = rows.start
    while row < rows.end {
      sum += loadLanes(I.self, x + row * xStride + column, valid)
      row += 1
    }
    let mean = sum / count
    var squares = I.splat(0)
    row = rows.start
    while row < rows.end {
      let distance = loadLanes(I.self, x + row * xStride + column, valid) - mean
      squares = I.multiplyAdd(squares, distance, distance)
      row += 1
    }
    storePart(Float32Format<I>.self, mean, moments, column, valid)
    storePart(Float32Format<I>.self, squares, moments + width, column, valid)
    column += I.lanes
  }
}

/// y (M, width) of the rows `rows`; y may be x.
@inlinable @inline(__always)
public func batchNormRows<I: ISA>(
  _: I.Type, _ a: BatchNormArguments, into y: UnsafeMutablePointer<Float>, yStride: Int, rows: Span1D
) {
  var row = rows.start
  while row < rows.end {
    let source = a.x + row * a.xStride
    var column = 0
    while column < a.width {
      let valid = min(I.lanes, a.width - column)
      let value = batchNormValue(I.self, a, source, column, valid).value
      // In this order NaN is kept.
      var result = I.maximum(I.splat(0), value)
      if a.slope != 0 { result += I.splat(a.slope) * I.minimum(I.splat(0), value) }
      storePart(Float32Format<I>.self, result, y + row * yStride, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// The gradients of gain and shift of the rows `rows`, summed in their order, with d = dy times the activation's slope.
///
/// - Parameters:
///   - dy: (M, width), rows `dyStride` floats apart.
///   - sums: (2, width): gets sum(d n) and sum(d).
@inlinable @inline(__always)
public func batchNormSums<I: ISA>(
  _: I.Type, _ a: BatchNormArguments, dy: UnsafePointer<Float>, dyStride: Int, rows: Span1D,
  sums: UnsafeMutablePointer<Float>
) {
  var column = 0
  while column < a.width {
    let valid = min(I.lanes, a.width - column)
    var (products, slopes) = (I.splat(0), I.splat(0))
    var row = rows.start
    while row < rows.end {
      let (n, value) = batchNormValue(I.self, a, a.x + row * a.xStride, column, valid)
      let d = activationGradient(I.self, loadLanes(I.self, dy + row * dyStride + column, valid), value, a.slope)
      products = I.multiplyAdd(products, d, n)
      slopes += d
      row += 1
    }
    storePart(Float32Format<I>.self, products, sums, column, valid)
    storePart(Float32Format<I>.self, slopes, sums + a.width, column, valid)
    column += I.lanes
  }
}

/// dx of the rows `rows` in training, where mean and variance depend on every row:
///
///     dx = gain inverse (d - mean(d) - n mean(d n))
///
/// - Parameters:
///   - dy: (M, width), rows `dyStride` floats apart.
///   - means: (2, width): mean(d n) and mean(d) over all rows.
///   - dx: (M, width), rows `dxStride` floats apart; may be x or dy.
@inlinable @inline(__always)
public func batchNormGradient<I: ISA>(
  _: I.Type, _ a: BatchNormArguments, dy: UnsafePointer<Float>, dyStride: Int, means: UnsafePointer<Float>,
  dx: UnsafeMutablePointer<Float>, dxStride: Int, rows: Span1D
) {
  var row = rows.start
  while row < rows.end {
    let source = a.x + row * a.xStride
    var column = 0
    while column < a.width {
      let valid = min(I.lanes, a.width - column)
      let (n, value) = batchNormValue(I.self, a, source, column, valid)
      let d = activationGradient(I.self, loadLanes(I.self, dy + row * dyStride + column, valid), value, a.slope)
      let scale = loadLanes(I.self, a.gain + column, valid) * loadLanes(I.self, a.inverse + column, valid)
      let meanProduct = loadLanes(I.self, means + column, valid)
      let meanSlope = loadLanes(I.self, means + a.width + column, valid)
      storePart(
        Float32Format<I>.self, scale * (d - meanSlope - n * meanProduct), dx + row * dxStride, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// n and v of a row's lanes.
@inlinable @inline(__always)
func batchNormValue<I: ISA>(
  _: I.Type, _ a: BatchNormArguments, _ row: UnsafePointer<Float>, _ column: Int, _ valid: Int
) -> (n: I.Vector, value: I.Vector) {
  let distance = loadLanes(I.self, row + column, valid) - loadLanes(I.self, a.mean + column, valid)
  let n = distance * loadLanes(I.self, a.inverse + column, valid)
  let gain = loadLanes(I.self, a.gain + column, valid)
  return (n, I.multiplyAdd(loadLanes(I.self, a.shift + column, valid), n, gain))
}

/// d where `value` is above 0, slope d elsewhere.
@inlinable @inline(__always)
func activationGradient<I: ISA>(_: I.Type, _ d: I.Vector, _ value: I.Vector, _ slope: Float) -> I.Vector {
  let rest = notAboveZero(I.self, value)
  let scaled = I.bits(d * I.splat(slope))
  return I.vector((I.bits(d) & ~rest) | (scaled & rest))
}

/// All bits of the lanes that are not above 0.
@inlinable @inline(__always)
func notAboveZero<I: ISA>(_: I.Type, _ value: I.Vector) -> I.Bits {
  let bits = I.bits(value)
  // Negative numbers and -0 have the sign bit, 0 has it after 1 is taken away.
  return (bits | (bits &- I.Bits(repeating: 1))) &>> I.Bits(repeating: 31)
}
