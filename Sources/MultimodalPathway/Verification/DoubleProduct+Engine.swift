import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

extension DoubleProduct {
  /// A layer's weight and bias, and the auxiliaries joined to it.
  init(_ weight: Tensor, terms: [PathwayWeights.Term], bias: [Float]?) throws {
    let n = weight.shape[0]
    let k = weight.count / max(1, n)
    func branch(_ scale: Double, _ tensor: Tensor) throws -> Branch {
      Branch(scale: scale, try tensor.float32(), n: n, k: k)
    }
    self.init(
      n: n, k: k, branches: try [branch(1, weight)] + terms.map { try branch(Double($0.scale), $0.weight) }, bias: bias)
  }

  /// y (rows, n) = x Ŵ^T + b for contiguous rows x (rows, k), by all threads; with `deviation` (rows, n), also the
  /// deviation of float32's error there.
  func run(
    _ engine: Engine, x: UnsafePointer<Double>, rows: Int, y: UnsafeMutablePointer<Double>,
    deviation: UnsafeMutablePointer<Double>? = nil
  ) throws {
    let panels = (n + 3) / 4
    // Even: only the last row of all can be alone.
    let rowPiece = 64
    let rowPieces = (rows + rowPiece - 1) / rowPiece
    try engine.run { member in
      member.parallelFor(panels * rowPieces) { item in
        let first = item / panels * rowPiece
        run(panel: item % panels, rows: first..<min(rows, first + rowPiece), x: x, y: y, deviation: deviation)
      }
    }
  }
}
