import Foundation
import MultimodalPathway
import PathwayTraining
import TestSupport
import Testing

@Suite struct ClassObjectiveTests {
  private let logits: [Float] = [0.5, -1, 2, 3, 0, -2]

  private func run(
    _ task: VisionTransformerConfiguration.Task, _ labels: [[Int]], share: Double = 1
  ) -> (loss: Double, gradients: [Float]) {
    var gradients = [Float](repeating: .nan, count: 6)
    let objective = ClassObjective(task, ClassTargets(classCount: 3, smoothing: 0.1))
    let loss = objective(logits: logits, labels: labels, share: share, answers: 4, gradients: &gradients)
    return (loss, gradients)
  }

  @Test func oneLabelIsTheSoftmaxCrossEntropyOfItsDistribution() {
    var gradients = [Float](repeating: .nan, count: 6)
    let loss = SoftmaxCrossEntropy.run(
      logits: logits, targets: ClassTargets(classCount: 3, smoothing: 0.1)([2, 0], share: 0.75), rows: 2, scale: 0.25,
      gradients: &gradients)
    let found = run(.singleLabel, [[2], [0]], share: 0.75)
    #expect(found.loss == loss && found.gradients == gradients)
  }

  /// The mean over classes, as PyTorch's `BCEWithLogitsLoss` has it.
  @Test func severalLabelsAreQuestionsOfTheirOwn() {
    let found = run(.multiLabel, [[0, 2], [1]])
    let targets = [1, 0, 1, 0, 1, 0].map { 0.9 * $0 + 0.1 / 3 }
    var loss = 0.0
    for (index, (logit, target)) in zip(logits, targets).enumerated() {
      let sigmoid = 1 / (1 + exp(-Double(logit)))
      loss -= (target * log(sigmoid) + (1 - target) * log(1 - sigmoid)) / 3
      #expect(abs(Double(found.gradients[index]) - (sigmoid - target) / 12) < 1e-8)
    }
    // Targets are rounded to float32.
    #expect(abs(found.loss - loss) < 1e-6)
  }

  /// Log-probabilities of float32, z (1 + d) with |d| <= u, have exponentials whose sum is 1 within u sum(p |z|);
  /// targets are rounded by u as well. Sums in Double add less than 2^-40.
  @Test func theLossOfLogProbabilitiesIsTheirNegativeMean() {
    var random = SeededGenerator(seed: 12)
    let (points, classes, smoothing) = (64, 5, 0.1)
    var (logits, labels): ([Float], [[Int]]) = ([], [])
    var (loss, bound) = (0.0, 0x1p-40)
    var slopes: [(value: Double, bound: Double)] = []
    for _ in 0..<points {
      let row = random.floats(classes, in: -4...4).map(Double.init)
      let total = log(row.reduce(0) { $0 + exp($1) })
      let label = Int.random(in: 0..<classes, using: &random)
      labels.append([label])
      let spread = row.reduce(0) { $0 + exp($1 - total) * abs($1 - total) }
      for (index, value) in row.enumerated() {
        let z = value - total
        let target = (index == label ? 1 - smoothing : 0) + smoothing / Double(classes)
        logits.append(Float(z))
        loss -= target * z
        bound += unitRoundoff * target * (2 * abs(z) + spread) * 1.01
        // exp(z) / sum moves by the errors of z and of the sum, the target by its own, the result by one rounding.
        let scale = 1 / Double(2 * points)
        let error = exp(z) * (abs(z) + spread + 1) + 2 * target + abs(exp(z) - target)
        slopes.append((scale * (exp(z) - target), scale * unitRoundoff * error * 1.01))
      }
    }
    var gradients = [Float](repeating: .nan, count: points * classes)
    let objective = ClassObjective(.singleLabel, ClassTargets(classCount: classes, smoothing: smoothing))
    // A step of two such passes.
    let found = objective(logits: logits, labels: labels, share: 1, answers: 2 * points, gradients: &gradients)
    var worst = WorstError()
    worst.note(found, loss, bound: bound, at: [])
    for (index, slope) in slopes.enumerated() {
      worst.note(gradients[index], slope.value, bound: slope.bound, at: [index])
    }
    #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(worst)")
  }

  @Test func mixedInputsHaveTheLabelsOfBoth() {
    let targets = ClassTargets(classCount: 4)([[0, 1], [1, 3]], share: 0.75)
    #expect(targets == [0.75, 1, 0, 0.25, 0.25, 1, 0, 0.75])
  }
}
