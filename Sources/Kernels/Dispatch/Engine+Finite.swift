import PathwayLoops
import Synchronization

extension Engine {
  /// Whether all of `count` numbers are finite, by all threads.
  package func allFinite(_ numbers: UnsafePointer<Float>, count: Int) throws -> Bool {
    let piece = 1 << 16
    let isFinite = Atomic(true)
    try run { member in
      member.parallelFor((count + piece - 1) / piece) { index in
        let start = index * piece
        if !FiniteScan.allFinite(numbers + start, count: min(piece, count - start)) {
          isFinite.store(false, ordering: .relaxed)
        }
      }
    }
    return isFinite.load(ordering: .relaxed)
  }
}

/// A weight holds NaN or infinity, or is infinite once its pathways are folded in. Callers add the layer's name.
package struct WeightNotFinite: CodedError {
  package init() {}

  package var code: String { "engine.weight-not-finite" }

  package var description: String { "a weight holds NaN or infinity; expected finite numbers" }
}
