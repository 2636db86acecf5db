// Fused attention of int8's plan: softmax(Q K^T / sqrt D) V of one head with both products in 8-bit integers, the
// softmax between them in float32. Q, K, V and the output are bfloat16; blocks of keys are those of Attention.swift.
//
//     queries  by row, across its range               q = s u + o, u 0...255 (`quantizeRows`)
//     keys     minus the mean key, by row, symmetric  k - mean = s q (`pack`)
//     values   by column, around the middle           v = s q + middle, q -127...127
//     powers   e^(score - maximum) in steps           two digits of 8 bits, or one of 15 bits in words of 16
//
// The mean of all keys shifts every score of a query by the same number, which softmax takes out again; the middle of a
// column is added to a mean of values unchanged. So what all tokens have in common costs no step of 8 bits
// (K is smoothed in the same way by Zhang et al. 2024, SageAttention, arXiv 2410.02367). Powers keep 16 bits, since a
// query may give most of its weight to many small ones: 8 bits would drop all that are below 1/510 of the largest.

/// Words of scratch, and what is where. All counts are in words of 4 bytes.
@frozen
public struct IntegerAttentionScratch {
  @usableFromInline let keys: Int
  @usableFromInline let keyScales: Int
  @usableFromInline let keySums: Int
  @usableFromInline let values: Int
  @usableFromInline let valueScales: Int
  @usableFromInline let middles: Int
  @usableFromInline let queries: Int
  @usableFromInline let rowScales: Int
  @usableFromInline let scores: Int
  @usableFromInline let digits: Int
  @usableFromInline let sums: Int
  @usableFromInline let outputs: Int
  @usableFromInline let rows: Int
  /// Centred keys and what packs them, before there are queries; shares the memory of these.
  @usableFromInline let packing: Int
  /// Columns of V to whole panels.
  @usableFromInline let valueColumns: Int
  /// Words of all.
  public let count: Int

  /// For one head of `tokens` keys and values of `headSize` elements, and tiles of up to `tileRows` queries.
  ///
  /// - Parameter perWord: integers of a word.
  @inlinable @inline(__always)
  public init(tokens: Int, headSize: Int, panelColumns: Int, tileRows: Int, perWord: Int) {
    let keyColumns = (tokens + panelColumns - 1) / panelColumns * panelColumns
    valueColumns = (headSize + panelColumns - 1) / panelColumns * panelColumns
    let headWords = (headSize + perWord - 1) / perWord
    keys = 0
    keyScales = keys + keyColumns * headWords
    keySums = keyScales + keyColumns
    values = keySums + keyColumns
    valueScales = values + valueColumns * ((tokens + perWord - 1) / perWord)
    middles = valueScales + valueColumns
    packing = middles + valueColumns
    queries = packing
    rowScales = queries + tileRows * headWords
    scores = rowScales + tileRows * 2
    digits = scores + tileRows * attentionKeyBlock
    sums = digits + 2 * tileRows * attentionKeyBlock / perWord
    outputs = sums + tileRows * panelColumns
    rows = outputs + tileRows * valueColumns
    let packed =
      packing + (panelColumns + 1) * valueColumns + packScratchCount(k: headSize, lanes: panelColumns / 2)
    count = max(rows + 3 * tileRows, packed)
  }
}

/// The largest power in steps: 16 bits in two digits, or 15 in a signed word of 16, of which 256 products by 127 fit
/// into 32 bits too.
@inlinable @inline(__always)
func powerSteps<I: ISA>(_: I.Type) -> Float { I.packsInt8InBytes ? 65_535 : 32_767 }

/// Attention of the queries `queries` of one head over all its keys; `x.statistics` are not kept. Q, K, V (N, D) and the
/// output, (queries, D), are bfloat16.
///
/// A number that is not finite in K or V makes every output that it belongs to NaN.
///
/// - Parameter scratch: of this thread, `IntegerAttentionScratch`.
/// - Complexity: 2 x queries x N x D products of int8, and half as many again where powers are two digits.
@inlinable @inline(__always)
public func integerAttention<I: ISA>(
  _: I.Type, _ x: AttentionArguments, queries: Span1D, scratch: UnsafeMutablePointer<Float>
) {
  typealias F = Int8Format<I>
  let place = IntegerAttentionScratch(
    tokens: x.tokens, headSize: x.headSize, panelColumns: I.panelColumns, tileRows: F.tileRows, perWord: F.perWord)
  centreKeys(I.self, x, place, scratch)
  centreValues(I.self, x, place, scratch)
  let headWords = (x.headSize + F.perWord - 1) / F.perWord
  let rowScales = UnsafeMutableRawPointer(scratch + place.rowScales).assumingMemoryBound(to: RowScale.self)
  let tiling = RowTiling(rows: queries.end - queries.start, tileRows: F.tileRows)
  var index = 0
  while index < tiling.count {
    let first = queries.start + tiling.start(index)
    let rows = tiling.height(index)
    quantizeRows(
      I.self, x: x.q + first * x.stride, xStride: x.stride, isBFloat16: true, y: scratch + place.queries,
      yStride: headWords, rows: Span1D(0, rows), width: x.headSize, scales: rowScales)
    var start = 0
    while start < x.tokens {
      let count = min(attentionKeyBlock, x.tokens - start)
      scoreTile(I.self, place, scratch, rows: rows, headWords: headWords, start: start, count: count)
      powerTile(I.self, x, place, scratch, rows: rows, start: start, count: count)
      weighTile(I.self, x, place, scratch, rows: rows, start: start, count: count)
      start += count
    }
    finishTile(I.self, x, place, scratch, first: first, rows: rows)
    index += 1
  }
}

/// Keys less the mean of all, packed as weights are, a panel at a time.
@inlinable @inline(__always)
func centreKeys<I: ISA>(
  _: I.Type, _ x: AttentionArguments, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>
) {
  typealias F = Int8Format<I>
  let (width, words) = (I.panelColumns, (x.headSize + F.perWord - 1) / F.perWord)
  let means = scratch + place.packing
  let rows = means + place.valueColumns
  let packScratch = rows + width * place.valueColumns
  // 0, or NaN where a key is not finite.
  var taints = I.splat(0)
  var column = 0
  while column < x.headSize {
    let valid = min(I.lanes, x.headSize - column)
    var sum = I.splat(0)
    var token = 0
    while token < x.tokens {
      sum += loadElements(I.self, x.k + token * x.stride, column, valid, isBFloat16: true)
      token += 1
    }
    let mean = sum / I.splat(Float(x.tokens))
    taints = I.multiplyAdd(taints, mean, I.splat(0))
    I.store(mean, means + column)
    column += I.lanes
  }
  let taint = I.splat(I.reduceSum(taints))
  var first = 0
  while first < x.tokens {
    let count = min(width, x.tokens - first)
    var row = 0
    while row < count {
      // Rows are contiguous, as those of weights: a vector's lanes beyond one are written again by the next.
      column = 0
      while column < x.headSize {
        let valid = min(I.lanes, x.headSize - column)
        let key = loadElements(I.self, x.k + (first + row) * x.stride, column, valid, isBFloat16: true)
        I.store(key - I.load(means + column), rows + row * x.headSize + column)
        column += I.lanes
      }
      row += 1
    }
    var panel = PackedPanels(words: scratch + place.keys + first * words)
    panel.scales = scratch + place.keyScales + first
    panel.sums = scratch + place.keySums + first
    // No term: the pointer is not read.
    let none = UnsafeRawPointer(rows).assumingMemoryBound(to: FoldTerm.self)
    pack(
      F.self, weight: rows, n: count, k: x.headSize, terms: none, termCount: 0, panels: Span1D(0, 1), into: panel,
      scratch: packScratch)
    column = 0
    while column < width {
      let scale = scratch + place.keyScales + first + column
      I.store(I.load(scale) + taint, scale)
      column += I.lanes
    }
    first += width
  }
}

/// Values in steps around the middle of their column; a word has `perWord` tokens of one column.
@inlinable @inline(__always)
func centreValues<I: ISA>(
  _: I.Type, _ x: AttentionArguments, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>
) {
  typealias F = Int8Format<I>
  let (width, words) = (I.panelColumns, (x.tokens + F.perWord - 1) / F.perWord)
  let shift = I.Bits(repeating: Int32(32 / F.perWord))
  let mask = I.Bits(repeating: F.perWord == 4 ? 0xFF : 0xFFFF)
  var column = 0
  while column < place.valueColumns {
    let valid = max(0, min(I.lanes, x.headSize - column))
    var low = loadElements(I.self, x.v, column, valid, isBFloat16: true)
    var (high, taint) = (low, I.splat(0))
    var token = 0
    while token < x.tokens {
      let value = loadElements(I.self, x.v + token * x.stride, column, valid, isBFloat16: true)
      low = I.minimum(value, low)
      high = I.maximum(value, high)
      taint = I.multiplyAdd(taint, value, I.splat(0))
      token += 1
    }
    let middle = (low + high) * I.splat(0.5)
    let scale = (high - low) / I.splat(254)
    var inverse = scale
    for lane in 0..<I.lanes { inverse[lane] = reciprocal(scale[lane]) }
    I.store(scale, scratch + place.valueScales + column)
    I.store(middle + taint, scratch + place.middles + column)
    let panel = scratch + place.values + column / width * width * words + column % width
    var word = 0
    while word < words {
      // The last token comes first, and is shifted furthest.
      var bits = I.Bits(repeating: 0)
      var element = F.perWord - 1
      while element >= 0 {
        let token = word * F.perWord + element
        bits = bits &<< shift
        if token < x.tokens {
          let value = loadElements(I.self, x.v + token * x.stride, column, valid, isBFloat16: true)
          bits = bits | (I.rounded((value - middle) * inverse) & mask)
        }
        element -= 1
      }
      UnsafeMutableRawPointer(panel + word * width).storeBytes(of: bits, as: I.Bits.self)
      word += 1
    }
    column += I.lanes
  }
}

/// Scores of a tile of queries against a block of keys, not yet scaled, in float32: (rows, keyBlock).
@inlinable @inline(__always)
func scoreTile<I: ISA>(
  _: I.Type, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>, rows: Int, headWords: Int,
  start: Int, count: Int
) {
  let rowScales = UnsafeRawPointer(scratch + place.rowScales).assumingMemoryBound(to: RowScale.self)
  let scores = scratch + place.scores
  var column = 0
  while column < count {
    registerTile(
      Int8Format<I>.self,
      TileArguments(
        rows: rows, k: headWords, a: scratch + place.queries, lda: headWords,
        b: scratch + place.keys + (start + column) * headWords, c: scores + column, ldc: attentionKeyBlock,
        startsFromZero: true))
    var half = 0
    while half < 2 {
      let at = column + half * I.lanes
      let scale = I.load(scratch + place.keyScales + start + at)
      let sum = I.load(scratch + place.keySums + start + at)
      var row = 0
      while row < rows {
        let score = scores + row * attentionKeyBlock + at
        let integers = I.float(I.bits(I.load(score)))
        let of = rowScales[row]
        I.store(I.multiplyAdd(integers * I.splat(of.scale), I.splat(of.offset), sum) * scale, score)
        row += 1
      }
      half += 1
    }
    column += I.panelColumns
  }
}

/// Scores to powers in steps, as digits; maxima, sums and the factors of what was summed before.
@inlinable @inline(__always)
func powerTile<I: ISA>(
  _: I.Type, _ x: AttentionArguments, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>,
  rows: Int, start: Int, count: Int
) {
  let tileRows = Int8Format<I>.tileRows
  let scores = scratch + place.scores
  let maxima = scratch + place.rows
  let rowSums = maxima + tileRows
  let corrections = rowSums + tileRows
  let binaryScale = x.scale * log2E
  var row = 0
  while row < rows {
    // Until a row's powers are there, its factor's place has the maximum of the block.
    corrections[row] = blockMax(I.self, scores + row * attentionKeyBlock, count: count)
    row += 1
  }
  row = 0
  while row < rows {
    let newMax = start == 0 ? corrections[row] : max(maxima[row], corrections[row])
    let sum = powerRow(I.self, place, scratch, row: row, count: count, scale: binaryScale, runningMax: newMax)
    if start == 0 {
      rowSums[row] = sum
    } else {
      let correction = I.exp2(I.splat((maxima[row] - newMax) * binaryScale))[0]
      rowSums[row] = rowSums[row] * correction + sum
      corrections[row] = correction
    }
    maxima[row] = newMax
    row += 1
  }
}

/// One row's powers 2^(scale (s - runningMax)) in steps, as digits; returns their sum, NaN if a score is.
@inlinable @inline(__always)
func powerRow<I: ISA>(
  _: I.Type, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>, row: Int, count: Int,
  scale: Float, runningMax: Float
) -> Float {
  let bytes = I.packsInt8InBytes ? 1 : 2
  let line = scratch + place.scores + row * attentionKeyBlock
  let high = UnsafeMutableRawPointer(scratch + place.digits) + row * attentionKeyBlock * bytes
  let low = high + Int8Format<I>.tileRows * attentionKeyBlock * bytes
  let steps = I.splat(powerSteps(I.self))
  // Adding 1.5 x 2^23 rounds to a whole number, and leaves it in the low bits.
  let shifter = I.splat(12_582_912)
  var sums = I.splat(0)
  var column = 0
  while column < count {
    let power = I.exp2OfNarrow((I.load(line + column) - I.splat(runningMax)) * I.splat(scale))
    let shifted = I.multiplyAdd(shifter, power, steps)
    sums += shifted - shifter
    let integers = I.bits(shifted) & I.Bits(repeating: 0xFFFF)
    if I.packsInt8InBytes {
      I.storeInt8(integers &>> I.Bits(repeating: 8), high + column)
      I.storeInt8(integers & I.Bits(repeating: 0xFF), low + column)
    } else {
      I.storeInt8(integers, high + column * 2)
    }
    column += I.lanes
  }
  return I.reduceSum(sums)
}

/// Adds the block's values, weighed with their powers, to the outputs (rows, columns of V).
@inlinable @inline(__always)
func weighTile<I: ISA>(
  _: I.Type, _ x: AttentionArguments, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>,
  rows: Int, start: Int, count: Int
) {
  typealias F = Int8Format<I>
  let width = I.panelColumns
  let valueWords = (x.tokens + F.perWord - 1) / F.perWord
  let lineWords = attentionKeyBlock / F.perWord
  let corrections = scratch + place.rows + 2 * F.tileRows
  let sums = scratch + place.sums
  var panel = 0
  while panel * width < x.headSize {
    var tile = TileArguments(
      rows: rows, k: (count + F.perWord - 1) / F.perWord, a: scratch + place.digits, lda: lineWords,
      b: scratch + place.values + (panel * valueWords + start / F.perWord) * width, c: sums, ldc: width,
      startsFromZero: true)
    registerTile(F.self, tile)
    if I.packsInt8InBytes {
      // 65,535 x 127 x 256 keys stay below 2^31.
      var index = 0
      while index < rows * width {
        let upper = I.bits(I.load(sums + index)) &<< I.Bits(repeating: 8)
        I.store(I.vector(upper), sums + index)
        index += I.lanes
      }
      tile.a += F.tileRows * lineWords * 4
      tile.startsFromZero = false
      registerTile(F.self, tile)
    }
    var row = 0
    while row < rows {
      var column = 0
      while column < width {
        let output = scratch + place.outputs + row * place.valueColumns + panel * width + column
        let sum = I.float(I.bits(I.load(sums + row * width + column)))
        I.store(start == 0 ? sum : I.multiplyAdd(sum, I.load(output), I.splat(corrections[row])), output)
        column += I.lanes
      }
      row += 1
    }
    panel += 1
  }
}

/// Weighed sums to a tile's output: over the sum of powers, in units of the values.
@inlinable @inline(__always)
func finishTile<I: ISA>(
  _: I.Type, _ x: AttentionArguments, _ place: IntegerAttentionScratch, _ scratch: UnsafeMutablePointer<Float>,
  first: Int, rows: Int
) {
  let rowSums = scratch + place.rows + Int8Format<I>.tileRows
  var row = 0
  while row < rows {
    let inverse = I.splat(1 / rowSums[row])
    let out = x.output + (first + row) * x.outputStride
    var column = 0
    while column < x.headSize {
      let mean = I.load(scratch + place.outputs + row * place.valueColumns + column) * inverse
      let value = I.multiplyAdd(
        I.load(scratch + place.middles + column), mean, I.load(scratch + place.valueScales + column))
      storePart(BFloat16Format<I>.self, value, out, column, min(I.lanes, x.headSize - column))
      column += I.lanes
    }
    row += 1
  }
}
