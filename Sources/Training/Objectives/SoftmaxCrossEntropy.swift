import Foundation

/// Cross-entropy of softmax against distributions over classes, forward and backward in one pass over the logits:
///
///     L = sum_j t_j (log(sum_k exp(z_k - max)) - (z_j - max))
///     dL/dz_j = softmax(z)_j sum_k t_k - t_j
///
/// In Double, of few numbers: as many as inputs times classes.
package enum SoftmaxCrossEntropy {
  /// The sum of the inputs' losses; writes `scale` times their gradients.
  ///
  /// - Parameters:
  ///   - logits: (rows, classes).
  ///   - targets: (rows, classes), t.
  ///   - gradients: (rows, classes).
  package static func run(
    logits: UnsafePointer<Float>, targets: [Float], rows: Int, scale: Double,
    gradients: UnsafeMutablePointer<Float>
  ) -> Double {
    let classes = targets.count / max(1, rows)
    var loss = 0.0
    for row in 0..<rows {
      let z = UnsafeBufferPointer(start: logits + row * classes, count: classes)
      let largest = Double(z.max() ?? 0)
      let sum = z.reduce(0.0) { $0 + exp(Double($1) - largest) }
      let total = (0..<classes).reduce(0.0) { $0 + Double(targets[row * classes + $1]) }
      for column in 0..<classes {
        let target = Double(targets[row * classes + column])
        // A target of 0 adds nothing, also where a logit is -infinity.
        if target != 0 { loss += target * (log(sum) - (Double(z[column]) - largest)) }
        gradients[row * classes + column] = Float(scale * (exp(Double(z[column]) - largest) / sum * total - target))
      }
    }
    return loss
  }
}
