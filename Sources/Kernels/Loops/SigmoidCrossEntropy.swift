import Foundation

/// Cross-entropy of sigmoids against targets from 0 to 1, each class a question of its own, forward and backward in one
/// pass over the logits:
///
///     L = sum_j max(z_j, 0) - z_j t_j + log(1 + exp(-|z_j|))
///     dL/dz_j = sigmoid(z_j) - t_j
///
/// In Double, where no exponential overflows: logits are few, as many as inputs times classes.
package enum SigmoidCrossEntropy {
  /// The sum of the losses of `count` logits; writes `scale` times their gradients.
  ///
  /// - Parameters:
  ///   - targets: (count), t.
  ///   - gradients: (count).
  package static func run(
    logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, count: Int, scale: Double,
    gradients: UnsafeMutablePointer<Float>
  ) -> Double {
    var loss = 0.0
    for index in 0..<count {
      let (z, t) = (Double(logits[index]), Double(targets[index]))
      let power = exp(-abs(z))
      loss += max(z, 0) - z * t + log1p(power)
      // sigmoid(z) is 1 / (1 + power) of a positive z, and what is missing from 1 of a negative one.
      let sigmoid = (z < 0 ? power : 1) / (1 + power)
      gradients[index] = Float(scale * (sigmoid - t))
    }
    return loss
  }
}
