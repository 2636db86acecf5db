import Foundation
import PathwayLoops
import TestSupport
import Testing

@Suite struct SigmoidCrossEntropyTests {
  private static let targets: [Float] = [0, 1, 0.25, 0.9, 0, 1]
  private static let logits: [Float] = [-3, -0.5, 0, 0.75, 2, 6]

  private static func run(_ logits: [Float], _ targets: [Float], scale: Double) -> (loss: Double, gradients: [Float]) {
    var gradients = [Float](repeating: .nan, count: logits.count)
    let loss = SigmoidCrossEntropy.run(
      logits: logits, targets: targets, count: logits.count, scale: scale, gradients: &gradients)
    return (loss, gradients)
  }

  /// -sum t log sigmoid(z) + (1 - t) log(1 - sigmoid(z)), and its differences.
  @Test func lossAndGradientsFollowTheDefinition() {
    func loss(_ z: [Double]) -> Double {
      zip(z, Self.targets).reduce(0) { sum, pair in
        let (p, t) = (1 / (1 + exp(-pair.0)), Double(pair.1))
        return sum - t * log(p) - (1 - t) * log(1 - p)
      }
    }
    let z = Self.logits.map(Double.init)
    let found = Self.run(Self.logits, Self.targets, scale: 0.5)
    #expect(abs(found.loss - loss(z)) < 1e-12)
    for (gradient, slope) in zip(found.gradients, differences(z, loss)) {
      #expect(abs(Double(gradient) - 0.5 * slope) < 1e-9 + 0x1p-24)
    }
  }

  @Test func largeLogitsOverflowNowhere() {
    let found = Self.run([1e30, -1e30, 1e30, -1e30], [1, 0, 0, 1], scale: 1)
    #expect(found.loss == 2 * Double(Float(1e30)))
    #expect(found.gradients == [0, 0, 1, -1])
  }
}
