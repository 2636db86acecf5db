// The gradients of a linear layer, Y (M, N) = X (M, K) W^T + b, W (N, K): two products of the forward pass's register
// tile, whose operands are packed from memory in rows, and a sum over rows.
//
//     dX (M, K) = dY W          W_hat packed by rows (`packRows`), then `gemm`
//     dW (N, K) += dY^T X       blocks of dW, over all rows in ascending order (`weightGradient`)
//     db (N)    += sum of dY's rows                                           (`addRows`)
//
// A gradient is summed from zero and added to memory once, so that gradients of several passes are added in the order
// of the passes, as those of several processes would be.

/// Panels of W itself, for products with rows of dY: panel p is (N, NR), element (n, c) = W_hat[n][p NR + c], 0 beyond
/// K. Pathways are folded as in `pack`, to the same bits.
///
/// - Parameters:
///   - weight: (n, k), rows contiguous; `terms` likewise.
///   - panels: indices of panels, whose first goes to `destination`.
@inlinable @inline(__always)
public func packRows<I: ISA>(
  _: I.Type, weight: UnsafePointer<Float>, n: Int, k: Int, terms: UnsafePointer<FoldTerm>, termCount: Int,
  panels: Span1D, into destination: UnsafeMutablePointer<Float>
) {
  let width = I.panelColumns
  var row = 0
  while row < n {
    var panel = panels.start
    while panel < panels.end {
      let column = panel * width
      let valid = min(width, k - column)
      let target = destination + ((panel - panels.start) * n + row) * width
      fold(
        I.self, weight: weight, terms: terms, termCount: termCount, start: row * k + column, count: valid, into: target)
      var rest = valid
      while rest < width {
        target[rest] = 0
        rest += 1
      }
      panel += 1
    }
    row += 1
  }
}

/// Arguments of `weightGradient`, which all items of one product share.
@frozen
public struct WeightGradientArguments {
  /// dY (M, N), rows `yStride` floats apart.
  public var y: UnsafePointer<Float>
  public var yStride: Int
  /// X (M, K), rows `xStride` floats apart.
  public var x: UnsafePointer<Float>
  public var xStride: Int
  /// M.
  public var rows: Int
  /// dW (N, K), rows contiguous.
  public var gradient: UnsafeMutablePointer<Float>
  /// K.
  public var k: Int

  @inlinable @inline(__always)
  public init(
    y: UnsafePointer<Float>, yStride: Int, x: UnsafePointer<Float>, xStride: Int, rows: Int,
    gradient: UnsafeMutablePointer<Float>, k: Int
  ) {
    self.y = y
    self.yStride = yStride
    self.x = x
    self.xStride = xStride
    self.rows = rows
    self.gradient = gradient
    self.k = k
  }
}

/// The largest block of dW that an item of work makes: `outputs` x `inputs` sums, over pieces of `rows` rows of dY and
/// X. Packed parts and sums are 0.6 MiB, of a second-level cache of 1 MiB; halves and quarters of the block are
/// multiples of every set's lanes and panels too. No size changes a bit.
@frozen
public enum WeightGradientBlock {
  /// Rows of dW.
  @inlinable @inline(__always)
  public static var outputs: Int { 192 }
  /// A quarter of them.
  @inlinable @inline(__always)
  public static var smallestOutputs: Int { 48 }
  /// Columns of dW.
  @inlinable @inline(__always)
  public static var inputs: Int { 384 }
  /// Rows of dY and X that are packed at once.
  @inlinable @inline(__always)
  public static var rows: Int { 128 }
  /// Floats from one row of packed dY^T to the next: an odd number of cache lines.
  @inlinable @inline(__always)
  static var stride: Int { rows + 16 }
  /// Floats of scratch of a thread: dY^T, X, sums, and a block of lanes x lanes.
  @inlinable @inline(__always)
  public static var scratchCount: Int { outputs * stride + inputs * rows + outputs * inputs + 16 * 16 }
}

/// Rows `outputs` and columns `inputs` of dW += dY^T X, at most a block (`WeightGradientBlock`), on one thread.
///
/// Every sum is one chain of multiply-adds from zero in ascending order of rows, which is then added to dW.
///
/// - Parameter scratch: `WeightGradientBlock.scratchCount` floats of this thread.
@inlinable @inline(__always)
public func weightGradient<I: ISA>(
  _: I.Type, _ g: WeightGradientArguments, outputs: Span1D, inputs: Span1D, scratch: UnsafeMutablePointer<Float>
) {
  let (width, height) = (I.panelColumns, outputs.end - outputs.start)
  let panels = (inputs.end - inputs.start + width - 1) / width
  let turned = scratch
  let packed = turned + WeightGradientBlock.outputs * WeightGradientBlock.stride
  let sums = packed + WeightGradientBlock.inputs * WeightGradientBlock.rows
  let corner = sums + WeightGradientBlock.outputs * WeightGradientBlock.inputs
  let tiling = RowTiling(rows: height, tileRows: Float32Format<I>.tileRows)
  var start = 0
  while start < g.rows {
    let count = min(WeightGradientBlock.rows, g.rows - start)
    turn(I.self, g, outputs, start: start, count: count, into: turned, corner: corner)
    packColumns(I.self, g, inputs, start: start, count: count, into: packed)
    var panel = 0
    while panel < panels {
      var index = 0
      while index < tiling.count {
        let first = tiling.start(index)
        registerTile(
          Float32Format<I>.self,
          TileArguments(
            rows: tiling.height(index), k: count, a: turned + first * WeightGradientBlock.stride,
            lda: WeightGradientBlock.stride, b: packed + panel * width * count,
            c: sums + (panel * height + first) * width, ldc: width, startsFromZero: start == 0))
        index += 1
      }
      panel += 1
    }
    start += count
  }
  var row = 0
  while row < height {
    let line = g.gradient + (outputs.start + row) * g.k + inputs.start
    var column = 0
    while column < inputs.end - inputs.start {
      let valid = min(I.lanes, inputs.end - inputs.start - column)
      let sum = I.load(sums + (column / width * height + row) * width + column % width)
      storePart(Float32Format<I>.self, loadLanes(I.self, line + column, valid) + sum, line, column, valid)
      column += I.lanes
    }
    row += 1
  }
}

/// `count` rows of dY from row `start` on, as columns of dY^T's rows `outputs`.
///
/// - Parameter corner: lanes x lanes floats, for blocks that end with dY.
@inlinable @inline(__always)
func turn<I: ISA>(
  _: I.Type, _ g: WeightGradientArguments, _ outputs: Span1D, start: Int, count: Int,
  into turned: UnsafeMutablePointer<Float>, corner: UnsafeMutablePointer<Float>
) {
  let lanes = I.lanes
  var row = 0
  while row < count {
    let rows = min(lanes, count - row)
    var column = 0
    while column < outputs.end - outputs.start {
      let columns = min(lanes, outputs.end - outputs.start - column)
      let source = g.y + (start + row) * g.yStride + outputs.start + column
      let target = turned + column * WeightGradientBlock.stride + row
      if rows == lanes && columns == lanes {
        I.transpose(source, g.yStride, target, WeightGradientBlock.stride)
      } else {
        var line = 0
        while line < lanes {
          let isThere = line < rows
          let part = loadLanes(I.self, source + (isThere ? line * g.yStride : 0), isThere ? columns : 0)
          I.store(part, corner + line * lanes)
          line += 1
        }
        I.transpose(corner, lanes, target, WeightGradientBlock.stride)
      }
      column += lanes
    }
    row += lanes
  }
}

/// `count` rows of X from row `start` on, as panels of its columns `inputs`: (count, NR) each, zeros beyond them.
@inlinable @inline(__always)
func packColumns<I: ISA>(
  _: I.Type, _ g: WeightGradientArguments, _ inputs: Span1D, start: Int, count: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  let width = I.panelColumns
  var row = 0
  while row < count {
    let source = g.x + (start + row) * g.xStride + inputs.start
    var column = 0
    while column < (inputs.end - inputs.start + width - 1) / width * width {
      let valid = max(0, min(I.lanes, inputs.end - inputs.start - column))
      I.store(
        loadLanes(I.self, source + column, valid), packed + (column / width * count + row) * width + column % width)
      column += I.lanes
    }
    row += 1
  }
}

/// `result` (width) += the sum of `rows` rows of x, `xStride` floats apart, summed from zero in their order.
@inlinable @inline(__always)
public func addRows<I: ISA>(
  _: I.Type, x: UnsafePointer<Float>, xStride: Int, rows: Int, width: Int, into result: UnsafeMutablePointer<Float>
) {
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    var sum = I.splat(0)
    var row = 0
    while row < rows {
      sum += loadLanes(I.self, x + row * xStride + column, valid)
      row += 1
    }
    storePart(Float32Format<I>.self, loadLanes(I.self, result + column, valid) + sum, result, column, valid)
    column += I.lanes
  }
}
