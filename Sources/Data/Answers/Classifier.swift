import Foundation
import MultimodalPathway
import PathwayMedia

/// Classifies files: a model, its front end and the names of its classes.
///
///     let classifier = try Classifier(modelAt: modelURL, engine: Engine())
///     for answer in try classifier(photoURL).best(5) { print(answer.label, answer.score) }
public struct Classifier: Sendable {
  /// The model.
  public let model: VisionTransformer
  /// Reads files for the model.
  public let frontEnd: any FrontEnd
  /// Names of its classes; nil if they have none.
  public let names: [String]?

  /// A classifier made of a model and a front end.
  ///
  /// - Parameter names: names of the classes, one for each; nil for the model's own.
  /// - Throws: `DataError` if the model has no classes, or answers for every point.
  public init(_ model: VisionTransformer, _ frontEnd: any FrontEnd, names: [String]? = nil) throws(DataError) {
    let c = model.configuration
    guard c.classCount > 0 else { throw .noClasses }
    guard c.parts == nil else { throw .answersPerPoint }
    self.model = model
    self.frontEnd = frontEnd
    self.names = names ?? c.classNames
  }

  /// A classifier of a model on disk, whose files define the preprocessing.
  ///
  /// - Parameters:
  ///   - url: a directory with `config.json`, or a file of weights.
  ///   - architecture: timm's name of a model without `config.json`.
  ///   - precision: the number format of its layers.
  ///   - settings: how files are read.
  ///   - note: called with notes on files, by any thread.
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

  /// Views of a file in one pass: bounds the memory for a long recording.
  private static let mostViews = 8

  /// The scores of a file, their mean over its views.
  ///
  /// - Throws: the error of the file's reader, or `DataError`; `MemoryError`, `EngineError`.
  public func callAsFunction(_ file: URL) throws -> ClassScores { try self(.file(file)) }

  /// The scores of a file on disk or in memory, their mean over its views.
  ///
  /// - Throws: as above.
  public func callAsFunction(_ source: InputSource) throws -> ClassScores {
    let batches = InputBatches(frontEnd: frontEnd, engine: model.engine, size: Self.mostViews)
    let workspace = try model.workspace(batch: batches.mostViews(files: 1))
    var (sums, result) = (noScores, noScores)
    try batches.forEach([source]) { batch in
      try add(batch, to: &sums, workspace: workspace) { _, scores in result = scores }
    }
    return result
  }

  /// Scores without views.
  public var noScores: ClassScores { ClassScores(model.configuration, names: names) }

  /// Runs the model on a batch and adds its views to `scores`; calls `body` with the index and the scores of every file
  /// whose last view is in the batch.
  ///
  /// - Parameters:
  ///   - scores: of the file at the end of the previous batch; after the call, of the file at the end of this one.
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
  /// Names of the classes: those of the model, or of its data set if it is known.
  public var classNames: [String]? { labels ?? vocabulary?.names }
}
