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
    let loss = objective(logits: logits, labels: labels, share: share, inputs: 4, gradients: &gradients)
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

  @Test func mixedInputsHaveTheLabelsOfBoth() {
    let targets = ClassTargets(classCount: 4)([[0, 1], [1, 3]], share: 0.75)
    #expect(targets == [0.75, 1, 0, 0.25, 0.25, 1, 0, 0.75])
  }
}
