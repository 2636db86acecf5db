/// A linear layer in Double, its auxiliaries as branches of their own: the reference of every execution.
package struct DoubleProduct: Sendable {
  package struct Branch: Sendable {
    let scale: Double
    /// Columns of W^T by fours: panel j holds k x 4 values.
    let panels: DoubleBuffer
    /// ||w_j||^2 of every output.
    let squaredNorms: [Double]

    /// - Parameter values: W, (n, k).
    package init(scale: Double, _ values: [Float], n: Int, k: Int) {
      let panels = DoubleBuffer(count: (n + 3) / 4 * 4 * k)
      var norms = [Double](repeating: 0, count: n)
      for row in 0..<n {
        let panel = panels.base + row / 4 * 4 * k + row % 4
        for index in 0..<k {
          let value = Double(values[row * k + index])
          panel[index * 4] = value
          norms[row] += value * value
        }
      }
      self.scale = scale
      self.panels = panels
      squaredNorms = norms
    }
  }

  package let n: Int
  package let k: Int
  private let branches: [Branch]
  private let bias: [Double]

  /// - Parameter bias: absent: zeros.
  package init(n: Int, k: Int, branches: [Branch], bias: [Float]?) {
    self.n = n
    self.k = k
    self.branches = branches
    self.bias = bias?.map(Double.init) ?? [Double](repeating: 0, count: n)
  }

  /// Panel `panel` of y (·, n) = x Ŵ^T + b for the contiguous rows `rows` of x (·, k); with `deviation` (·, n), also
  /// the deviation of float32's error there, of the worst of two-branch, folded and merged execution.
  ///
  /// A branch's roundings: every partial sum in the kernels' order, which is one chain in ascending k whatever their
  /// blocks, every product (where there is no fused multiply-add), every weight folded. A folded sum is the sum of the
  /// branches' partial sums, so the square of one is at most their number times the sum of squares of the others.
  package func run(
    panel: Int, rows: Range<Int>, x: UnsafePointer<Double>, y: UnsafeMutablePointer<Double>,
    deviation: UnsafeMutablePointer<Double>?
  ) {
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
      // The last row of an odd number is computed twice.
      let pair = (row, min(row + 1, rows.upperBound - 1))
      if let deviation {
        tile(x, pair, panel, y, deviation)
      } else {
        tile(x, pair, panel, y)
      }
    }
  }

  @inline(__always)
  private func store(_ value: SIMD4<Double>, row: Int, panel: Int, _ y: UnsafeMutablePointer<Double>) {
    for lane in 0..<min(4, n - panel * 4) { y[row * n + panel * 4 + lane] = value[lane] }
  }

  @inline(__always)
  private func biasLanes(_ panel: Int) -> SIMD4<Double> {
    var lanes = SIMD4<Double>.zero
    for lane in 0..<min(4, n - panel * 4) { lanes[lane] = bias[panel * 4 + lane] }
    return lanes
  }

  private func tile(_ x: UnsafePointer<Double>, _ rows: (Int, Int), _ panel: Int, _ y: UnsafeMutablePointer<Double>) {
    let (a0, a1) = (x + rows.0 * k, x + rows.1 * k)
    var y0 = biasLanes(panel)
    var y1 = y0
    for branch in branches {
      let w = UnsafeRawPointer(branch.panels.base + panel * 4 * k)
      var (s0, s1) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      for index in 0..<k {
        let b = w.loadUnaligned(fromByteOffset: index * 32, as: SIMD4<Double>.self)
        s0 += a0[index] * b
        s1 += a1[index] * b
      }
      y0 += branch.scale * s0
      y1 += branch.scale * s1
    }
    store(y0, row: rows.0, panel: panel, y)
    store(y1, row: rows.1, panel: panel, y)
  }

  private func tile(
    _ x: UnsafePointer<Double>, _ rows: (Int, Int), _ panel: Int, _ y: UnsafeMutablePointer<Double>,
    _ deviation: UnsafeMutablePointer<Double>
  ) {
    let (a0, a1) = (x + rows.0 * k, x + rows.1 * k)
    var y0 = biasLanes(panel)
    var y1 = y0
    var (q0, q1) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    var (top0, top1) = (0.0, 0.0)
    for index in 0..<k {
      top0 = max(top0, abs(a0[index]))
      top1 = max(top1, abs(a1[index]))
    }
    for branch in branches {
      let w = UnsafeRawPointer(branch.panels.base + panel * 4 * k)
      var (total0, total1) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      var (squares0, squares1) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      for index in 0..<k {
        let b = w.loadUnaligned(fromByteOffset: index * 32, as: SIMD4<Double>.self)
        total0 += a0[index] * b
        total1 += a1[index] * b
        squares0 += total0 * total0
        squares1 += total1 * total1
      }
      var norms = SIMD4<Double>.zero
      for lane in 0..<min(4, n - panel * 4) { norms[lane] = branch.squaredNorms[panel * 4 + lane] }
      let scale = branch.scale
      y0 += scale * total0
      y1 += scale * total1
      // Products and folded weights: sum (x_t w_t)^2 <= max x^2 ||w||^2, once each.
      q0 += scale * scale * (squares0 + 2 * top0 * top0 * norms)
      q1 += scale * scale * (squares1 + 2 * top1 * top1 * norms)
    }
    store(y0, row: rows.0, panel: panel, y)
    store(y1, row: rows.1, panel: panel, y)
    // Scaling a branch, adding it, adding the bias: at most two roundings of the size of y a branch.
    let count = Double(branches.count)
    let d0 = count * q0 + 2 * count * y0 * y0
    let d1 = count * q1 + 2 * count * y1 * y1
    store(unitRoundoff * d0.squareRoot(), row: rows.0, panel: panel, deviation)
    store(unitRoundoff * d1.squareRoot(), row: rows.1, panel: panel, deviation)
  }
}
