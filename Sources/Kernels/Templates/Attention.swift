// Fused scaled dot-product attention, softmax(Q K^T / sqrt D) V, one head at a time, without an N x N matrix
// (online softmax: Milakov and Gimelshein 2018, arXiv 1805.02867; blocks of keys: Dao et al. 2022, arXiv 2205.14135).
//
// K and V of the head are packed once into panels, after which both products are the GEMM's own register tile:
//
//     keys     ceil(N / NR) panels of (D, NR): element (d, c) of panel p = K[p NR + c][d]
//     values   ceil(D / NR) panels of (N, NR): element (t, c) of panel p = V[t][p NR + c]
//
// Queries go in tiles of rows, keys in blocks of `keyBlock`. A query's arithmetic depends on nothing but its head, so
// neither threads nor the batch nor the tile height change a bit.

@frozen
public struct AttentionArguments {
  /// Q, K, V of one head: (N, D) each with row stride `stride`.
  public var q: UnsafePointer<Float>
  public var k: UnsafePointer<Float>
  public var v: UnsafePointer<Float>
  public var stride: Int
  /// Output of the head, (N, D) with row stride `outputStride`.
  public var output: UnsafeMutablePointer<Float>
  public var outputStride: Int
  public var tokens: Int
  public var headSize: Int
  public var scale: Float

  @inlinable @inline(__always)
  public init(
    q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, stride: Int,
    output: UnsafeMutablePointer<Float>, outputStride: Int, tokens: Int, headSize: Int, scale: Float
  ) {
    self.q = q
    self.k = k
    self.v = v
    self.stride = stride
    self.output = output
    self.outputStride = outputStride
    self.tokens = tokens
    self.headSize = headSize
    self.scale = scale
  }
}

/// Keys a block of online softmax covers: a tile of scores is tileRows x 256 floats, 6 or 12 KiB of L1. A multiple of
/// every NR.
@inlinable @inline(__always)
public var attentionKeyBlock: Int { 256 }

/// Floats of scratch that `attention` needs for heads of this shape.
@inlinable @inline(__always)
public func attentionScratchCount(tokens: Int, headSize: Int, panelColumns: Int, tileRows: Int) -> Int {
  let keyPanels = (tokens + panelColumns - 1) / panelColumns
  let valuePanels = (headSize + panelColumns - 1) / panelColumns
  return keyPanels * panelColumns * headSize + valuePanels * panelColumns * tokens
    + tileRows * attentionKeyBlock + tileRows * valuePanels * panelColumns + 2 * tileRows
}

/// Attention of the queries `queries` of one head over all its keys.
///
/// - Parameter scratch: `attentionScratchCount` floats of this thread.
@inlinable @inline(__always)
public func attention<I: ISA>(
  _: I.Type, _ x: AttentionArguments, queries: Span1D, scratch: UnsafeMutablePointer<Float>
) {
  let width = I.panelColumns
  let keyPanels = (x.tokens + width - 1) / width
  let valuePanels = (x.headSize + width - 1) / width
  let outWidth = valuePanels * width
  let keys = scratch
  let values = keys + keyPanels * width * x.headSize
  let scores = values + valuePanels * width * x.tokens
  let sums = scores + I.tileRows * attentionKeyBlock
  let tops = sums + I.tileRows * outWidth
  let totals = tops + I.tileRows
  packKeys(I.self, x, into: keys)
  packValues(I.self, x, into: values)

  let tiling = RowTiling(rows: queries.end - queries.start, tileRows: I.tileRows)
  var index = 0
  while index < tiling.count {
    let first = queries.start + tiling.start(index)
    let rows = tiling.height(index)
    var start = 0
    while start < x.tokens {
      let count = min(attentionKeyBlock, x.tokens - start)
      scoreTile(I.self, x, first: first, rows: rows, keys: keys, start: start, count: count, into: scores)
      var row = 0
      while row < rows {
        let correction = softmaxBlock(
          I.self, scores + row * attentionKeyBlock, count: count, top: tops + row, total: totals + row,
          isFirst: start == 0)
        if start > 0 {
          var column = 0
          while column < outWidth {
            let sum = sums + row * outWidth + column
            I.store(I.load(sum) * I.splat(correction), sum)
            column += I.lanes
          }
        }
        row += 1
      }
      var panel = 0
      while panel < valuePanels {
        I.tile(
          TileArguments(
            rows: rows, k: count, a: scores, lda: attentionKeyBlock,
            b: values + panel * width * x.tokens + start * width, c: sums + panel * width, ldc: outWidth,
            startsFromZero: start == 0))
        panel += 1
      }
      start += count
    }
    var row = 0
    while row < rows {
      let inverse = I.splat(1 / totals[row])
      var column = 0
      while column < x.headSize {
        let out = x.output + (first + row) * x.outputStride + column
        let value = I.load(sums + row * outWidth + column) * inverse
        if x.headSize - column >= I.lanes {
          I.store(value, out)
        } else {
          storeLanes(I.self, value, out, x.headSize - column)
        }
        column += I.lanes
      }
      row += 1
    }
    index += 1
  }
}

/// Attention probabilities of one head: (queries, N) rows at `probabilities`, each summing to 1.
///
/// - Parameter scratch: as for `attention`.
@inlinable @inline(__always)
public func attentionProbabilities<I: ISA>(
  _: I.Type, _ x: AttentionArguments, queries: Span1D, probabilities: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>
) {
  let keys = scratch
  let scores = keys + (x.tokens + I.panelColumns - 1) / I.panelColumns * I.panelColumns * x.headSize
  packKeys(I.self, x, into: keys)
  let tiling = RowTiling(rows: queries.end - queries.start, tileRows: I.tileRows)
  var index = 0
  while index < tiling.count {
    let first = queries.start + tiling.start(index)
    let rows = tiling.height(index)
    var start = 0
    while start < x.tokens {
      let count = min(attentionKeyBlock, x.tokens - start)
      scoreTile(I.self, x, first: first, rows: rows, keys: keys, start: start, count: count, into: scores)
      var row = 0
      while row < rows {
        let target = probabilities + (first - queries.start + row) * x.tokens + start
        var column = 0
        while column < count {
          target[column] = scores[row * attentionKeyBlock + column]
          column += 1
        }
        row += 1
      }
      start += count
    }
    var row = 0
    while row < rows {
      softmax(I.self, probabilities + (first - queries.start + row) * x.tokens, count: x.tokens)
      row += 1
    }
    index += 1
  }
}

/// Scaled scores of a tile of queries against a block of keys: (rows, keyBlock), columns beyond the panels untouched.
@inlinable @inline(__always)
func scoreTile<I: ISA>(
  _: I.Type, _ x: AttentionArguments, first: Int, rows: Int, keys: UnsafePointer<Float>, start: Int, count: Int,
  into scores: UnsafeMutablePointer<Float>
) {
  var column = 0
  while column < count {
    I.tile(
      TileArguments(
        rows: rows, k: x.headSize, a: x.q + first * x.stride, lda: x.stride,
        b: keys + (start + column) * x.headSize, c: scores + column, ldc: attentionKeyBlock, startsFromZero: true))
    column += I.panelColumns
  }
  let padded = column
  var row = 0
  while row < rows {
    column = 0
    while column < padded {
      let score = scores + row * attentionKeyBlock + column
      I.store(I.load(score) * I.splat(x.scale), score)
      column += I.lanes
    }
    row += 1
  }
}

/// One row's step of online softmax: scores become e^(s - top), `top` and `total` move on.
///
/// Returns the factor for what was summed under the old `top`; 1 in the first block.
@inlinable @inline(__always)
func softmaxBlock<I: ISA>(
  _: I.Type, _ scores: UnsafeMutablePointer<Float>, count: Int, top: UnsafeMutablePointer<Float>,
  total: UnsafeMutablePointer<Float>, isFirst: Bool
) -> Float {
  let blockTop = rowMaximum(I.self, scores, count: count)
  let newTop = isFirst ? blockTop : max(top[0], blockTop)
  let sum = exponentials(I.self, scores, count: count, top: newTop)
  let correction: Float = isFirst ? 1 : I.exp(I.splat(top[0] - newTop))[0]
  total[0] = isFirst ? sum : total[0] * correction + sum
  top[0] = newTop
  return correction
}

@inlinable @inline(__always)
func packKeys<I: ISA>(_: I.Type, _ x: AttentionArguments, into keys: UnsafeMutablePointer<Float>) {
  let width = I.panelColumns
  let padded = (x.tokens + width - 1) / width * width
  var token = 0
  while token < padded {
    let target = keys + token / width * width * x.headSize + token % width
    var d = 0
    while d < x.headSize {
      target[d * width] = token < x.tokens ? x.k[token * x.stride + d] : 0
      d += 1
    }
    token += 1
  }
}

@inlinable @inline(__always)
func packValues<I: ISA>(_: I.Type, _ x: AttentionArguments, into values: UnsafeMutablePointer<Float>) {
  let width = I.panelColumns
  var column = 0
  while column < x.headSize {
    let panel = values + column * x.tokens
    let valid = min(width, x.headSize - column)
    var token = 0
    while token < x.tokens {
      let source = x.v + token * x.stride + column
      let target = panel + token * width
      I.store(loadLanes(I.self, source, valid), target)
      if valid > I.lanes {
        I.store(loadLanes(I.self, source + I.lanes, valid - I.lanes), target + I.lanes)
      } else {
        I.store(I.splat(0), target + I.lanes)
      }
      token += 1
    }
    column += width
  }
}
