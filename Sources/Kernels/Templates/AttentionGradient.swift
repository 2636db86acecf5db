// The gradient of fused attention, without an N x N matrix (Dao et al. 2022, arXiv 2205.14135, algorithm 4).
//
//     s = q k^T, p = softmax(scale s), o = p v
//     dv = p^T do,  dp = do v^T,  ds = scale p (dp - sum(do o)),  dq = ds k,  dk = ds^T q
//
// Probabilities are made again of scores and the statistics that the forward pass kept (`statistics`). All products are
// the GEMM's register tile: a pass over queries makes dq of tiles (queries, keys), and a pass over keys makes dk and dv
// of tiles (keys, queries), which are the transposed tiles by another product instead of a transposition. Every element
// of a gradient is one chain of multiply-adds in ascending order of keys, or of queries.

@frozen
public struct AttentionGradientArguments {
  /// q, k, v and the output as the forward pass left them, float32, and its statistics.
  public var forward: AttentionArguments
  /// do (N, D), rows as far apart as the output's.
  public var outputGradient: UnsafePointer<Float>
  /// dq, dk, dv (N, D), rows as far apart as q's.
  public var dq: UnsafeMutablePointer<Float>
  public var dk: UnsafeMutablePointer<Float>
  public var dv: UnsafeMutablePointer<Float>
  /// The first queries, which alone the output has a gradient of.
  public var queries: Int

  @inlinable @inline(__always)
  public init(
    forward: AttentionArguments, outputGradient: UnsafePointer<Float>, dq: UnsafeMutablePointer<Float>,
    dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>, queries: Int
  ) {
    self.forward = forward
    self.outputGradient = outputGradient
    self.dq = dq
    self.dk = dk
    self.dv = dv
    self.queries = queries
  }
}

/// Floats of scratch that `attentionGradient` needs for heads of this shape.
@inlinable @inline(__always)
public func attentionGradientScratchCount(tokens: Int, headSize: Int, panelColumns: Int, tileRows: Int) -> Int {
  let rows = (tokens + panelColumns - 1) / panelColumns * panelColumns
  let columns = (headSize + panelColumns - 1) / panelColumns * panelColumns
  return 2 * rows * headSize + 2 * columns * tokens + 2 * tileRows * (attentionKeyBlock + columns)
    + panelColumns * panelColumns / 2 + 3 * rows
}

/// dq, dk and dv of one head, all of them; of queries without a gradient, dq is zero.
///
/// - Parameter scratch: `attentionGradientScratchCount` floats of this thread.
@inlinable @inline(__always)
public func attentionGradient<I: ISA>(
  _: I.Type, _ g: AttentionGradientArguments, scratch: UnsafeMutablePointer<Float>
) {
  let x = g.forward
  let rows = (x.tokens + I.panelColumns - 1) / I.panelColumns * I.panelColumns
  var tiles = AttentionGradientTiles(I.self, x, scratch: scratch + 3 * rows)
  let corner = tiles.sums + 2 * Float32Format<I>.tileRows * tiles.outWidth
  let (maxima, inverses, deltas) = (scratch, scratch + rows, scratch + 2 * rows)
  loadStatistics(I.self, g, maxima, inverses, deltas, count: rows)

  // dq: rows are queries, columns keys.
  var values = x
  values.k = x.v
  packKeys(Float32Format<I>.self, x, into: tiles.first, scratch: corner)
  packKeys(Float32Format<I>.self, values, into: tiles.second, scratch: corner)
  values.v = x.k
  packValues(Float32Format<I>.self, values, into: tiles.firstValues)
  var outer = values
  outer.q = UnsafeRawPointer(g.outputGradient)
  outer.stride = x.outputStride
  tiles.rows = RowTiling(rows: g.queries, tileRows: Float32Format<I>.tileRows)
  tiles.columns = x.tokens
  tiles.forEachBlock(I.self, x, outer, values: tiles.firstValues, nil, into: g.dq, nil) { row, column, s, dp in
    let p = I.exp2((s - I.splat(maxima[row])) * I.splat(x.scale * log2E)) * I.splat(inverses[row])
    return (p * (dp - I.splat(deltas[row])) * I.splat(x.scale), I.splat(0))
  }
  for row in g.queries..<x.tokens {
    for column in 0..<x.headSize { (g.dq + row * (x.stride / 4))[column] = 0 }
  }

  // dk and dv: rows are keys, columns queries.
  var queries = x
  (queries.k, queries.v, queries.tokens) = (x.q, x.q, g.queries)
  packKeys(Float32Format<I>.self, queries, into: tiles.first, scratch: corner)
  packValues(Float32Format<I>.self, queries, into: tiles.firstValues)
  var outputs = outer
  (outputs.k, outputs.v, outputs.tokens) = (outer.q, outer.q, g.queries)
  packKeys(Float32Format<I>.self, outputs, into: tiles.second, scratch: corner)
  packValues(Float32Format<I>.self, outputs, into: tiles.secondValues)
  queries.q = x.k
  outputs.q = x.v
  outputs.stride = x.stride
  tiles.rows = RowTiling(rows: x.tokens, tileRows: Float32Format<I>.tileRows)
  tiles.columns = g.queries
  tiles.forEachBlock(
    I.self, queries, outputs, values: tiles.firstValues, tiles.secondValues, into: g.dk, g.dv
  ) { _, column, s, dp in
    let p = I.exp2((s - I.load(maxima + column)) * I.splat(x.scale * log2E)) * I.load(inverses + column)
    return (p * (dp - I.load(deltas + column)) * I.splat(x.scale), p)
  }
}

/// Statistics of the queries that have a gradient, and sum(do o) of each; zeros after them, up to `count`.
@inlinable @inline(__always)
func loadStatistics<I: ISA>(
  _: I.Type, _ g: AttentionGradientArguments, _ maxima: UnsafeMutablePointer<Float>,
  _ inverses: UnsafeMutablePointer<Float>, _ deltas: UnsafeMutablePointer<Float>, count: Int
) {
  let x = g.forward
  clear(maxima, count)
  clear(inverses, count)
  clear(deltas, count)
  guard let statistics = x.statistics else { return }
  var row = 0
  while row < g.queries {
    maxima[row] = statistics[row]
    inverses[row] = statistics[x.tokens + row]
    let output = UnsafeRawPointer(x.output + row * x.outputStride).assumingMemoryBound(to: Float.self)
    let slope = g.outputGradient + row * (x.outputStride / 4)
    var sums = I.splat(0)
    var column = 0
    while column < x.headSize {
      let valid = min(I.lanes, x.headSize - column)
      sums = I.multiplyAdd(
        sums, loadLanes(I.self, output + column, valid), loadLanes(I.self, slope + column, valid))
      column += I.lanes
    }
    deltas[row] = I.reduceSum(sums)
    row += 1
  }
}

/// The memory of a pass over one head's tiles, and how it is cut.
@frozen
@usableFromInline
struct AttentionGradientTiles {
  /// What scores' columns are made of, as packed keys: of s, and of dp.
  @usableFromInline let first: UnsafeMutablePointer<Float>
  @usableFromInline let second: UnsafeMutablePointer<Float>
  /// What gradients sum up, as packed values.
  @usableFromInline let firstValues: UnsafeMutablePointer<Float>
  @usableFromInline let secondValues: UnsafeMutablePointer<Float>
  /// Two tiles of scores, and two of sums.
  @usableFromInline let scores: UnsafeMutablePointer<Float>
  @usableFromInline let sums: UnsafeMutablePointer<Float>
  /// D, to whole panels.
  @usableFromInline let outWidth: Int
  @usableFromInline var rows = RowTiling(rows: 0, tileRows: 1)
  @usableFromInline var columns = 0

  @inlinable @inline(__always)
  init<I: ISA>(_: I.Type, _ x: AttentionArguments, scratch: UnsafeMutablePointer<Float>) {
    let width = I.panelColumns
    let rows = (x.tokens + width - 1) / width * width
    outWidth = (x.headSize + width - 1) / width * width
    first = scratch
    second = first + rows * x.headSize
    firstValues = second + rows * x.headSize
    secondValues = firstValues + outWidth * x.tokens
    scores = secondValues + outWidth * x.tokens
    sums = scores + 2 * Float32Format<I>.tileRows * attentionKeyBlock
  }

  /// Goes through tiles of rows and blocks of columns: s and dp by two products, `slopes` of them, (row, column, s, dp)
  /// to two vectors, and those times `values` and `others`, summed over columns, into rows of `result` and `other`.
  ///
  /// - Parameters:
  ///   - x: whose q makes rows of s with the keys `first`; its stride is the results' too.
  ///   - y: whose q makes rows of dp with the keys `second`.
  @inlinable @inline(__always)
  func forEachBlock<I: ISA>(
    _: I.Type, _ x: AttentionArguments, _ y: AttentionArguments, values: UnsafeMutablePointer<Float>,
    _ others: UnsafeMutablePointer<Float>?, into result: UnsafeMutablePointer<Float>,
    _ other: UnsafeMutablePointer<Float>?, _ slopes: (Int, Int, I.Vector, I.Vector) -> (I.Vector, I.Vector)
  ) {
    let height = Float32Format<I>.tileRows
    let dps = scores + height * attentionKeyBlock
    let otherSums = sums + height * outWidth
    var index = 0
    while index < rows.count {
      let (first, count) = (rows.start(index), rows.height(index))
      var start = 0
      while start < columns {
        let width = min(attentionKeyBlock, columns - start)
        scoreTile(
          Float32Format<I>.self, x, first: first, rows: count, keys: self.first, start: start, count: width,
          into: scores)
        scoreTile(
          Float32Format<I>.self, y, first: first, rows: count, keys: second, start: start, count: width, into: dps)
        var row = 0
        while row < count {
          var column = 0
          while column < width {
            let place = row * attentionKeyBlock + column
            let (slope, probability) = slopes(first + row, start + column, I.load(scores + place), I.load(dps + place))
            I.store(slope, scores + place)
            if others != nil { I.store(probability, dps + place) }
            column += I.lanes
          }
          row += 1
        }
        accumulate(I.self, scores, values, start: start, count: width, rows: count, into: sums)
        if let others { accumulate(I.self, dps, others, start: start, count: width, rows: count, into: otherSums) }
        start += width
      }
      store(I.self, sums, x, first: first, rows: count, into: result)
      if let other { store(I.self, otherSums, x, first: first, rows: count, into: other) }
      index += 1
    }
  }

  /// `sums` (+)= a tile of factors, (rows, count), times packed values from row `start` on.
  @inlinable @inline(__always)
  func accumulate<I: ISA>(
    _: I.Type, _ factors: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>, start: Int, count: Int,
    rows: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    var column = 0
    while column < outWidth {
      registerTile(
        Float32Format<I>.self,
        TileArguments(
          rows: rows, k: count, a: factors, lda: attentionKeyBlock,
          b: values + column * columns + start * I.panelColumns,
          c: sums + column, ldc: outWidth, startsFromZero: start == 0))
      column += I.panelColumns
    }
  }

  @inlinable @inline(__always)
  func store<I: ISA>(
    _: I.Type, _ sums: UnsafeMutablePointer<Float>, _ x: AttentionArguments, first: Int, rows: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    var row = 0
    while row < rows {
      var column = 0
      while column < x.headSize {
        let target = result + (first + row) * (x.stride / 4)
        storePart(
          Float32Format<I>.self, I.load(sums + row * outWidth + column), target, column,
          min(I.lanes, x.headSize - column))
        column += I.lanes
      }
      row += 1
    }
  }
}
