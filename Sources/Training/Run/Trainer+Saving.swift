import Foundation
import MultimodalPathway
import PathwayData
import PathwayKernels

extension Trainer {
  /// Takes over the state of a directory's checkpoint.
  ///
  /// - Throws: `TrainingError.otherRecipe`, `.otherData`, `.badCheckpoint`.
  func resume(_ directory: RunDirectory) throws {
    let found = try RunCheckpoint(contentsOf: directory.checkpoint)
    let differences = recipe.differences(from: found.recipe)
    guard differences.isEmpty else {
      throw TrainingError.otherRecipe(
        differences: differences.map { "\($0.key) is \($0.own), the run has \($0.other)" })
    }
    guard found.data == checkpoint.data else { throw TrainingError.otherData(directory: root) }
    checkpoint = try RunCheckpoint.read(directory.checkpoint, into: arena)
    step = checkpoint.step
  }

  /// Writes the checkpoint.
  func save(_ directory: RunDirectory) throws { try checkpoint.write(arena, to: directory.checkpoint) }

  /// Validates, writes the model where it is the best so far, and saves.
  ///
  /// - Returns: nil where it should stop while it validates: the run is saved, and validates again when it is resumed.
  func finishEpoch(
    _ epoch: Int, _ directory: RunDirectory, _ log: RunLog, skipped: Int, shouldStop: () -> Bool
  ) throws -> (loss: Double, evaluation: Evaluation?)? {
    do {
      return try validate(epoch, directory, log, skipped: skipped) { if shouldStop() { throw Stopped() } }
    } catch is Stopped {
      try save(directory)
      return nil
    }
  }

  /// The run was asked to stop while it validated.
  private struct Stopped: Error {}

  private func validate(
    _ epoch: Int, _ directory: RunDirectory, _ log: RunLog, skipped: Int, willRead: () throws -> Void
  ) throws -> (loss: Double, evaluation: Evaluation?) {
    let weights = try trained()
    let evaluation = try validation.map { files in
      let model = try VisionTransformer(weights, execution: .merged, engine: engine)
      return try Evaluation(model, frontEnd, on: files, batch: recipe.batch, willRead: willRead)
    }
    let loss = checkpoint.epochLoss / Double(stepsPerEpoch)
    // Without validation the last model is the one that is wanted; of equal ones the later.
    let measure = evaluation?.measure
    if measure.map({ $0 >= checkpoint.best ?? 0 }) ?? true {
      checkpoint.best = measure
      try directory.write(weights, preprocessing: preprocessing, engine: engine)
    }
    try log.write(
      RunLog.Epoch(
        step: step, epoch: epoch, loss: loss, accuracy: evaluation.flatMap { $0.hasOneClassPerFile ? $0.top1 : nil },
        top5: evaluation.flatMap { $0.hasOneClassPerFile ? $0.top5 : nil },
        mean_average_precision: evaluation?.meanAveragePrecision, miou: evaluation?.parts?.categoryMean,
        instance_miou: evaluation?.parts?.instanceMean, point_accuracy: evaluation?.parts?.pointAccuracy,
        skipped: skipped))
    (checkpoint.epochLoss, checkpoint.awaitsValidation) = (0, false)
    try save(directory)
    return (loss, evaluation)
  }

  /// The model as it is now, or its average where one is kept; read it before the next step.
  ///
  /// - Throws: `PathwayError`.
  public func trained() throws -> PathwayWeights {
    var metadata = ["format": "pt", "m2pt.version": multimodalPathwayVersion]
    let settings = recipe.settings.map { "\($0.key)=\($0.value)" }
    metadata["m2pt.training"] = "step \(step); " + settings.joined(separator: " ")
    return try arena.weights(like: source, of: arena.average ?? arena.values, metadata: metadata)
  }
}

extension Trainer {
  /// Checks, before anything is loaded, that a run can be written to a directory or continued there.
  ///
  /// - Throws: `TrainingError.occupied`, `.unlistable`, `.nothingToResume`.
  public static func check(_ url: URL, resuming resumes: Bool) throws { try RunDirectory(url).check(resumes: resumes) }

  /// The recipe that the run of a directory was started with.
  ///
  /// - Throws: `TrainingError.badCheckpoint`; `CheckpointError`.
  public static func recipe(ofRunIn url: URL) throws -> Recipe {
    try RunCheckpoint(contentsOf: RunDirectory(url).checkpoint).recipe
  }
}

extension ParameterArena {
  /// A forward and backward pass over the arena, which must outlive it.
  ///
  /// - Throws: `TrainingError.badSetting` for a batch of one if the head has batch norms over inputs; what
  ///   `TrainingPass.init` throws.
  package func pass(
    _ c: VisionTransformerConfiguration, precision: Precision = .float32, batch: Int, recomputesBlocks: Bool = false,
    profiled: Bool = false, engine: Engine
  ) throws -> TrainingPass {
    let targets = table.spans[..<table.targetCount]
    var terms: [TrainedTerm] = []
    for joint in table.joints.sorted(by: { $0.key < $1.key }) {
      for member in joint.value.members {
        let span = table.spans[member.auxiliary]
        guard case .auxiliary(let place, isBias: false) = span.owner else { continue }
        let bias = table.spans.first { $0.owner == .auxiliary(place, isBias: true) }
        terms.append(
          TrainedTerm(
            block: place.block, layer: place.layer, weight: value(span), bias: bias.map { UnsafePointer(value($0)) },
            scale: value(table.spans[member.scale])))
      }
    }
    let pass = try TrainingPass(
      c, parameters: targets.map(value),
      gradients: targets.indices.map { table.reads($0) ? gradients.base + targets[$0].offset : nil }, pathways: terms,
      precision: precision, batch: batch, recomputesBlocks: recomputesBlocks, profiled: profiled, engine: engine)
    guard batch >= pass.leastBatch else {
      throw TrainingError.badSetting(
        key: "batch", found: "\(batch)", expected: "2 or more, over which the head's batch norms have a variance")
    }
    return pass
  }
}

extension Recipe.Precision {
  /// The engine's name for it.
  var format: PathwayKernels.Precision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    }
  }
}
