// The gradients of what works on rows: LayerNorm, LayerScale with drop path, GELU, pooling. Sums over rows are made by
// pieces of rows that no machine chooses, one call a piece, and added in order afterwards (`addRows`).

/// LayerNorm's gradient of the rows `rows`; statistics are computed again.
///
///     y = gain n + shift, n = (x - mean) inverse
///     dx = residual + inverse (g - mean(g) - n mean(g n)), g = gain dy
///     dgain = sum dy n, dshift = sum dy
///
/// x, dy and dx (M, width), row strides in floats; dx may be dy or the residual.
///
/// - Parameters:
///   - residual: (M, width), rows `dxStride` apart, the gradient that reaches x on another way; absent: 0.
///   - sums: (2, width): gets the sums of `rows`, for gain and shift.
@inlinable @inline(__always)
public func layerNormGradient<I: ISA>(
  _: I.Type, x: UnsafePointer<Float>, xStride: Int, dy: UnsafePointer<Float>, dyStride: Int,
  dx: UnsafeMutablePointer<Float>, dxStride: Int, residual: UnsafePointer<Float>?, rows: Span1D, width: Int,
  gain: UnsafePointer<Float>, epsilon: Float, sums: UnsafeMutablePointer<Float>
) {
  clear(sums, 2 * width)
  let (gains, shifts) = (sums, sums + width)
  var row = rows.start
  while row < rows.end {
    let (source, slope) = (x + row * xStride, dy + row * dyStride)
    let (mean, inverse) = rowStatistics(I.self, source, width: width, epsilon: epsilon)
    let (means, inverses) = (I.splat(mean), I.splat(inverse))
    var (slopes, products) = (I.splat(0), I.splat(0))
    var column = 0
    while column < width {
      let valid = min(I.lanes, width - column)
      let n = (loadLanes(I.self, source + column, valid) - means) * inverses
      let d = loadLanes(I.self, slope + column, valid)
      // Lanes beyond the width have d = 0.
      let g = d * loadLanes(I.self, gain + column, valid)
      slopes += g
      products = I.multiplyAdd(products, g, n)
      let ofGain = I.multiplyAdd(loadLanes(I.self, gains + column, valid), d, n)
      storePart(Float32Format<I>.self, ofGain, gains, column, valid)
      storePart(Float32Format<I>.self, loadLanes(I.self, shifts + column, valid) + d, shifts, column, valid)
      column += I.lanes
    }
    let meanSlope = I.splat(I.reduceSum(slopes) / Float(width))
    let meanProduct = I.splat(I.reduceSum(products) / Float(width))
    column = 0
    while column < width {
      let valid = min(I.lanes, width - column)
      let n = (loadLanes(I.self, source + column, valid) - means) * inverses
      let g = loadLanes(I.self, slope + column, valid) * loadLanes(I.self, gain + column, valid)
      let inner = g - meanSlope - n * meanProduct
      let other = residual.map { loadLanes(I.self, $0 + row * dxStride + column, valid) } ?? I.splat(0)
      storePart(Float32Format<I>.self, I.multiplyAdd(other, inner, inverses), dx + row * dxStride, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// Arguments of `branchGradient`.
@frozen
public struct BranchGradientArguments {
  /// The gradient of the stream, (M, width), and what it becomes, the gradient of the branch's product.
  public var gradient: UnsafePointer<Float>
  public var gradientStride: Int
  public var result: UnsafeMutableRawPointer
  /// In words of the format that the result is in.
  public var resultStride: Int
  /// The branch before gamma, (M, width), which gamma's gradient is made of; absent: no sums are made.
  public var branch: UnsafePointer<Float>?
  public var branchStride: Int
  /// LayerScale, (width); absent: 1.
  public var gamma: UnsafePointer<Float>?
  /// Of every `rowsPerFactor` rows; absent: 1.
  public var factors: UnsafePointer<Float>?
  public var rowsPerFactor: Int
  public var width: Int

  @inlinable @inline(__always)
  public init(
    gradient: UnsafePointer<Float>, gradientStride: Int, result: UnsafeMutableRawPointer, resultStride: Int,
    branch: UnsafePointer<Float>?, branchStride: Int, gamma: UnsafePointer<Float>?, factors: UnsafePointer<Float>?,
    rowsPerFactor: Int, width: Int
  ) {
    self.gradient = gradient
    self.gradientStride = gradientStride
    self.result = result
    self.resultStride = resultStride
    self.branch = branch
    self.branchStride = branchStride
    self.gamma = gamma
    self.factors = factors
    self.rowsPerFactor = rowsPerFactor
    self.width = width
  }
}

/// The gradient of a branch where it leaves its last product, of the rows `rows`, in the format F.
///
///     output = residual + (factor gamma) branch
///     dbranch = (factor gamma) doutput, dgamma = sum factor branch doutput
///
/// - Parameter sums: (width): gets the sums of `rows`, if there is a branch.
@inlinable @inline(__always)
public func branchGradient<F: TileFormat>(
  _: F.Type, _ x: BranchGradientArguments, rows: Span1D, sums: UnsafeMutablePointer<Float>
) {
  typealias I = F.I
  if x.branch != nil { clear(sums, x.width) }
  var row = rows.start
  while row < rows.end {
    let factor = I.splat(x.factors.map { $0[row / x.rowsPerFactor] } ?? 1)
    var column = 0
    while column < x.width {
      let valid = min(I.lanes, x.width - column)
      let d = loadLanes(I.self, x.gradient + row * x.gradientStride + column, valid)
      if let branch = x.branch {
        let value = loadLanes(I.self, branch + row * x.branchStride + column, valid)
        let sum = I.multiplyAdd(loadLanes(I.self, sums + column, valid), d * factor, value)
        storePart(Float32Format<I>.self, sum, sums, column, valid)
      }
      let gamma = x.gamma.map { loadLanes(I.self, $0 + column, valid) } ?? I.splat(1)
      storeElements(F.self, d * (gamma * factor), x.result + row * x.resultStride * 4, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// y = gelu(x) of the rows `rows`, (M, width), in the format F: fc1's output again, of what was kept of it.
///
/// - Parameters:
///   - xStride: floats from one row of x to the next.
///   - yStride: words from one row of y to the next.
@inlinable @inline(__always)
public func geluRows<F: TileFormat>(
  _: F.Type, x: UnsafePointer<Float>, xStride: Int, y: UnsafeMutableRawPointer, yStride: Int, rows: Span1D, width: Int
) {
  typealias I = F.I
  var row = rows.start
  while row < rows.end {
    var column = 0
    while column < width {
      let valid = min(I.lanes, width - column)
      let sum = loadLanes(I.self, x + row * xStride + column, valid)
      storeElements(
        F.self, F.perWord == 1 ? I.gelu(sum) : I.geluOfNarrow(sum), y + row * yStride * 4, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// One row of gradient, (width), times `scale` and the slope of gelu at the rows `rows` of x, (M, width): what a mean
/// over rows of gelu(x) hands back, in the format F.
///
/// - Parameters:
///   - xStride: floats from one row of x to the next.
///   - dxStride: words from one row of dx to the next.
@inlinable @inline(__always)
public func geluGradientRows<F: TileFormat>(
  _: F.Type, gradient: UnsafePointer<Float>, scale: Float, x: UnsafePointer<Float>, xStride: Int,
  dx: UnsafeMutableRawPointer, dxStride: Int, rows: Span1D, width: Int
) {
  typealias I = F.I
  var row = rows.start
  while row < rows.end {
    var column = 0
    while column < width {
      let valid = min(I.lanes, width - column)
      let d = loadLanes(I.self, gradient + column, valid) * I.splat(scale)
      let value = d * I.geluSlope(loadLanes(I.self, x + row * xStride + column, valid))
      storeElements(F.self, value, dx + row * dxStride * 4, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// dx (rows, width) += the gradient of a mean or maximum over rows of x, `scale` times `gradient`, (width). Rows that
/// share a maximum share its gradient, as in PyTorch's `amax`.
@inlinable @inline(__always)
public func poolGradient<I: ISA>(
  _: I.Type, gradient: UnsafePointer<Float>, scale: Float, x: UnsafePointer<Float>, xStride: Int,
  dx: UnsafeMutablePointer<Float>, dxStride: Int, rows: Int, width: Int, takesMaximum: Bool
) {
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    let d = loadLanes(I.self, gradient + column, valid) * I.splat(scale)
    var top = loadLanes(I.self, x + column, valid)
    var ties = I.splat(0)
    var row = takesMaximum ? 1 : rows
    while row < rows {
      top = I.maximum(top, loadLanes(I.self, x + row * xStride + column, valid))
      row += 1
    }
    row = takesMaximum ? 0 : rows
    while row < rows {
      ties += isTop(I.self, loadLanes(I.self, x + row * xStride + column, valid), top)
      row += 1
    }
    let share = d / (takesMaximum ? ties : I.splat(Float(rows)))
    row = 0
    while row < rows {
      let line = dx + row * dxStride
      let part =
        takesMaximum ? share * isTop(I.self, loadLanes(I.self, x + row * xStride + column, valid), top) : share
      storePart(Float32Format<I>.self, loadLanes(I.self, line + column, valid) + part, line, column, valid)
      row += 1
    }
    column += I.lanes
  }
}

/// 1 in lanes where `value`, which is at most `top`, is `top`; 0 elsewhere.
@inlinable @inline(__always)
func isTop<I: ISA>(_: I.Type, _ value: I.Vector, _ top: I.Vector) -> I.Vector {
  let mask = I.lessThanMask(value, top)
  var result = I.splat(1)
  for lane in 0..<I.lanes where mask >> UInt32(truncatingIfNeeded: lane) & 1 == 1 { result[lane] = 0 }
  return result
}

/// Zeros.
@inlinable @inline(__always)
func clear(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
  var index = 0
  while index < count {
    values[index] = 0
    index += 1
  }
}
