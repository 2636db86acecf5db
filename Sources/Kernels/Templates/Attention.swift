// Fused scaled dot-product attention, softmax(Q K^T / sqrt D) V, one head at a time, without an N x N matrix
// (online softmax: Milakov and Gimelshein 2018, arXiv 1805.02867; blocks of keys: Dao et al. 2022, arXiv 2205.14135).
//
// K and V of the head are packed once into panels, after which both products are the GEMM's own register tile, in the
// format that Q, K and V have; scores, softmax and sums are float32 in any.
//
//     keys     ceil(N / NR) panels of (words of D, NR): word (d, c) of panel p = elements d perWord ... of K[p NR + c]
//     values   ceil(D / NR) panels of (words of N, NR): word (t, c) of panel p = V[t perWord ...][p NR + c]
//
// Queries go in tiles of rows, keys in blocks of `keyBlock`. A query's arithmetic depends on nothing but its head, so
// neither threads nor the batch nor the tile height change a bit.

@frozen
public struct AttentionArguments {
  /// Q, K, V of one head: (N, D) elements each, rows `stride` bytes apart.
  public var q: UnsafeRawPointer
  public var k: UnsafeRawPointer
  public var v: UnsafeRawPointer
  public var stride: Int
  /// Output of the head, (N, D) elements, rows `outputStride` bytes apart.
  public var output: UnsafeMutableRawPointer
  public var outputStride: Int
  public var tokens: Int
  public var headSize: Int
  public var scale: Float

  @inlinable @inline(__always)
  public init(
    q: UnsafeRawPointer, k: UnsafeRawPointer, v: UnsafeRawPointer, stride: Int, output: UnsafeMutableRawPointer,
    outputStride: Int, tokens: Int, headSize: Int, scale: Float
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
public func attention<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, queries: Span1D, scratch: UnsafeMutablePointer<Float>
) {
  let width = F.I.panelColumns
  let keyPanels = (x.tokens + width - 1) / width
  let valuePanels = (x.headSize + width - 1) / width
  let valueWords = (x.tokens + F.perWord - 1) / F.perWord
  let outWidth = valuePanels * width
  let keys = scratch
  let values = keys + keyPanels * width * x.headSize
  let scores = values + valuePanels * width * x.tokens
  let sums = scores + F.tileRows * attentionKeyBlock
  let tops = sums + F.tileRows * outWidth
  let totals = tops + F.tileRows
  packKeys(F.self, x, into: keys)
  packValues(F.self, x, into: values)

  let tiling = RowTiling(rows: queries.end - queries.start, tileRows: F.tileRows)
  var index = 0
  while index < tiling.count {
    let first = queries.start + tiling.start(index)
    let rows = tiling.height(index)
    var start = 0
    while start < x.tokens {
      let count = min(attentionKeyBlock, x.tokens - start)
      scoreTile(F.self, x, first: first, rows: rows, keys: keys, start: start, count: count, into: scores)
      var row = 0
      while row < rows {
        let line = scores + row * attentionKeyBlock
        let correction = softmaxBlock(
          F.I.self, line, count: count, top: tops + row, total: totals + row, isFirst: start == 0)
        if F.perWord > 1 { narrow(F.self, line, count: count) }
        if start > 0 {
          var column = 0
          while column < outWidth {
            let sum = sums + row * outWidth + column
            F.I.store(F.I.load(sum) * F.I.splat(correction), sum)
            column += F.I.lanes
          }
        }
        row += 1
      }
      var panel = 0
      while panel < valuePanels {
        F.tile(
          TileArguments(
            rows: rows, k: (count + F.perWord - 1) / F.perWord, a: scores, lda: attentionKeyBlock,
            b: values + (panel * valueWords + start / F.perWord) * width, c: sums + panel * width, ldc: outWidth,
            startsFromZero: start == 0))
        panel += 1
      }
      start += count
    }
    var row = 0
    while row < rows {
      let inverse = F.I.splat(1 / totals[row])
      let out = x.output + (first + row) * x.outputStride
      var column = 0
      while column < x.headSize {
        let value = F.I.load(sums + row * outWidth + column) * inverse
        storeHead(F.self, value, out, column, min(F.I.lanes, x.headSize - column))
        column += F.I.lanes
      }
      row += 1
    }
    index += 1
  }
}

/// Stores the first `count` lanes as elements behind `row`, and nothing beyond: the next head's are there.
@inlinable @inline(__always)
func storeHead<F: TileFormat>(
  _: F.Type, _ vector: F.I.Vector, _ row: UnsafeMutableRawPointer, _ index: Int, _ count: Int
) {
  if count >= F.I.lanes { return F.store(vector, row, index) }
  if F.perWord == 1 {
    return storeLanes(F.I.self, vector, row.assumingMemoryBound(to: Float.self) + index, count)
  }
  var words = F.I.Bits(repeating: 0)
  F.store(vector, &words, 0)
  for element in 0..<F.I.lanes where element < count {
    let word = UInt32(bitPattern: words[element / 2])
    row.storeBytes(
      of: UInt16(truncatingIfNeeded: element % 2 == 0 ? word : word >> 16), toByteOffset: (index + element) * 2,
      as: UInt16.self)
  }
}

/// `count` floats as elements of F, in place at the start of their row, and zeros to the end of the last word.
@inlinable @inline(__always)
func narrow<F: TileFormat>(_: F.Type, _ row: UnsafeMutablePointer<Float>, count: Int) {
  var column = 0
  while column < count {
    storeElements(F.self, loadLanes(F.I.self, row + column, min(F.I.lanes, count - column)), row, column, count - column)
    column += F.I.lanes
  }
}

/// Attention probabilities of one head: (queries, N) rows at `probabilities`, each summing to 1.
///
/// - Parameter scratch: as for `attention`.
@inlinable @inline(__always)
public func attentionProbabilities<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, queries: Span1D, probabilities: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>
) {
  let keys = scratch
  let scores = keys + (x.tokens + F.I.panelColumns - 1) / F.I.panelColumns * F.I.panelColumns * x.headSize
  packKeys(F.self, x, into: keys)
  let tiling = RowTiling(rows: queries.end - queries.start, tileRows: F.tileRows)
  var index = 0
  while index < tiling.count {
    let first = queries.start + tiling.start(index)
    let rows = tiling.height(index)
    var start = 0
    while start < x.tokens {
      let count = min(attentionKeyBlock, x.tokens - start)
      scoreTile(F.self, x, first: first, rows: rows, keys: keys, start: start, count: count, into: scores)
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
      softmax(F.I.self, probabilities + (first - queries.start + row) * x.tokens, count: x.tokens)
      row += 1
    }
    index += 1
  }
}

/// Scaled scores of a tile of queries against a block of keys: (rows, keyBlock), columns beyond the panels untouched.
@inlinable @inline(__always)
func scoreTile<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, first: Int, rows: Int, keys: UnsafeMutablePointer<Float>, start: Int, count: Int,
  into scores: UnsafeMutablePointer<Float>
) {
  let words = (x.headSize + F.perWord - 1) / F.perWord
  var column = 0
  while column < count {
    F.tile(
      TileArguments(
        rows: rows, k: words, a: x.q + first * x.stride, lda: x.stride / 4, b: keys + (start + column) * words,
        c: scores + column, ldc: attentionKeyBlock, startsFromZero: true))
    column += F.I.panelColumns
  }
  let padded = column
  var row = 0
  while row < rows {
    column = 0
    while column < padded {
      let score = scores + row * attentionKeyBlock + column
      F.I.store(F.I.load(score) * F.I.splat(x.scale), score)
      column += F.I.lanes
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

/// A last word that D only begins has zeros behind, which makes nothing of what Q has there.
@inlinable @inline(__always)
func packKeys<F: TileFormat>(_: F.Type, _ x: AttentionArguments, into keys: UnsafeMutablePointer<Float>) {
  let width = F.I.panelColumns
  let padded = (x.tokens + width - 1) / width * width
  let words = (x.headSize + F.perWord - 1) / F.perWord
  let whole = x.headSize / F.perWord
  let target = UnsafeMutableRawPointer(keys).assumingMemoryBound(to: UInt32.self)
  var token = 0
  while token < padded {
    let panel = target + token / width * width * words + token % width
    let source = x.k + token * x.stride
    var word = 0
    while word < words {
      var value: UInt32 = 0
      if token < x.tokens {
        value =
          word < whole
          ? source.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self)
          : UInt32(source.loadUnaligned(fromByteOffset: word * 4, as: UInt16.self))
      }
      panel[word * width] = value
      word += 1
    }
    token += 1
  }
}

@inlinable @inline(__always)
func packValues<F: TileFormat>(_: F.Type, _ x: AttentionArguments, into values: UnsafeMutablePointer<Float>) {
  let width = F.I.panelColumns
  let words = (x.tokens + F.perWord - 1) / F.perWord
  var column = 0
  while column < x.headSize {
    let panel = values + column * words
    let valid = min(width, x.headSize - column)
    var word = 0
    while word < words {
      let target = panel + word * width
      let source = x.v + word * F.perWord * x.stride
      if F.perWord == 1 {
        let row = source.assumingMemoryBound(to: Float.self) + column
        F.I.store(loadLanes(F.I.self, row, valid), target)
        F.I.store(valid > F.I.lanes ? loadLanes(F.I.self, row + F.I.lanes, valid - F.I.lanes) : F.I.splat(0), target + F.I.lanes)
      } else {
        let out = UnsafeMutableRawPointer(target)
        let hasSecond = word * 2 + 1 < x.tokens
        var lane = 0
        while lane < width {
          var value: UInt32 = 0
          if lane < valid {
            let first = source + (column + lane) * 2
            value = UInt32(first.loadUnaligned(as: UInt16.self))
            if hasSecond {
              value |= UInt32(first.loadUnaligned(fromByteOffset: x.stride, as: UInt16.self)) << 16
            }
          }
          out.storeBytes(of: value, toByteOffset: lane * 4, as: UInt32.self)
          lane += 1
        }
      }
      word += 1
    }
    column += width
  }
}
