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
  /// Of int8: s by column, NR a panel, and the sum of a column's q.
  public var scales: UnsafeMutablePointer<Float>?
  public var sums: UnsafeMutablePointer<Float>?

  @inlinable @inline(__always)
  public init(words: UnsafeMutableRawPointer) { self.words = words }
}

/// Packs the panels `panels` of W (n, k), whose rows are contiguous.
///
/// - Parameter scratch: 2 x lanes x lanes words of this thread.
/// - Complexity: every weight is read once (twice as int8); writes are whole vectors.
@inlinable @inline(__always)
public func pack<F: TileFormat>(
  _: F.Type, weight: UnsafePointer<Float>, n: Int, k: Int, terms: UnsafePointer<FoldTerm>, termCount: Int,
  panels: Span1D, into destination: PackedPanels, scratch: UnsafeMutableRawPointer
) {
  let (width, lanes) = (F.I.panelColumns, F.I.lanes)
  let words = (k + F.perWord - 1) / F.perWord
  let transposed = scratch + lanes * lanes * 4
  var panel = panels.start
  while panel < panels.end {
    let place = panel - panels.start
    var half = 0
    while half < 2 {
      let column = half * lanes
      let first = panel * width + column
      let rows = max(0, min(lanes, n - first))
      let target = destination.words + (place * width * words + column) * 4
      if let scales = destination.scales {
        rowScales(
          F.I.self, weight, first: first, rows: rows, k: k, terms, termCount, into: scales + place * width + column)
      }
      var sums = F.I.Bits(repeating: 0)
      var word = 0
      while word < words {
        var row = 0
        while row < lanes {
          let line = scratch + row * lanes * 4
          if row < rows {
            var inverse: Float = 1
            if let scales = destination.scales { inverse = reciprocal(scales[place * width + column + row]) }
            foldWords(F.self, weight, (first + row) * k, word * F.perWord, k, terms, termCount, inverse, into: line)
          } else {
            line.storeBytes(of: F.I.Bits(repeating: 0), as: F.I.Bits.self)
          }
          row += 1
        }
        if words - word >= lanes {
          F.I.transpose(scratch, target + word * width * 4, width)
        } else {
          F.I.transpose(scratch, transposed, lanes)
          for index in 0..<words - word {
            (target + (word + index) * width * 4).storeBytes(
              of: transposed.loadUnaligned(fromByteOffset: index * lanes * 4, as: F.I.Bits.self), as: F.I.Bits.self)
          }
        }
        word += lanes
      }
      if let columnSums = destination.sums {
        let ones = F.I.Bits(repeating: F.perWord == 4 ? 0x0101_0101 : 0x0001_0001)
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

/// As many words as lanes of one folded row of W, which begins at `row`, from element `start` on; zeros beyond `k`.
///
/// - Parameter inverse: what elements are multiplied with before they are stored.
@inlinable @inline(__always)
func foldWords<F: TileFormat>(
  _: F.Type, _ weight: UnsafePointer<Float>, _ row: Int, _ start: Int, _ k: Int, _ terms: UnsafePointer<FoldTerm>,
  _ termCount: Int, _ inverse: Float, into line: UnsafeMutableRawPointer
) {
  var part = 0
  while part < F.perWord {
    let element = start + part * F.I.lanes
    var value = F.I.splat(0)
    if element + F.I.lanes <= k {
      value = folded(F.I.self, weight, row + element, terms, termCount)
    } else {
      for lane in 0..<F.I.lanes where element + lane < k {
        value[lane] = foldedScalar(weight, row + element + lane, terms, termCount)
      }
    }
    F.store(F.perWord == 1 ? value : value * F.I.splat(inverse), line, part * F.I.lanes)
    part += 1
  }
}

/// Scales of `rows` folded rows of W, and zeros up to as many as lanes.
@inlinable @inline(__always)
func rowScales<I: ISA>(
  _: I.Type, _ weight: UnsafePointer<Float>, first: Int, rows: Int, k: Int, _ terms: UnsafePointer<FoldTerm>,
  _ termCount: Int, into scales: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row < I.lanes {
    var top: Float = 0
    if row < rows {
      let start = (first + row) * k
      var tops = I.splat(0)
      var element = 0
      while element + I.lanes <= k {
        tops = I.maximum(I.magnitude(folded(I.self, weight, start + element, terms, termCount)), tops)
        element += I.lanes
      }
      top = I.largest(tops)
      while element < k {
        let size = foldedScalar(weight, start + element, terms, termCount).magnitude
        if size > top { top = size }
        element += 1
      }
    }
    scales[row] = top / 127
    row += 1
  }
}

/// 1 / scale; 0 where there is next to nothing to scale, and the quotient would be infinite.
@inlinable @inline(__always)
func reciprocal(_ scale: Float) -> Float { scale >= 0x1p-126 ? 1 / scale : 0 }

/// `destination = W + sum_m lambda_m W'_m` for `count` contiguous elements.
@inlinable @inline(__always)
public func fold<I: ISA>(
  _: I.Type, weight: UnsafePointer<Float>, terms: UnsafePointer<FoldTerm>, termCount: Int, count: Int,
  into destination: UnsafeMutablePointer<Float>
) {
  var index = 0
  while index + I.lanes <= count {
    I.store(folded(I.self, weight, index, terms, termCount), destination + index)
    index += I.lanes
  }
  while index < count {
    destination[index] = foldedScalar(weight, index, terms, termCount)
    index += 1
  }
}

@inlinable @inline(__always)
func folded<I: ISA>(
  _: I.Type, _ weight: UnsafePointer<Float>, _ index: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int
) -> I.Vector {
  var value = I.load(weight + index)
  var m = 0
  while m < termCount {
    value = I.fold(value, terms[m].scale, I.load(terms[m].weight + index))
    m += 1
  }
  return value
}

@inlinable @inline(__always)
func foldedScalar(
  _ weight: UnsafePointer<Float>, _ index: Int, _ terms: UnsafePointer<FoldTerm>, _ termCount: Int
) -> Float {
  var value = unalignedFloat(weight + index)
  var m = 0
  while m < termCount {
    value = value.addingProduct(terms[m].scale, unalignedFloat(terms[m].weight + index))
    m += 1
  }
  return value
}

/// A float at any address: checkpoints do not promise alignment.
@inlinable @inline(__always)
func unalignedFloat(_ pointer: UnsafePointer<Float>) -> Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: Float.self)
}
