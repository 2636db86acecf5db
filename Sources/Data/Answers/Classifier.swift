import Foundation
import MultimodalPathway
import PathwayMedia

/// Names what files show: a model, its front end and the names of its classes.
///
///     let classifier = try Classifier(modelAt: modelURL, engine: Engine())
///     for answer in try classifier(photoURL).best(5) { print(answer.label, answer.score) }
public struct Classifier: Sendable {
  /// The model.
  public let model: VisionTransformer
  /// What reads files for it.
  public let frontEnd: any FrontEnd
  /// Names of its classes; nil where they have none.
  public let names: [String]?

  /// A classifier of parts that are ready.
  ///
  /// - Parameter names: names of the classes, one for each; nil for the model's own.
  /// - Throws: `DataError` where the model has no classes, or answers for every point.
  public init(_ model: VisionTransformer, _ frontEnd: any FrontEnd, names: [String]? = nil) throws(DataError) {
    let c = model.configuration
    guard c.classCount > 0 else { throw .noClasses }
    guard c.parts == nil else { throw .answersPerPoint }
    self.model = model
    self.frontEnd = frontEnd
    self.names = names ?? c.classNames
  }

  /// A classifier of a model on disk, whose files say how its input is prepared.
  ///
  /// - Parameters:
  ///   - url: a directory with `config.json`, or a file of weights.
  ///   - architecture: timm's name of a model without `config.json`.
  ///   - precision: the number format of its layers.
  ///   - settings: how files are read.
  ///   - note: called with what the caller should know of files that are read, by any thread.
  /// - Throws: as `ModelWeights(modelAt:architecture:)`, `VisionTransformer(_:precision:engine:)` and
  ///   `VisionTransformerConfiguration.frontEnd(recipe:settings:engine:note:)`; `DataError`.
  public init(
    modelAt url: URL, architecture: String? = nil, precision: PrecisionPlan = .float32,
    settings: FrontEndSettings = FrontEndSettings(), engine: Engine, note: @escaping NoteHandler = { _ in }
  ) throws {
    let weights = try ModelWeights(modelAt: url, architecture: architecture)
    let c = weights.configuration
    let recipe = try ImagePreprocessing.recipe(for: c, modelAt: url, architecture: architecture)
    try self.init(
      VisionTransformer(weights, precision: precision, engine: engine),
      c.frontEnd(recipe: recipe, settings: settings, engine: engine, note: note))
  }

  /// Views of a file in one pass, which bounds the memory that a long recording takes.
  private static let mostViews = 8

  /// The scores of a file, their mean over its views.
  ///
  /// - Throws: the error of the file's reader, or `DataError`; `MemoryError`, `EngineError`.
  public func callAsFunction(_ file: URL) throws -> ClassScores {
    let batches = InputBatches(frontEnd: frontEnd, engine: model.engine, size: Self.mostViews)
    let workspace = try model.workspace(batch: batches.mostViews(files: 1))
    var (sums, result) = (noScores, noScores)
    try batches.forEach([file.path]) { batch in
      try add(batch, to: &sums, workspace: workspace) { _, scores in result = scores }
    }
    return result
  }

  /// Scores without views.
  public var noScores: ClassScores { ClassScores(model.configuration, names: names) }

  /// Runs the model on a batch and adds its views to `scores`; calls `body` with the place and the scores of every file
  /// whose last view it has.
  ///
  /// - Parameters:
  ///   - scores: of the file whose views the last batch ended in; after the call, of the one that this batch ends in.
  ///   - workspace: for at least the views of the batch.
  /// - Throws: what `body` throws; `InferenceError`, `EngineError`.
  public func add(
    _ batch: InputBatches.Batch, to scores: inout ClassScores, workspace: Workspace,
    _ body: (_ file: Int, _ scores: ClassScores) throws -> Void
  ) throws {
    let logits = try model.forward(batch.values, workspace: workspace).logits.float32()
    let count = model.configuration.classCount
    for (row, view) in batch.views.enumerated() {
      scores.add(logits[row * count..<(row + 1) * count])
      guard view.isLast else { continue }
      try body(view.file, scores)
      scores = noScores
    }
  }
}

extension VisionTransformerConfiguration {
  /// Names of the classes: the model's own, or those of the data set that its classes are known to be of.
  public var classNames: [String]? { labels ?? vocabulary?.names }
}
