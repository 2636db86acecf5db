import Foundation
import MultimodalPathway
import PathwayData
import PathwayKernels
import PathwayMedia

/// Trains a transformer of pictures, sound, videos or point clouds, with or without pathways, on files of known
/// classes, or on clouds whose points have known parts.
///
///     let trainer = try Trainer(weights, on: folders, in: "flowers/train", recipe: recipe, engine: Engine())
///     try trainer.run(in: URL(fileURLWithPath: "run")) { event in print(event) }
///
/// The same weights, data and recipe give the same bits for any number of threads, and for a run that was stopped and
/// resumed.
public final class Trainer {
  /// What happens during a run.
  public enum Event: Sendable {
    /// A step was done: its number from 1, its loss and learning rate.
    case step(Int, loss: Double, rate: Double)
    /// An epoch was done: its number from 1, the mean loss of its steps, and what was measured on the validation data.
    case epoch(Int, loss: Double, evaluation: Evaluation?)
    /// A file was left out, and why.
    case skipped(String)
  }

  /// How a run ended.
  public enum Outcome: Sendable, Equatable {
    /// All steps are done.
    case finished
    /// It was asked to stop after that many steps, and saved.
    case stopped(step: Int)
  }

  /// The tensors of the run.
  public let table: ParameterTable
  /// Steps of an epoch.
  public var stepsPerEpoch: Int { order.steps }
  /// Steps of the whole run.
  public var steps: Int { recipe.epochs * order.steps }
  /// Steps that are done.
  public internal(set) var step = 0
  /// What is validated on, with the classes of the training data; nil: nothing is.
  public var validation: (any LabelledFiles)?
  /// What the model answers.
  public var task: VisionTransformerConfiguration.Task { source.target.configuration.task }
  /// Whether the model answers for every point of a cloud.
  public var answersForPoints: Bool { source.target.configuration.parts != nil }
  /// Whether the target got a new head, for classes and a task that its own is not for.
  public let hasNewHead: Bool
  /// Whether files that cannot be read are left out; otherwise the first ends the run.
  public var skipsUnreadable = false

  let recipe: Recipe
  let source: PathwayWeights
  let engine: Engine
  let arena: ParameterArena
  /// nil: the model reads sound.
  let preprocessing: ImagePreprocessing?
  /// Reads files for validation.
  let frontEnd: any FrontEnd
  var checkpoint: RunCheckpoint
  private let order: SampleOrder
  private let samples: any Samples
  private let schedule: LearningRateSchedule
  private let optimizer: Optimizer
  let root: String
  private let pass: TrainingPass
  private let objective: ClassObjective
  private let dropPath: DropPath
  private let mixing: BatchMixing
  /// (depth, 2, B).
  private let pathFactors: FloatBuffer

  /// - Parameters:
  ///   - weights: the target, with its auxiliaries where it has some. A target whose classes or task are not those of
  ///     the data gets a new head; the categories of a head that answers for every point must be the data's classes.
  ///   - files: the training data.
  ///   - root: the directory that they were listed in, or their table.
  ///   - recomputesBlocks: whether the backward pass computes blocks again instead of keeping their activations: less
  ///     memory, more time, the same bits.
  ///   - preprocessing: how pictures and frames are prepared for inference; nil: as the model's files say.
  ///   - note: called with what the caller should know of files that are read, by any thread.
  /// - Throws: `TrainingError` where model, data and recipe do not fit; `MemoryError` before memory is taken that the
  ///   system does not have; `ImagePreprocessingError`; `EngineError`.
  public init(
    _ weights: PathwayWeights, on files: any LabelledFiles, in root: String, recipe: Recipe,
    recomputesBlocks: Bool = false, preprocessing: ImagePreprocessing? = nil, engine: Engine,
    note: @escaping NoteHandler = { _ in }
  ) throws {
    let target = weights.target.configuration
    try recipe.check(for: target.modality)
    if let size = recipe.imageSize, size != target.imageSize {
      throw TrainingError.unsupported(
        feature: "pictures of \(target.imageSize)",
        expected: "\(size), the recipe's image_size; load the model for that size")
    }
    guard recipe.batch % recipe.repeats == 0 else {
      throw TrainingError.badSetting(
        key: "repeat", found: "\(recipe.repeats)", expected: "a divisor of the batch, \(recipe.batch)")
    }
    guard target.parts != nil || files.classes.count > 1 else {
      throw TrainingError.tooFewClasses(found: files.classes.count)
    }
    let task = try recipe.headTask(of: files, for: target)
    hasNewHead = !weights.hasHead(for: files.classes, task: task)
    source = try weights.withHead(for: files.classes, task: task, seed: recipe.seed)
    let c = source.target.configuration
    guard c.poolerWidth == nil else {
      // A classifier's files are read without their pooler.
      throw TrainingError.unsupported(feature: "a pooler", expected: "a linear head of pooled tokens")
    }
    if c.qkvBias == .queryAndValue, source.pathways.contains(where: { $0.bias == .combined }) {
      throw TrainingError.unsupported(
        feature: "biases of queries and values alone", expected: "one bias of qkv where biases are combined")
    }
    self.recipe = recipe
    self.engine = engine
    self.root = root
    self.preprocessing =
      c.modality == .audio ? nil : preprocessing ?? source.target.preprocessing ?? ImagePreprocessing.usual(for: c)
    var settings = FrontEndSettings()
    (settings.resamplesSound, settings.channel) = (recipe.resample, recipe.channel == 0 ? nil : recipe.channel)
    frontEnd = try c.frontEnd(recipe: self.preprocessing, settings: settings, engine: engine)
    order = try SampleOrder(
      count: files.paths.count, batch: recipe.batch / recipe.repeats, accumulate: recipe.accumulate, seed: recipe.seed)
    samples = try PathwayTraining.samples(files, for: c, self.preprocessing, recipe, engine: engine, note: note)
    schedule = LearningRateSchedule(recipe, stepsPerEpoch: order.steps)
    objective = ClassObjective(
      task, ClassTargets(classCount: c.classCount, smoothing: recipe.labelSmoothing))
    dropPath = DropPath(rate: recipe.dropPath, depth: c.depth, seed: recipe.seed)
    mixing = BatchMixing(mixup: recipe.mixup, cutmix: recipe.cutmix, seed: recipe.seed)
    pathFactors = try FloatBuffer(
      count: recipe.dropPath > 0 ? c.depth * 2 * recipe.batch : 0, for: .pass(batch: recipe.batch))
    table = try ParameterTable(source, freeze: recipe.freeze)
    arena = try ParameterArena(table, source, optimizer: recipe.optimizer, averages: recipe.ema > 0)
    optimizer = Optimizer(recipe, arena, engine: engine)
    pass = try arena.pass(
      c, precision: recipe.precision.format, batch: recipe.batch, recomputesBlocks: recomputesBlocks, engine: engine)
    checkpoint = RunCheckpoint(recipe: recipe, data: try DataListing.digest(of: files, in: root))
  }

  /// Bytes that the run takes, part by part.
  package var memory: [(part: String, bytes: Int)] {
    let c = source.target.configuration
    let targets = answersForPoints ? 4 * recipe.batch * c.answersPerInput * c.classCount : 0
    return table.memory(recipe)
      + [
        (part: "inputs", bytes: 2 * 4 * recipe.batch * samples.valueCount),
        (part: "targets of points", bytes: targets),
      ] + pass.memory
  }

  /// Runs all steps that are left, and writes what a run has into a directory.
  ///
  /// - Parameters:
  ///   - resumes: whether the run of the directory is continued; otherwise the directory must be empty or absent.
  ///   - report: called with every event, on the thread of the caller. It may throw to end the run unsaved.
  ///   - shouldStop: asked before every step, and while the model is validated; where it says so, the run is saved and
  ///     ends.
  /// - Throws: `TrainingError`; `CheckpointError` where the directory cannot be written; what `report` throws.
  @discardableResult public func run(
    in url: URL, resuming resumes: Bool = false, report: (Event) throws -> Void = { _ in },
    shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    let directory = RunDirectory(url)
    try directory.check(resumes: resumes)
    if resumes { try resume(directory) } else { try directory.begin(recipe) }
    let log = try RunLog(directory.log, after: step)
    var skipped: [String] = []
    let reader = try BatchReader(
      samples, order, seed: recipe.seed, passes: step * recipe.accumulate..<steps * recipe.accumulate,
      threads: engine.threads, skips: skipsUnreadable
    ) { skipped.append($0) }
    while step < steps || checkpoint.awaitsValidation {
      if checkpoint.awaitsValidation {
        let epoch = step / stepsPerEpoch
        guard
          let found = try finishEpoch(epoch, directory, log, skipped: reader.skipped, shouldStop: shouldStop)
        else { return .stopped(step: step) }
        try report(.epoch(epoch, loss: found.loss, evaluation: found.evaluation))
        continue
      }
      if shouldStop() {
        try save(directory)
        return .stopped(step: step)
      }
      let rate = schedule(step)
      let (loss, norm) = try advance(reader, rate: rate)
      for reason in skipped { try report(.skipped(reason)) }
      skipped = []
      checkpoint.epochLoss += loss
      let epoch = (step - 1) / stepsPerEpoch
      try log.write(
        RunLog.Step(step: step, epoch: epoch + 1, loss: loss, learning_rate: rate, gradient_norm: norm))
      try report(.step(step, loss: loss, rate: rate))
      checkpoint.awaitsValidation = step % stepsPerEpoch == 0
    }
    return .finished
  }

  /// One step: gradients of `accumulate` passes, and the optimizer.
  ///
  /// - Returns: the mean loss of the step's answers, and the norm of all gradients.
  private func advance(_ reader: BatchReader, rate: Double) throws -> (loss: Double, norm: Double) {
    arena.clearGradients()
    let answers = recipe.batch * recipe.accumulate * source.target.configuration.answersPerInput
    var loss = 0.0
    for _ in 0..<recipe.accumulate {
      let batch = try reader.next()
      let mix = mixing.choice(epoch: batch.epoch, place: batch.place, size: samples.size)
      if let mix {
        BatchMixing.mix(batch.values, batch: recipe.batch, planes: samples.planes, size: samples.size, mix)
      }
      try forward(batch)
      loss += objective(
        logits: pass.logits, labels: batch.labels, share: mix?.share ?? 1, answers: answers,
        gradients: pass.logitGradients)
      guard loss.isFinite else { throw TrainingError.diverged(step: step + 1, layer: "the loss", rate: rate) }
      try pass.backward()
    }
    let norm = try optimizer.step(step + 1, rate: rate)
    step += 1
    checkpoint.step = step
    return (loss / Double(answers), norm)
  }

  private func forward(_ batch: BatchReader.Batch) throws {
    if recipe.dropPath > 0 {
      for input in 0..<recipe.batch {
        let factors = dropPath.factors(epoch: batch.epoch, place: batch.place + input)
        for (branch, factor) in factors.enumerated() { pathFactors.base[branch * recipe.batch + input] = factor }
      }
    }
    let factors = recipe.dropPath > 0 ? pathFactors.base : nil
    try pass.forward(batch.values, batch: recipe.batch, dropPath: factors, categories: batch.categories)
  }
}
