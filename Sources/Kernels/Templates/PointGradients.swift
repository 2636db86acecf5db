// Gradients of what a point transformer does to rows: the maximum over the points of a group, and the mixing of rows.

/// The gradient of a maximum over rows of x, (rows, width): all of `gradient`, (width), goes to the first row that has
/// the maximum, as in PyTorch's `max` over a dimension; 0 to the others.
///
/// - Parameters:
///   - dx: (rows, width), rows `dxStride` floats apart; may be x if nothing is added to it.
///   - adds: whether dx += the gradient; otherwise dx is the gradient.
@inlinable @inline(__always)
public func maximumGradient<I: ISA>(
  _: I.Type, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, xStride: Int, dx: UnsafeMutablePointer<Float>,
  dxStride: Int, rows: Int, width: Int, adds: Bool
) {
  var column = 0
  while column < width {
    let valid = min(I.lanes, width - column)
    let d = I.bits(loadLanes(I.self, gradient + column, valid))
    var top = loadLanes(I.self, x + column, valid)
    var row = 1
    while row < rows {
      top = I.maximum(top, loadLanes(I.self, x + row * xStride + column, valid))
      row += 1
    }
    // Lanes whose maximum no row has had so far.
    var open = I.Bits(repeating: -1)
    row = 0
    while row < rows {
      let hit = open & notAboveZero(I.self, top - loadLanes(I.self, x + row * xStride + column, valid))
      open &= ~hit
      let line = dx + row * dxStride
      let part = I.vector(d & hit)
      storePart(
        Float32Format<I>.self, adds ? loadLanes(I.self, line + column, valid) + part : part, line, column, valid)
      row += 1
    }
    column += I.lanes
  }
}

/// The gradient of `mixRows`: of `count` rows that were mixed of 3 each, in their order,
/// `rows[indices[3 p + i]] += weights[3 p + i] dy[p]`.
///
/// - Parameters:
///   - dy: (count, width), rows `dyStride` floats apart.
///   - rows: (_, width), rows `stride` floats apart.
@inlinable @inline(__always)
public func scatterRows<I: ISA>(
  _: I.Type, dy: UnsafePointer<Float>, dyStride: Int, indices: UnsafePointer<Int32>, weights: UnsafePointer<Float>,
  count: Int, width: Int, into rows: UnsafeMutablePointer<Float>, stride: Int
) {
  var point = 0
  while point < count {
    var neighbour = 3 * point
    while neighbour < 3 * point + 3 {
      let row = rows + Int(indices[neighbour]) * stride
      let weight = I.splat(weights[neighbour])
      var column = 0
      while column < width {
        let valid = min(I.lanes, width - column)
        let d = loadLanes(I.self, dy + point * dyStride + column, valid)
        storePart(
          Float32Format<I>.self, I.multiplyAdd(loadLanes(I.self, row + column, valid), d, weight), row, column, valid)
        column += I.lanes
      }
      neighbour += 1
    }
    point += 1
  }
}
