import Foundation
import MultimodalPathway
import PathwayTraining

/// What a run is going to do, and what came of it, for people and for scripts.
struct TrainReport {
  /// A run before it starts.
  struct Plan: Encodable {
    struct Row: Encodable {
      var name: String
      var shape: [Int]
      var trains: Bool
      var decays: Bool
      /// Factor of the recipe's learning rate.
      var rate: Double
    }
    var parameters: [Row]
    var trained: Int
    var total: Int
    var steps: Int
    var memory_bytes: [String: Int]
  }

  /// A run that is finished.
  struct Result: Encodable {
    var steps: Int
    /// Of the last epoch.
    var loss: Double?
    var accuracy: Double?
    /// Of the model that was written.
    var best_accuracy: Double?
    /// Of a model for several labels, in place of accuracies.
    var mean_average_precision: Double?
    var best_mean_average_precision: Double?
    /// Of a model that answers for every point, in place of accuracies.
    var instance_miou: Double?
    var best_instance_miou: Double?
    var output: String
    /// Files that were left out.
    var skipped: Int

    var lines: [String] {
      var text = "\(steps) steps"
      guard let loss else { return [text + " were done before", "the model is \(output)/model"] }
      text += String(format: ", loss %.5f", loss)
      if let accuracy { text += String(format: ", accuracy %.2f %%", 100 * accuracy) }
      if let mean_average_precision { text += String(format: ", mAP %.2f %%", 100 * mean_average_precision) }
      if let instance_miou { text += String(format: ", instance mIoU %.2f %%", 100 * instance_miou) }
      if let best = best_accuracy ?? best_mean_average_precision ?? best_instance_miou {
        text += String(format: " (best %.2f %%)", 100 * best)
      }
      if skipped > 0 { text += ", \(skipped) file\(skipped == 1 ? "" : "s") left out" }
      return [text, "wrote \(output)/model"]
    }
  }

  let plan: Plan
  let planLines: [String]
  private let steps: Int
  private let isMultiLabel: Bool
  private let answersForPoints: Bool
  private var loss: Double?
  private var last: Double?
  private var best: Double?
  private var skipped = 0

  init(_ trainer: Trainer, _ recipe: Recipe) {
    (steps, isMultiLabel, answersForPoints) = (
      trainer.steps, trainer.task == .multiLabel, trainer.answersForPoints
    )
    let counts = trainer.table.parameterCounts
    let memory = trainer.memory.filter { $0.bytes > 0 }
    plan = Plan(
      parameters: trainer.table.spans.map { span in
        Plan.Row(
          name: span.name, shape: span.shape, trains: span.trains, decays: span.decays && span.trains,
          rate: span.trains ? trainer.table.rate(of: span, recipe) : 0)
      }, trained: counts.trained, total: counts.all, steps: trainer.steps,
      memory_bytes: Dictionary(memory.map { ($0.part, $0.bytes) }) { $0 + $1 })
    let parts = memory + [("total", memory.reduce(0) { $0 + $1.bytes })]
    let width = parts.map(\.part.count).max() ?? 0
    planLines =
      trainer.table.lines(recipe) + [
        "\(counts.trained) of \(counts.all) parameters are trained, in \(trainer.steps) steps "
          + "(\(trainer.stepsPerEpoch) an epoch)"
      ] + parts.map { $0.padded(to: width) + String(format: " %10.1f MB", Double($1) * 1e-6) }
  }

  /// What models are compared by, in words.
  var measure: String { answersForPoints ? "instance mIoU" : isMultiLabel ? "mAP" : "accuracy" }

  mutating func note(_ event: Trainer.Event) {
    switch event {
    case .step: break
    case .skipped: skipped += 1
    case .epoch(_, let loss, let evaluation):
      self.loss = loss
      last = evaluation?.measure
      best = [best, last].compactMap { $0 }.max()
    }
  }

  func result(_ output: String) -> Result {
    var result = Result(steps: steps, loss: loss, output: output, skipped: skipped)
    if answersForPoints {
      (result.instance_miou, result.best_instance_miou) = (last, best)
    } else if isMultiLabel {
      (result.mean_average_precision, result.best_mean_average_precision) = (last, best)
    } else {
      (result.accuracy, result.best_accuracy) = (last, best)
    }
    return result
  }
}
