// Weights to panels, with pathways folded in on the way: W + sum_m lambda_m W'_m (METHOD.md's cross-modal
// re-parameterization; Zhang et al., CVPR 2024, equation of section 3.3).
//
//     W (N, K) as checkpoints store it (out, in)
//       ->  panel p: (words of K, NR), word (k, c) = elements k perWord ... of row p NR + c of W, 0 beyond N and K
//
// Each weight goes through `fma(lambda_m, W'_m, .)` in order of m, one rounding per term, which is also what merging
// does; rounding to bfloat16 or int8 comes after. A folded model and its merged checkpoint have the same bits.
//
// int8: one scale for a row of W, symmetric: q = round(w / s), s = max |w| / 127.

/// One auxiliary's share: `scale` times a matrix of the same shape and row stride as W.
@frozen
public struct FoldTerm {
  public var scale: Float
  public var weight: UnsafePointer<Float>

  @inlinable @inline(__always)
  public init(scale: Float, weight: UnsafePointer<Float>) {
    self.scale = scale
    self.weight = weight
  }
}

/// Where `pack` leaves panels, the first of those asked for at the start.
@frozen
public struct PackedPanels {
  /// Words, (K, NR) a panel.
  public var words: UnsafeMutableRawPointer
  /// Of int8: s by column, NR a panel.
  public var scales: UnsafeMutablePointer<Float>?
  /// Of int8: the sum of a column's q, NR a panel.
  public var sums: UnsafeMutablePointer<Float>?

  @inlinable @inline(__always)
  public init(words: UnsafeMutableRawPointer) { self.words = words }
}

/// Words of scratch for `pack`: as many rows as lanes, one row of floats, and a block of lanes x lanes words.
@inlinable @inline(__always)
public func packScratchCount(k: Int, lanes: Int) -> Int {
  (lanes + 1) * packRowStride(k) + lanes * lanes
}

/// Words from one row to the next of those that are packed together: an odd number of cache lines, or they would share
/// L1 sets; room for whole vectors of words, and for a row of floats.
@inlinable @inline(__always)
func packRowStride(_ k: Int) -> Int { ((k + 79) / 16 | 1) * 16 }

/// Packs the panels `panels` of W (n, k), whose rows are contiguous: as many rows as lanes are folded, one behind the
/// other, and rounded, then turned into columns.
///
/// - Parameter scratch: `packScratchCount` words of this thread.
/// - Complexity: every weight is read once, in the order of memory; writes are whole vectors.
@inlinable @inline(__always)
public func pack<F: TileFormat>(
  _: F.Type, weight: UnsafePointer<Float>, n: Int, k: Int, terms: UnsafePointer<FoldTerm>, termCount: Int,
  panels: Span1D, into destination: PackedPanels, scratch: UnsafeMutableRawPointer
) {
  let (width, lanes) = (F.I.panelColumns, F.I.lanes)
  let words = (k + F.perWord - 1) / F.perWord
  let stride = packRowStride(k)
  let floats = (scratch + lanes * stride * 4).assumingMemoryBound(to: Float.self)
  let turned = scratch + (lanes + 1) * stride * 4
  var panel = panels.start
  while panel < panels.end {
    let place = panel - panels.start
    var half = 0
    while half < 2 {
      let column = half * lanes
      let first = panel * width + column
      let target = destination.words + (place * width * words + column) * 4
      var row = 0
      while row < lanes {
        let line = scratch + row * stride * 4
        // Rows beyond W are zeros, to whole vectors of words.
        let start = min(first + row, n - 1) * k
        let scale = foldRow(
          F.self, weight, start, k: first + row < n ? k : 0, terms, termCount, words: words, floats, into: line)
        if let scales = destination.scales { scales[place * width + column + row] = scale }
        row += 1
      }
      var word = 0
      while words - word >= lanes {
        F.I.transpose(scratch + word * 4, stride, target + word * width * 4, width)
        word += lanes
      }
      if word < words {
        F.I.transpose(scratch + word * 4, stride, turned, lanes)
        for index in 0..<words - word {
          (target + (word + index) * width * 4).storeBytes(
            of: turned.loadUnaligned(fromByteOffset: index * lanes * 4, as: F.I.Bits.self), as: F.I.Bits.self)
        }
      }
      if let columnSums = destination.sums {
        let ones = F.I.Bits(repeating: F.perWord == 4 ? 0x0101_0101 : 0x0001_0001)
        var sums = F.I.Bits(repeating: 0)
        for index in 0..<words {
          let column = target.loadUnaligned(fromByteOffset: index * width * 4, as: F.I.Bits.self)
          sums = F.I.dotInt8(sums, ones, column)
        }
        // Exact: a sum of at most 2^16 numbers up to 127.
        F.I.store(F.I.float(sums), columnSums + place * width + column)
      }
      half += 1
    }
    panel += 1
  }
}

/// One row of W, which begins at element `start` of it and of every term, folded, rounded, in `words` words and zeros
/// up to whole vectors of them.
///
/// - Parameter floats: `packRowStride` of this thread.
/// - Returns: of int8, what the row was divided by.
@inlinable @inline(__always)
func foldRow<F: TileFormat>(
  _: F.Type, _ weight: UnsafePointer<Float>, _ start: Int, k: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int,
  words: Int, _ floats: UnsafeMutablePointer<Float>, into line: UnsafeMutableRawPointer
) -> Float {
  typealias I = F.I
  let result = F.perWord == 1 ? line.assumingMemoryBound(to: Float.self) : floats
  let end = (words + I.lanes - 1) / I.lanes * I.lanes * F.perWord
  fold(I.self, weight: weight, terms: terms, termCount: termCount, start: start, count: k, into: result)
  for index in k..<end { result[index] = 0 }
  if F.perWord == 1 { return 1 }
  var (scale, inverse): (Float, Float) = (1, 1)
  if F.isInteger {
    var maxima = I.splat(0)
    var index = 0
    while index < end {
      maxima = I.maximum(I.abs(I.load(floats + index)), maxima)
      index += I.lanes
    }
    scale = I.reduceMax(maxima) / 127
    inverse = reciprocal(scale)
  }
  var index = 0
  while index < end {
    F.store(I.load(floats + index) * I.splat(inverse), line, index)
    index += I.lanes
  }
  return scale
}

/// 1 / scale; 0 where there is next to nothing to scale, and the quotient would be infinite.
@inlinable @inline(__always)
func reciprocal(_ scale: Float) -> Float { scale >= 0x1p-126 ? 1 / scale : 0 }

/// `destination = W + sum_m lambda_m W'_m` for `count` contiguous elements of each from element `start` on.
@inlinable @inline(__always)
public func fold<I: ISA>(
  _: I.Type, weight: UnsafePointer<Float>, terms: UnsafePointer<FoldTerm>, termCount: Int, start: Int = 0, count: Int,
  into destination: UnsafeMutablePointer<Float>
) {
  var index = 0
  while index + I.lanes <= count {
    var value = I.load(weight + start + index)
    var m = 0
    while m < termCount {
      value = I.fusedMultiplyAdd(value, terms[m].scale, I.load(terms[m].weight + start + index))
      m += 1
    }
    I.store(value, destination + index)
    index += I.lanes
  }
  while index < count {
    var value = unalignedFloat(weight + start + index)
    var m = 0
    while m < termCount {
      value = value.addingProduct(terms[m].scale, unalignedFloat(terms[m].weight + start + index))
      m += 1
    }
    destination[index] = value
    index += 1
  }
}

/// A float at any address: checkpoints do not promise alignment.
@inlinable @inline(__always)
func unalignedFloat(_ pointer: UnsafePointer<Float>) -> Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: Float.self)
}
