import MultimodalPathway
import PathwayLoops

/// What a run minimises: the mean over inputs, or over all points of the inputs, of a loss of the class head, forward
/// and backward.
package struct ClassObjective: Sendable {
  /// Whether every class is a question of its own.
  package let isMultiLabel: Bool
  private let targets: ClassTargets

  /// - Parameter task: not a regression.
  package init(_ task: VisionTransformerConfiguration.Task, _ targets: ClassTargets) {
    (isMultiLabel, self.targets) = (task == .multiLabel, targets)
  }

  /// The sum of a pass's losses; writes the gradients of the mean over the answers of a step.
  ///
  /// Softmax cross-entropy, or for several labels the mean over classes of binary cross-entropies (PyTorch's
  /// `BCEWithLogitsLoss`). Log-probabilities, which a head of parts answers with, are logits whose softmax they are.
  ///
  /// - Parameters:
  ///   - logits: (A, classes): an answer for each input, or for each point of each input.
  ///   - labels: the classes of each answer.
  ///   - share: of an input's own target, where inputs are mixed.
  ///   - answers: of a step.
  ///   - gradients: (A, classes).
  package func callAsFunction(
    logits: UnsafePointer<Float>, labels: [[Int]], share: Double, answers: Int,
    gradients: UnsafeMutablePointer<Float>
  ) -> Double {
    let targets = targets(labels, share: share)
    guard isMultiLabel else {
      return SoftmaxCrossEntropy.run(
        logits: logits, targets: targets, rows: labels.count, scale: 1 / Double(answers), gradients: gradients)
    }
    let classes = self.targets.classCount
    return SigmoidCrossEntropy.run(
      logits: logits, targets: targets, count: targets.count, scale: 1 / Double(answers * classes),
      gradients: gradients) / Double(classes)
  }
}
