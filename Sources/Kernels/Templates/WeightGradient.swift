// The gradients of a linear layer, Y (M, N) = X (M, K) W^T + b, W (N, K): two products of the forward pass's register
// tile, whose operands are packed from memory in rows, and a sum over rows. dY and X are in the layer's format; a word
// of bfloat16 has two neighbours of the contraction, which are rows of W or of dY and X. Gradients are float32.
//
//     dX (M, K) = dY W          W_hat packed by rows (`packRows`), then `gemm`
//     dW (N, K) += dY^T X       blocks of dW, over all rows in ascending order (`weightGradient`)
//     db (N)    += sum of dY's rows                                           (`addRows`)
//
// A gradient is summed from zero and added to memory once, so that gradients of several passes are added in the order
// of the passes, as those of several processes would be.

/// Panels of W itself, for products with rows of dY: panel p is (words of N, NR), word (n, c) = elements n perWord ...
/// of column p NR + c of W_hat, 0 beyond N and K. Pathways are folded as in `pack`, to the same bits.
///
/// - Parameters:
///   - weight: (n, k), rows contiguous; `terms` likewise.
///   - panels: indices of panels, whose first goes to `destination`.
@inlinable @inline(__always)
public func packRows<F: TileFormat>(
  _: F.Type, weight: UnsafePointer<Float>, n: Int, k: Int, terms: UnsafePointer<FoldTerm>, termCount: Int,
  panels: Span1D, into destination: UnsafeMutableRawPointer
) {
  typealias I = F.I
  let width = I.panelColumns
  let count = (n + F.perWord - 1) / F.perWord
  var word = 0
  while word < count {
    let row = word * F.perWord
    var panel = panels.start
    while panel < panels.end {
      let target = destination + ((panel - panels.start) * count + word) * width * 4
      var column = 0
      while column < width {
        let start = row * k + panel * width + column
        let valid = max(0, min(I.lanes, k - panel * width - column))
        let first = foldLanes(I.self, weight, terms, termCount, start: start, count: valid)
        let hasNext = F.perWord == 2 && row + 1 < n
        let second = hasNext ? foldLanes(I.self, weight, terms, termCount, start: start + k, count: valid) : I.splat(0)
        (target + column * 4).storeBytes(of: words(F.self, first, second), as: I.Bits.self)
        column += I.lanes
      }
      panel += 1
    }
    word += 1
  }
}

/// `count` elements of W_hat from element `start` on, 0 in the other lanes.
@inlinable @inline(__always)
func foldLanes<I: ISA>(
  _: I.Type, _ weight: UnsafePointer<Float>, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int, start: Int, count: Int
) -> I.Vector {
  var value = loadLanes(I.self, weight + start, count)
  var m = 0
  while m < termCount {
    value = I.fusedMultiplyAdd(value, terms[m].scale, loadLanes(I.self, terms[m].weight + start, count))
    m += 1
  }
  return value
}

/// Arguments of `weightGradient`, which all items of one product share.
@frozen
public struct WeightGradientArguments {
  /// dY (M, N), rows `yStride` words apart.
  public var y: UnsafeRawPointer
  public var yStride: Int
  /// X (M, K), rows `xStride` words apart.
  public var x: UnsafeRawPointer
  public var xStride: Int
  /// M.
  public var rows: Int
  /// dW (N, K), rows contiguous.
  public var gradient: UnsafeMutablePointer<Float>
  /// K.
  public var k: Int

  @inlinable @inline(__always)
  public init(
    y: UnsafeRawPointer, yStride: Int, x: UnsafeRawPointer, xStride: Int, rows: Int,
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

/// The largest block of dW that an item of work makes: `outputs` x `inputs` sums, over pieces of `words` words of M.
/// Packed parts and sums are 0.6 MiB, of a second-level cache of 1 MiB; halves and quarters of the block are multiples
/// of every set's lanes and panels too. No size changes a bit.
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
  /// Words of columns of dY and X that are packed at once: 128 rows of float32, 256 of bfloat16.
  @inlinable @inline(__always)
  public static var words: Int { 128 }
  /// Words from one row of packed dY^T to the next: an odd number of cache lines.
  @inlinable @inline(__always)
  static var stride: Int { words + 16 }
  /// Floats of scratch of a thread: dY^T, X, sums, and a block of lanes x lanes.
  @inlinable @inline(__always)
  public static var scratchCount: Int { outputs * stride + inputs * words + outputs * inputs + 16 * 16 }
}

/// Rows `outputs` and columns `inputs` of dW += dY^T X, at most a block (`WeightGradientBlock`), on one thread.
///
/// Every sum is one chain of multiply-adds from zero in ascending order of rows, which is then added to dW.
///
/// - Parameter scratch: `WeightGradientBlock.scratchCount` floats of this thread.
@inlinable @inline(__always)
public func weightGradient<F: TileFormat>(
  _: F.Type, _ g: WeightGradientArguments, outputs: Span1D, inputs: Span1D, scratch: UnsafeMutablePointer<Float>
) {
  typealias I = F.I
  let (width, height) = (I.panelColumns, outputs.end - outputs.start)
  let panels = (inputs.end - inputs.start + width - 1) / width
  let turned = scratch
  let packed = turned + WeightGradientBlock.outputs * WeightGradientBlock.stride
  let sums = packed + WeightGradientBlock.inputs * WeightGradientBlock.words
  let corner = sums + WeightGradientBlock.outputs * WeightGradientBlock.inputs
  let tiling = RowTiling(rows: height, tileRows: F.tileRows)
  let total = (g.rows + F.perWord - 1) / F.perWord
  var start = 0
  while start < total {
    let count = min(WeightGradientBlock.words, total - start)
    turn(F.self, g, outputs, start: start, count: count, into: turned, corner: corner)
    packColumns(F.self, g, inputs, start: start, count: count, into: packed)
    var panel = 0
    while panel < panels {
      var index = 0
      while index < tiling.count {
        let first = tiling.start(index)
        registerTile(
          F.self,
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

/// `count` words of dY's columns, the `start`-th first, as those of dY^T's rows `outputs`.
///
/// - Parameter corner: lanes x lanes words, for blocks that end with dY, and for pairs of rows.
@inlinable @inline(__always)
func turn<F: TileFormat>(
  _: F.Type, _ g: WeightGradientArguments, _ outputs: Span1D, start: Int, count: Int,
  into turned: UnsafeMutablePointer<Float>, corner: UnsafeMutablePointer<Float>
) {
  typealias I = F.I
  let lanes = I.lanes
  var word = 0
  while word < count {
    let lines = min(lanes, count - word)
    let row = (start + word) * F.perWord
    let source = g.y + row * g.yStride * 4
    var column = 0
    while column < outputs.end - outputs.start {
      let columns = min(lanes, outputs.end - outputs.start - column)
      let target = turned + column * WeightGradientBlock.stride + word
      if F.perWord == 1 && lines == lanes && columns == lanes {
        I.transpose(source + (outputs.start + column) * 4, g.yStride, target, WeightGradientBlock.stride)
      } else {
        var line = 0
        while line < lanes {
          // Lines beyond dY are zeros.
          let next = line < lines ? line * F.perWord : 0
          let part = loadWords(
            F.self, source + next * g.yStride * 4, g.yStride * 4, outputs.start + column, line < lines ? columns : 0,
            rows: g.rows - row - next)
          UnsafeMutableRawPointer(corner + line * lanes).storeBytes(of: part, as: I.Bits.self)
          line += 1
        }
        I.transpose(corner, lanes, target, WeightGradientBlock.stride)
      }
      column += lanes
    }
    word += lanes
  }
}

/// `count` words of X's columns `inputs`, the `start`-th first, as panels: (count, NR) each, zeros beyond them.
@inlinable @inline(__always)
func packColumns<F: TileFormat>(
  _: F.Type, _ g: WeightGradientArguments, _ inputs: Span1D, start: Int, count: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  let (width, lanes) = (F.I.panelColumns, F.I.lanes)
  var word = 0
  while word < count {
    let row = (start + word) * F.perWord
    var column = 0
    while column < (inputs.end - inputs.start + width - 1) / width * width {
      let valid = max(0, min(lanes, inputs.end - inputs.start - column))
      let part = loadWords(
        F.self, g.x + row * g.xStride * 4, g.xStride * 4, inputs.start + column, valid, rows: g.rows - row)
      let target = packed + (column / width * count + word) * width + column % width
      UnsafeMutableRawPointer(target).storeBytes(of: part, as: F.I.Bits.self)
      column += lanes
    }
    word += 1
  }
}

/// `result` (width) += the sum of `rows` rows of x in the format F, `xStride` words apart, summed from zero in their
/// order.
@inlinable @inline(__always)
public func addRows<F: TileFormat>(
  _: F.Type, x: UnsafeRawPointer, xStride: Int, rows: Int, width: Int, into result: UnsafeMutablePointer<Float>
) {
  typealias I = F.I
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    var sum = I.splat(0)
    var row = 0
    while row < rows {
      sum += loadElements(I.self, x + row * xStride * 4, column, valid, isBFloat16: F.perWord == 2)
      row += 1
    }
    storePart(Float32Format<I>.self, loadLanes(I.self, result + column, valid) + sum, result, column, valid)
    column += I.lanes
  }
}

/// The rows `rows` of x, (M, width) float32, in the format F, a last word filled up with zero.
///
/// - Parameters:
///   - xStride: floats from one row of x to the next.
///   - yStride: words from one row of y to the next.
@inlinable @inline(__always)
public func copyRows<F: TileFormat>(
  _: F.Type, x: UnsafePointer<Float>, xStride: Int, y: UnsafeMutableRawPointer, yStride: Int, rows: Span1D, width: Int
) {
  var row = rows.start
  while row < rows.end {
    var column = 0
    while column < width {
      let valid = min(F.I.lanes, width - column)
      let value = loadLanes(F.I.self, x + row * xStride + column, valid)
      storeElements(F.self, value, y + row * yStride * 4, column, valid)
      column += F.I.lanes
    }
    row += 1
  }
}
