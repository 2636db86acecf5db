import Foundation
import PathwayTraining
import TestSupport
import Testing

@Suite struct ObjectiveTests {
  @Test func smoothedTargetsAreDistributions() {
    let targets = ClassTargets(classCount: 4, smoothing: 0.2)([2, 0])
    #expect(targets == [0.05, 0.05, 0.85, 0.05, 0.85, 0.05, 0.05, 0.05])
    #expect(ClassTargets(classCount: 3)([1]) == [0, 1, 0])
  }

  private func loss(_ logits: [Double], _ targets: [Float]) -> Double {
    zip(logits, targets).reduce(0) { $0 + Double($1.1) * (log(logits.reduce(0) { $0 + exp($1) }) - $1.0) }
  }

  @Test func lossIsTheDefinitions() {
    let (logits, targets) = ([0.5, -1, 2] as [Float], [0.1, 0.2, 0.7] as [Float])
    var gradients = [Float](repeating: .nan, count: 3)
    let found = SoftmaxCrossEntropy.run(
      logits: logits, targets: targets, rows: 1, scale: 1, gradients: &gradients)
    #expect(abs(found - loss(logits.map(Double.init), targets)) < 1e-14)
  }

  /// A central difference of four points has an error of h^4 times the fifth derivative, below 1e-12 here.
  @Test func gradientIsTheLosss() {
    var random = SeededGenerator(seed: 4)
    let (rows, classes, h) = (3, 5, 1e-3)
    let logits = random.floats(rows * classes, in: -3...3)
    let targets = ClassTargets(classCount: classes, smoothing: 0.1)([4, 0, 2])
    var gradients = [Float](repeating: .nan, count: rows * classes)
    _ = SoftmaxCrossEntropy.run(
      logits: logits, targets: targets, rows: rows, scale: 0.5, gradients: &gradients)
    for index in logits.indices {
      let range = index / classes * classes..<(index / classes + 1) * classes
      func value(_ shift: Double) -> Double {
        var own = logits[range].map(Double.init)
        own[index % classes] += shift
        return loss(own, Array(targets[range]))
      }
      let difference = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
      #expect(abs(Double(gradients[index]) - 0.5 * difference) < 1e-7)
    }
  }

  @Test func largeLogitsDoNotOverflow() {
    var gradients = [Float](repeating: .nan, count: 2)
    let found = SoftmaxCrossEntropy.run(
      logits: [3e38, -3e38], targets: [1, 0], rows: 1, scale: 1, gradients: &gradients)
    #expect(found == 0 && gradients == [0, 0])
  }

  @Test func logitsThatAreNotFiniteGiveALossThatIsNot() {
    var gradients = [Float](repeating: 0, count: 2)
    let found = SoftmaxCrossEntropy.run(
      logits: [.nan, 1], targets: [0, 1], rows: 1, scale: 1, gradients: &gradients)
    #expect(!found.isFinite)
  }
}
