// Weights to panels, with pathways folded in on the way: W + sum_m lambda_m W'_m (METHOD.md's cross-modal
// re-parameterization; Zhang et al., CVPR 2024, equation of section 3.3).
//
//     W (N, K) as checkpoints store it (out, in)
//       ->  panel p: (K, NR), element (k, c) = W[p NR + c][k], 0 where p NR + c >= N
//
// Each weight goes through `fma(lambda_m, W'_m, .)` in order of m, one rounding per term, which is also what merging
// does: a folded model and its merged checkpoint have the same bits.

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

/// Packs the panels `panels` of W (n, k), whose rows are contiguous, into `destination` (the first panel at its start).
@inlinable @inline(__always)
public func pack<I: ISA>(
  _: I.Type, weight: UnsafePointer<Float>, n: Int, k: Int, terms: UnsafePointer<FoldTerm>, termCount: Int,
  panels: Span1D, into destination: UnsafeMutablePointer<Float>
) {
  let width = I.panelColumns
  var panel = panels.start
  while panel < panels.end {
    let target = destination + (panel - panels.start) * width * k
    var column = 0
    while column < width {
      let row = panel * width + column
      let out = target + column
      var step = 0
      if row < n {
        let offset = row * k
        while step + I.lanes <= k {
          let value = folded(I.self, weight, offset + step, terms, termCount)
          for lane in 0..<I.lanes { out[(step + lane) * width] = value[lane] }
          step += I.lanes
        }
        while step < k {
          out[step * width] = foldedScalar(weight, offset + step, terms, termCount)
          step += 1
        }
      } else {
        while step < k {
          out[step * width] = 0
          step += 1
        }
      }
      column += 1
    }
    panel += 1
  }
}

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
