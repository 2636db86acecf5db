import MultimodalPathway
import PathwayLoops

/// What a run minimises: the mean over inputs of a loss of the class head, forward and backward.
package struct ClassObjective: Sendable {
  /// Whether every class is a question of its own.
  package let isMultiLabel: Bool
  private let targets: ClassTargets

  /// - Parameter task: not a regression.
  package init(_ task: VisionTransformerConfiguration.Task, _ targets: ClassTargets) {
    (isMultiLabel, self.targets) = (task == .multiLabel, targets)
  }

  /// The sum of a pass's losses; writes the gradients of the mean over `inputs`.
  ///
  /// Softmax cross-entropy, or for several labels the mean over classes of binary cross-entropies (PyTorch's
  /// `BCEWithLogitsLoss`).
  ///
  /// - Parameters:
  ///   - logits: (B, classes).
  ///   - labels: the classes of each input.
  ///   - share: of an input's own target, where inputs are mixed.
  ///   - inputs: of a step.
  ///   - gradients: (B, classes).
  package func callAsFunction(
    logits: UnsafePointer<Float>, labels: [[Int]], share: Double, inputs: Int,
    gradients: UnsafeMutablePointer<Float>
  ) -> Double {
    let targets = targets(labels, share: share)
    guard isMultiLabel else {
      return SoftmaxCrossEntropy.run(
        logits: logits, targets: targets, rows: labels.count, scale: 1 / Double(inputs), gradients: gradients)
    }
    let classes = self.targets.classCount
    return SigmoidCrossEntropy.run(
      logits: logits, targets: targets, count: targets.count, scale: 1 / Double(inputs * classes),
      gradients: gradients) / Double(classes)
  }
}
