import Foundation

// How float32 roundings are counted.
//
// A layer on a given input is small enough for a worst case: `gamma(n)` bounds n roundings whatever their signs. A
// whole model is not: worst cases multiply through every layer and say nothing after three. There, roundings are taken
// as independent with mean zero, each at most u times its result (Higham and Mary 2019, SIAM J. Sci. Comput. 41(5),
// A2815: "probabilistic rounding error analysis"). The error of a result is then a sum of bounded independent terms,
// and Hoeffding's inequality bounds it:
// |error| <= sqrt(2 ln(2 / p)) * sqrt(sum of squares), but for a probability p.

/// Unit roundoff of float32.
let unitRoundoff = 0x1p-24

/// Higham's gamma_n = n u / (1 - n u) (Accuracy and Stability of Numerical Algorithms, 3.1).
func worstCase(roundings n: Int) -> Double {
  Double(n) * unitRoundoff / (1 - Double(n) * unitRoundoff)
}

/// Deviations that none of `elements` results exceeds, but for a probability of one in a million.
package func deviations(elements: Int) -> Double {
  (2 * log(2e6 * Double(max(1, elements)))).squareRoot()
}

/// Signs for probes: a hash of seed, step, copy and element, so that no order of work changes them.
struct ProbeSigns {
  let seed: UInt64

  @inline(__always)
  func callAsFunction(step: Int, copy: Int, _ index: Int) -> Double {
    var z = seed &+ UInt64(truncatingIfNeeded: step) << 48 &+ UInt64(truncatingIfNeeded: copy) << 40
    z = (z &+ UInt64(truncatingIfNeeded: index)) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z >> 63 == 0 ? 1 : -1
  }
}
