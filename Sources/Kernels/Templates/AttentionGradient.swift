// The gradient of fused attention, without an N x N matrix (Dao et al. 2022, arXiv 2205.14135, algorithm 4).
//
//     s = q k^T, p = softmax(scale s), o = p v
//     dv = p^T do,  dp = do v^T,  ds = scale p (dp - sum(do o)),  dq = ds k,  dk = ds^T q
//
// Probabilities are made again of scores and the statistics that the forward pass kept (`statistics`). All products are
// the GEMM's register tile: a pass over queries makes dq of tiles (queries, keys), and a pass over keys makes dk and dv
// of tiles (keys, queries), which are the transposed tiles by another product instead of a transposition. Every element
// of a gradient is one chain of multiply-adds in ascending order of keys, or of queries.
//
// In bfloat16, q, k, v, o and do are read as such, p and ds are rounded before they become factors, and gradients are
// rounded once, when they are stored. Scores, sums and statistics are float32 in any format.

@frozen
public struct AttentionGradientArguments {
  /// q, k, v and the output as the forward pass left them, and its statistics.
  public var forward: AttentionArguments
  /// do (N, D) in the same format, rows as far apart as the output's.
  public var outputGradient: UnsafeRawPointer
  /// dq, dk, dv (N, D) in the same format, rows as far apart as q's.
  public var dq: UnsafeMutableRawPointer
  public var dk: UnsafeMutableRawPointer
  public var dv: UnsafeMutableRawPointer
  /// The first queries, which alone the output has a gradient of.
  public var queries: Int

  @inlinable @inline(__always)
  public init(
    forward: AttentionArguments, outputGradient: UnsafeRawPointer, dq: UnsafeMutableRawPointer,
    dk: UnsafeMutableRawPointer, dv: UnsafeMutableRawPointer, queries: Int
  ) {
    self.forward = forward
    self.outputGradient = outputGradient
    self.dq = dq
    self.dk = dk
    self.dv = dv
    self.queries = queries
  }
}

/// Floats of scratch that `attentionGradient` needs for heads of this shape, in any format.
@inlinable @inline(__always)
public func attentionGradientScratchCount(tokens: Int, headSize: Int, panelColumns: Int, tileRows: Int) -> Int {
  let rows = (tokens + panelColumns - 1) / panelColumns * panelColumns
  let columns = (headSize + panelColumns - 1) / panelColumns * panelColumns
  return 2 * rows * headSize + 2 * columns * tokens + 2 * tileRows * (attentionKeyBlock + columns)
    + panelColumns * panelColumns / 2 + 3 * rows + headSize % 2 * rows * (headSize + 1)
}

/// dq, dk and dv of one head, all of them; of queries without a gradient, dq is zero.
///
/// - Parameter scratch: `attentionGradientScratchCount` floats of this thread.
@inlinable @inline(__always)
public func attentionGradient<F: TileFormat>(
  _: F.Type, _ g: AttentionGradientArguments, scratch: UnsafeMutablePointer<Float>
) {
  typealias I = F.I
  let x = g.forward
  let rows = (x.tokens + I.panelColumns - 1) / I.panelColumns * I.panelColumns
  var tiles = AttentionGradientTiles(F.self, x, scratch: scratch + 3 * rows)
  let corner = tiles.sums + 2 * F.tileRows * tiles.outWidth
  let (maxima, inverses, deltas) = (scratch, scratch + rows, scratch + 2 * rows)
  loadStatistics(F.self, g, maxima, inverses, deltas, count: rows)

  var outer = x
  outer.q = g.outputGradient
  outer.stride = x.outputStride
  var (valueRows, valueStride) = (x.v, x.stride)
  if F.perWord == 2 && x.headSize % 2 == 1 {
    // Rows of factors, after whose last elements there may be anything.
    let copies = UnsafeMutableRawPointer(corner + I.panelColumns * I.panelColumns / 2)
    let stride = (x.headSize + 1) / 2 * 4
    closeRows(outer.q, outer.stride, g.queries, x.headSize, into: copies, stride)
    closeRows(x.v, x.stride, x.tokens, x.headSize, into: copies + rows * stride, stride)
    (outer.q, outer.stride) = (UnsafeRawPointer(copies), stride)
    (valueRows, valueStride) = (UnsafeRawPointer(copies + rows * stride), stride)
  }

  // dq: rows are queries, columns keys.
  var values = x
  values.k = x.v
  packKeys(F.self, x, into: tiles.first, scratch: corner)
  packKeys(F.self, values, into: tiles.second, scratch: corner)
  values.v = x.k
  packValues(F.self, values, into: tiles.firstValues)
  tiles.rows = RowTiling(rows: g.queries, tileRows: F.tileRows)
  tiles.columns = x.tokens
  tiles.forEachBlock(F.self, x, outer, values: tiles.firstValues, nil, into: g.dq, nil) { row, column, s, dp in
    let p = powerOfTwo(F.self, (s - I.splat(maxima[row])) * I.splat(x.scale * log2E)) * I.splat(inverses[row])
    return (p * (dp - I.splat(deltas[row])) * I.splat(x.scale), I.splat(0))
  }
  for row in g.queries..<x.tokens {
    for byte in 0..<x.headSize * (4 / F.perWord) {
      (g.dq + row * x.stride).storeBytes(of: 0, toByteOffset: byte, as: UInt8.self)
    }
  }

  // dk and dv: rows are keys, columns queries.
  var queries = x
  (queries.k, queries.v, queries.tokens) = (x.q, x.q, g.queries)
  packKeys(F.self, queries, into: tiles.first, scratch: corner)
  packValues(F.self, queries, into: tiles.firstValues)
  var outputs = outer
  (outputs.k, outputs.v, outputs.tokens) = (outer.q, outer.q, g.queries)
  packKeys(F.self, outputs, into: tiles.second, scratch: corner)
  packValues(F.self, outputs, into: tiles.secondValues)
  queries.q = x.k
  (outputs.q, outputs.stride) = (valueRows, valueStride)
  tiles.rows = RowTiling(rows: x.tokens, tileRows: F.tileRows)
  tiles.columns = g.queries
  tiles.forEachBlock(
    F.self, queries, outputs, values: tiles.firstValues, tiles.secondValues, into: g.dk, g.dv
  ) { _, column, s, dp in
    let p = powerOfTwo(F.self, (s - I.load(maxima + column)) * I.splat(x.scale * log2E)) * I.load(inverses + column)
    return (p * (dp - I.load(deltas + column)) * I.splat(x.scale), p)
  }
}

/// Rows of `count` bfloat16, an odd number, with a zero after each; strides in bytes.
@inlinable @inline(__always)
func closeRows(
  _ source: UnsafeRawPointer, _ sourceStride: Int, _ rows: Int, _ count: Int, into target: UnsafeMutableRawPointer,
  _ targetStride: Int
) {
  var row = 0
  while row < rows {
    let line = target + row * targetStride
    for index in 0..<count {
      let half = source.loadUnaligned(fromByteOffset: row * sourceStride + index * 2, as: UInt16.self)
      line.storeBytes(of: half, toByteOffset: index * 2, as: UInt16.self)
    }
    line.storeBytes(of: 0, toByteOffset: count * 2, as: UInt16.self)
    row += 1
  }
}

/// Statistics of the queries that have a gradient, and sum(do o) of each; zeros after them, up to `count`.
@inlinable @inline(__always)
func loadStatistics<F: TileFormat>(
  _: F.Type, _ g: AttentionGradientArguments, _ maxima: UnsafeMutablePointer<Float>,
  _ inverses: UnsafeMutablePointer<Float>, _ deltas: UnsafeMutablePointer<Float>, count: Int
) {
  typealias I = F.I
  let x = g.forward
  clear(maxima, count)
  clear(inverses, count)
  clear(deltas, count)
  guard let statistics = x.statistics else { return }
  var row = 0
  while row < g.queries {
    maxima[row] = statistics[row]
    inverses[row] = statistics[x.tokens + row]
    let output = UnsafeRawPointer(x.output + row * x.outputStride)
    let slope = g.outputGradient + row * x.outputStride
    var sums = I.splat(0)
    var column = 0
    while column < x.headSize {
      let valid = min(I.lanes, x.headSize - column)
      sums = I.multiplyAdd(
        sums, loadElements(I.self, output, column, valid, isBFloat16: F.perWord == 2),
        loadElements(I.self, slope, column, valid, isBFloat16: F.perWord == 2))
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
  init<F: TileFormat>(_: F.Type, _ x: AttentionArguments, scratch: UnsafeMutablePointer<Float>) {
    let width = F.I.panelColumns
    let rows = (x.tokens + width - 1) / width * width
    outWidth = (x.headSize + width - 1) / width * width
    first = scratch
    second = first + rows * x.headSize
    firstValues = second + rows * x.headSize
    secondValues = firstValues + outWidth * x.tokens
    scores = secondValues + outWidth * x.tokens
    sums = scores + 2 * F.tileRows * attentionKeyBlock
  }

  /// Goes through tiles of rows and blocks of columns: s and dp by two products, `slopes` of them, (row, column, s, dp)
  /// to two vectors, and those times `values` and `others`, summed over columns, into rows of `result` and `other`.
  ///
  /// - Parameters:
  ///   - x: whose q makes rows of s with the keys `first`; its stride is the results' too.
  ///   - y: whose q makes rows of dp with the keys `second`.
  @inlinable @inline(__always)
  func forEachBlock<F: TileFormat>(
    _: F.Type, _ x: AttentionArguments, _ y: AttentionArguments, values: UnsafeMutablePointer<Float>,
    _ others: UnsafeMutablePointer<Float>?, into result: UnsafeMutableRawPointer,
    _ other: UnsafeMutableRawPointer?,
    _ slopes: (Int, Int, F.I.Vector, F.I.Vector) -> (F.I.Vector, F.I.Vector)
  ) {
    typealias I = F.I
    let height = F.tileRows
    let dps = scores + height * attentionKeyBlock
    let otherSums = sums + height * outWidth
    var index = 0
    while index < rows.count {
      let (first, count) = (rows.start(index), rows.height(index))
      var start = 0
      while start < columns {
        let width = min(attentionKeyBlock, columns - start)
        scoreTile(
          F.self, x, first: first, rows: count, keys: self.first, start: start, count: width, into: scores)
        scoreTile(F.self, y, first: first, rows: count, keys: second, start: start, count: width, into: dps)
        var row = 0
        while row < count {
          let (line, dpLine) = (scores + row * attentionKeyBlock, dps + row * attentionKeyBlock)
          var column = 0
          while column < width {
            let (slope, probability) = slopes(
              first + row, start + column, I.load(line + column), I.load(dpLine + column))
            F.store(slope, line, column)
            if others != nil { F.store(probability, dpLine, column) }
            column += I.lanes
          }
          if F.perWord == 2 && width % 2 == 1 {
            // What the last word has beyond the block meets a zero, and must be a number.
            UnsafeMutableRawPointer(line).storeBytes(of: 0, toByteOffset: width * 2, as: UInt16.self)
            UnsafeMutableRawPointer(dpLine).storeBytes(of: 0, toByteOffset: width * 2, as: UInt16.self)
          }
          row += 1
        }
        accumulate(F.self, scores, values, start: start, count: width, rows: count, into: sums)
        if let others { accumulate(F.self, dps, others, start: start, count: width, rows: count, into: otherSums) }
        start += width
      }
      store(F.self, sums, x, first: first, rows: count, into: result)
      if let other { store(F.self, otherSums, x, first: first, rows: count, into: other) }
      index += 1
    }
  }

  /// `sums` (+)= a tile of factors, (rows, count), times packed values from row `start` on.
  @inlinable @inline(__always)
  func accumulate<F: TileFormat>(
    _: F.Type, _ factors: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>, start: Int, count: Int,
    rows: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    let words = (columns + F.perWord - 1) / F.perWord
    var column = 0
    while column < outWidth {
      registerTile(
        F.self,
        TileArguments(
          rows: rows, k: (count + F.perWord - 1) / F.perWord, a: factors, lda: attentionKeyBlock,
          b: values + column * words + start / F.perWord * F.I.panelColumns,
          c: sums + column, ldc: outWidth, startsFromZero: start == 0))
      column += F.I.panelColumns
    }
  }

  @inlinable @inline(__always)
  func store<F: TileFormat>(
    _: F.Type, _ sums: UnsafeMutablePointer<Float>, _ x: AttentionArguments, first: Int, rows: Int,
    into result: UnsafeMutableRawPointer
  ) {
    var row = 0
    while row < rows {
      var column = 0
      while column < x.headSize {
        storePart(
          F.self, F.I.load(sums + row * outWidth + column), result + (first + row) * x.stride, column,
          min(F.I.lanes, x.headSize - column))
        column += F.I.lanes
      }
      row += 1
    }
  }
}
