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
  /// (2, N): gets what the backward pass makes the probabilities of again, of every query the maximum of its scores
  /// and the reciprocal of the sum of its powers; absent: neither is kept.
  public var statistics: UnsafeMutablePointer<Float>?

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
/// every NR. Sums are rescaled between blocks, which rounds: another size makes other bits, so no machine chooses it.
@inlinable @inline(__always)
public var attentionKeyBlock: Int { 256 }

/// Floats of scratch that `attention` needs for heads of this shape.
@inlinable @inline(__always)
public func attentionScratchCount(tokens: Int, headSize: Int, panelColumns: Int, tileRows: Int) -> Int {
  let keyPanels = (tokens + panelColumns - 1) / panelColumns
  let valuePanels = (headSize + panelColumns - 1) / panelColumns
  return keyPanels * panelColumns * headSize + valuePanels * panelColumns * tokens
    + max(tileRows * attentionKeyBlock, panelColumns * panelColumns / 2) + tileRows * valuePanels * panelColumns
    + 3 * tileRows
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
  let maxima = sums + F.tileRows * outWidth
  let rowSums = maxima + F.tileRows
  let blockMaxima = rowSums + F.tileRows
  packKeys(F.self, x, into: keys, scratch: scores)
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
      // Maxima of all rows before any row's powers: a row's powers wait for its maximum, not for those of other rows.
      var row = 0
      while row < rows {
        blockMaxima[row] = blockMax(F.I.self, scores + row * attentionKeyBlock, count: count)
        row += 1
      }
      row = 0
      while row < rows {
        let line = scores + row * attentionKeyBlock
        let correction = softmaxBlock(
          F.self, line, count: count, scale: x.scale, blockMax: blockMaxima[row], runningMax: maxima + row,
          rowSum: rowSums + row, isFirst: start == 0)
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
        registerTile(
          F.self,
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
      let reciprocal = 1 / rowSums[row]
      if let statistics = x.statistics {
        statistics[first + row] = maxima[row]
        statistics[x.tokens + first + row] = reciprocal
      }
      let inverse = F.I.splat(reciprocal)
      let out = x.output + (first + row) * x.outputStride
      var column = 0
      while column < x.headSize {
        let value = F.I.load(sums + row * outWidth + column) * inverse
        storePart(F.self, value, out, column, min(F.I.lanes, x.headSize - column))
        column += F.I.lanes
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
public func attentionProbabilities<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, queries: Span1D, probabilities: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>
) {
  let keys = scratch
  let scores = keys + (x.tokens + F.I.panelColumns - 1) / F.I.panelColumns * F.I.panelColumns * x.headSize
  packKeys(F.self, x, into: keys, scratch: scores)
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
          target[column] = scores[row * attentionKeyBlock + column] * x.scale
          column += 1
        }
        row += 1
      }
      start += count
    }
    var row = 0
    while row < rows {
      let line = probabilities + (first - queries.start + row) * x.tokens
      softmax(F.I.self, line, count: x.tokens)
      row += 1
    }
    index += 1
  }
}

/// Scores of a tile of queries against a block of keys, not yet scaled: (rows, keyBlock), columns beyond the panels
/// untouched.
@inlinable @inline(__always)
func scoreTile<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, first: Int, rows: Int, keys: UnsafeMutablePointer<Float>, start: Int, count: Int,
  into scores: UnsafeMutablePointer<Float>
) {
  let words = (x.headSize + F.perWord - 1) / F.perWord
  var column = 0
  while column < count {
    registerTile(
      F.self,
      TileArguments(
        rows: rows, k: words, a: x.q + first * x.stride, lda: x.stride / 4, b: keys + (start + column) * words,
        c: scores + column, ldc: attentionKeyBlock, startsFromZero: true))
    column += F.I.panelColumns
  }
}

/// The maximum of a row's `count` scores. The lanes after them, up to a whole vector, become -infinity.
@inlinable @inline(__always)
func blockMax<I: ISA>(_: I.Type, _ scores: UnsafeMutablePointer<Float>, count: Int) -> Float {
  let last = (count - 1) / I.lanes * I.lanes
  var limits = I.splat(.infinity)
  for lane in 0..<I.lanes where last + lane >= count { limits[lane] = -.infinity }
  I.store(I.minimum(limits, I.load(scores + last)), scores + last)
  var highest = I.load(scores)
  var column = I.lanes
  while column <= last {
    highest = I.maximum(highest, I.load(scores + column))
    column += I.lanes
  }
  return I.reduceMax(highest)
}

/// One row's step of online softmax: `count` scores s, to a whole vector, become e^(scale (s - runningMax)) in the
/// format F, 0 beyond `count`. Updates `runningMax`, the maximum of the row's scores so far, and `rowSum`, the sum of
/// their powers.
///
/// - Parameter blockMax: the maximum of these scores.
/// - Returns: the factor for what was summed under the old `runningMax`; 1 in the first block.
@inlinable @inline(__always)
func softmaxBlock<F: TileFormat>(
  _: F.Type, _ scores: UnsafeMutablePointer<Float>, count: Int, scale: Float, blockMax: Float,
  runningMax: UnsafeMutablePointer<Float>, rowSum: UnsafeMutablePointer<Float>, isFirst: Bool
) -> Float {
  typealias I = F.I
  let last = (count - 1) / I.lanes * I.lanes
  let newMax = isFirst ? blockMax : max(runningMax[0], blockMax)
  let binaryScale = scale * log2E
  let sum = blockExp2(F.self, scores, vectors: last / I.lanes + 1, scale: binaryScale, runningMax: newMax)
  let correction: Float = isFirst ? 1 : I.exp2(I.splat((runningMax[0] - newMax) * binaryScale))[0]
  rowSum[0] = isFirst ? sum : rowSum[0] * correction + sum
  runningMax[0] = newMax
  return correction
}

/// Replaces whole vectors of scores s by 2^(scale (s - runningMax)) as elements of F and returns their sum in float32.
@inlinable @inline(__always)
func blockExp2<F: TileFormat>(
  _: F.Type, _ scores: UnsafeMutablePointer<Float>, vectors: Int, scale: Float, runningMax: Float
) -> Float {
  typealias I = F.I
  var sums = I.splat(0)
  var column = 0
  while column < vectors * I.lanes {
    // At most 0, as no score is above the maximum.
    let exponent = (I.load(scores + column) - I.splat(runningMax)) * I.splat(scale)
    let power = powerOfTwo(F.self, exponent)
    F.store(power, scores, column)
    sums += power
    column += I.lanes
  }
  return I.reduceSum(sums)
}

/// 2^x, as precise as attention in the format F takes it.
@inlinable @inline(__always)
func powerOfTwo<F: TileFormat>(_: F.Type, _ x: F.I.Vector) -> F.I.Vector {
  F.perWord == 1 ? F.I.exp2(x) : F.I.exp2OfNarrow(x)
}

/// The keys of a head as panels, a block of lanes x lanes words at a time. A last word that D only begins has zeros
/// after them, which cancels what Q has there.
///
/// - Parameter scratch: 2 x lanes x lanes words.
@inlinable @inline(__always)
func packKeys<F: TileFormat>(
  _: F.Type, _ x: AttentionArguments, into keys: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
) {
  let (width, lanes) = (F.I.panelColumns, F.I.lanes)
  let words = (x.headSize + F.perWord - 1) / F.perWord
  let transposed = scratch + lanes * lanes * 4
  let padded = (x.tokens + width - 1) / width * width
  var token = 0
  while token < padded {
    let panel = UnsafeMutableRawPointer(keys) + (token / width * width * words + token % width) * 4
    var word = 0
    while word < words {
      var row = 0
      while row < lanes {
        let isThere = token + row < x.tokens
        let line = x.k + (isThere ? token + row : 0) * x.stride + word * 4
        let bytes = isThere ? x.headSize * (4 / F.perWord) - word * 4 : 0
        (scratch + row * lanes * 4).storeBytes(of: loadBytes(F.I.self, line, bytes), as: F.I.Bits.self)
        row += 1
      }
      if words - word >= lanes {
        F.I.transpose(scratch, lanes, panel + word * width * 4, width)
      } else {
        F.I.transpose(scratch, lanes, transposed, lanes)
        for index in 0..<words - word {
          (panel + (word + index) * width * 4).storeBytes(
            of: transposed.loadUnaligned(fromByteOffset: index * lanes * 4, as: F.I.Bits.self), as: F.I.Bits.self)
        }
      }
      word += lanes
    }
    token += lanes
  }
}

/// The first `count` bytes at `pointer`, at most a vector's; zeros after them. Reads nothing beyond them.
@inlinable @inline(__always)
func loadBytes<I: ISA>(_: I.Type, _ pointer: UnsafeRawPointer, _ count: Int) -> I.Bits {
  if count >= I.lanes * 4 { return pointer.loadUnaligned(as: I.Bits.self) }
  var bits = I.Bits(repeating: 0)
  for lane in 0..<I.lanes where lane * 4 < count {
    let isWhole = count >= lane * 4 + 4
    bits[lane] =
      isWhole
      ? pointer.loadUnaligned(fromByteOffset: lane * 4, as: Int32.self)
      : Int32(pointer.loadUnaligned(fromByteOffset: lane * 4, as: UInt16.self))
  }
  return bits
}

/// The values of a head as panels: a word has `perWord` tokens of one column, zero where there is no such token.
@inlinable @inline(__always)
func packValues<F: TileFormat>(_: F.Type, _ x: AttentionArguments, into values: UnsafeMutablePointer<Float>) {
  let (width, lanes) = (F.I.panelColumns, F.I.lanes)
  let words = (x.tokens + F.perWord - 1) / F.perWord
  var column = 0
  while column < (x.headSize + width - 1) / width * width {
    let panel = values + column / width * width * words + column % width
    let valid = max(0, min(lanes, x.headSize - column))
    var word = 0
    while word < words {
      let token = word * F.perWord
      let bits = loadWords(F.self, x.v + token * x.stride, x.stride, column, valid, rows: x.tokens - token)
      UnsafeMutableRawPointer(panel + word * width).storeBytes(of: bits, as: F.I.Bits.self)
      word += 1
    }
    column += lanes
  }
}
