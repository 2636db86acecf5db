import CLapackSupport

/// Solves (A + lambda I) x = b for symmetric positive definite A: factored in float32 by LAPACK, corrected in Double.
///
/// Iterative refinement (Wilkinson 1963; Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
/// 12.1): while the condition number stays below about 1 / (n u), each correction gains digits, and the limit is the
/// solution in Double.
package struct CholeskySolver {
  private let order: Int
  private let matrix: [Double]
  private let ridge: Double
  private let factor: [Float]

  /// - Parameter matrix: (order, order), symmetric.
  /// - Throws: `RidgeError.notPositiveDefinite`.
  /// - Complexity: O(order^3 / 3).
  package init(_ matrix: [Double], order: Int, ridge: Double) throws(RidgeError) {
    var factor = matrix.map { Float($0) }
    for index in 0..<order { factor[index * order + index] = Float(matrix[index * order + index] + ridge) }
    let info = mp_spotrf(Int32(order), &factor)
    if info > 0 { throw RidgeError.notPositiveDefinite(ridge: ridge, minor: Int(info)) }
    if info < 0 { throw RidgeError.lapack(routine: "spotrf", info: Int(info)) }
    self.order = order
    self.matrix = matrix
    self.ridge = ridge
    self.factor = factor
  }

  /// Solutions for `b`, (columns, order): a right-hand side a row; the result has the same shape.
  ///
  /// - Throws: `RidgeError.illConditioned` where corrections do not shrink at least by half until they are roundings.
  /// - Complexity: O(columns order^2) for each of a few corrections.
  package func solve(_ b: [Double], columns: Int) throws(RidgeError) -> [Double] {
    var x = [Double](repeating: 0, count: b.count)
    var residual = b
    var last = Double.infinity
    while true {
      // Scaled to 1, so that ever smaller residuals stay normal float32 numbers.
      let largest = residual.reduce(0) { max($0, abs($1)) }
      if largest == 0 { return x }
      var correction = residual.map { Float($0 / largest) }
      let info = mp_spotrs(Int32(order), Int32(columns), factor, &correction)
      if info != 0 { throw RidgeError.lapack(routine: "spotrs", info: Int(info)) }
      var (step, size) = (0.0, 0.0)
      for index in x.indices {
        let change = Double(correction[index]) * largest
        x[index] += change
        step = max(step, abs(change))
        size = max(size, abs(x[index]))
      }
      if step <= size * 0x1p-40 { return x }
      guard step.isFinite, step < last / 2 else { throw RidgeError.illConditioned(ridge: ridge) }
      last = step
      residual = remainder(b, x, columns)
    }
  }

  /// b - (A + lambda I) x.
  private func remainder(_ b: [Double], _ x: [Double], _ columns: Int) -> [Double] {
    var result = b
    result.withUnsafeMutableBufferPointer { result in
      matrix.withUnsafeBufferPointer { matrix in
        for column in 0..<columns {
          let start = column * order
          for row in 0..<order {
            let value = x[start + row]
            for index in 0..<order { result[start + index] -= value * matrix[row * order + index] }
            result[start + row] -= value * ridge
          }
        }
      }
    }
    return result
  }
}
