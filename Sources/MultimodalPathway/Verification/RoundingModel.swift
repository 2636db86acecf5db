import Foundation
import PathwayLoops

// How float32 roundings are counted.
//
// A layer on a given input is small enough for a worst case: `gamma(n)` bounds n roundings whatever their signs. A
// whole model is not: worst cases multiply through every layer and say nothing after three. There, roundings are taken
// as independent with mean zero, each at most u times its result (Higham and Mary 2019, SIAM J. Sci. Comput. 41(5),
// A2815: "probabilistic rounding error analysis"). The error of a result is then a sum of bounded independent terms,
// and Hoeffding's inequality bounds it:
// |error| <= sqrt(2 ln(2 / p)) * sqrt(sum of squares), but for a probability p.

/// Higham's gamma_n = n u / (1 - n u) (Accuracy and Stability of Numerical Algorithms, 3.1).
func worstCase(roundings n: Int) -> Double {
  Double(n) * unitRoundoff / (1 - Double(n) * unitRoundoff)
}

/// Deviations that none of `elements` results exceeds, but for a probability of one in a million.
package func deviations(elements: Int) -> Double {
  (2 * log(2e6 * Double(max(1, elements)))).squareRoot()
}
