import Foundation
import MultimodalPathway

/// A model on disk, ready to answer for files: labels, features, attention, parts of clouds.
///
///     let pipeline = try await Pipeline(modelAt: modelURL)
///     let answer = try await pipeline.classify(photoURL)
///     for label in answer.best(5) { print(label.label, label.score) }
///
/// One pipeline serves any number of tasks at once, in the memory of one batch: files that wait at the same time are
/// read and computed together. Every answer has the same bits as a pass of its own. Where a task is cancelled, its call
/// throws `CancellationError` at once, and a pass that no one waits for ends after the block that it is in.
public final class Pipeline: Sendable {
  /// Choices of a pipeline.
  public struct Options: Sendable {
    /// timm's name of a model without `config.json`.
    public var architecture: String?
    /// The number format of the model's layers.
    public var precision = PrecisionPlan.float32
    /// How pathways are computed.
    public var execution = PathwayExecution.merged
    /// How files are read.
    public var settings = FrontEndSettings()
    /// Most views of a pass, at least 1.
    public var batch = 8
    /// Where passes run; nil: on the usual number of threads.
    public var engine: Engine?
    /// Called with notes on files, by any thread.
    public var note: NoteHandler = { _ in }

    /// float32, passes of at most 8 views, one view of a file.
    public init() {}
  }

  /// The model and its pathways, which may be changed at any time. A file is answered by the model that was current
  /// when its call began.
  public let transformer: AdjustableTransformer
  /// Reads files for the model.
  public let frontEnd: any FrontEnd
  /// Names of its classes; nil if they have none.
  public let names: [String]?
  /// Most views of a pass.
  public let batch: Int
  let queue: PassQueue

  /// A pipeline of a model in memory.
  ///
  /// - Parameters:
  ///   - names: names of the classes, one for each; nil for the model's own.
  ///   - batch: most views of a pass, at least 1.
  public init(
    _ transformer: AdjustableTransformer, _ frontEnd: any FrontEnd, names: [String]? = nil, batch: Int = 8
  ) {
    self.transformer = transformer
    self.frontEnd = frontEnd
    self.names = names ?? transformer.model.configuration.classNames
    self.batch = max(1, batch)
    queue = PassQueue(frontEnd, names: self.names, size: self.batch)
  }

  deinit { queue.end() }

  /// A pipeline of a model on disk, whose files define the preprocessing.
  ///
  /// - Parameters:
  ///   - url: a directory with `config.json`, or a file of weights.
  ///   - pathways: attaches auxiliaries to the model.
  /// - Throws: `CancellationError` where the task is cancelled; as `Classifier.init(modelAt:)`; what `pathways` throws.
  public convenience init(
    modelAt url: URL, options: Options = Options(),
    pathways: @escaping @Sendable (ModelWeights) throws -> PathwayWeights = { PathwayWeights($0) }
  ) async throws {
    let parts = try await PipelineLoading(modelAt: url, options: options, pathways: pathways).parts
    self.init(parts.transformer, parts.frontEnd, batch: options.batch)
  }

  /// The scores of a file for the classes of the model, their mean over its views.
  ///
  /// - Throws: `CancellationError`; `DataError` if the model has no classes, or answers for every point; the error of
  ///   the file's reader; `MemoryError`, `EngineError`.
  public func classify(_ file: URL) async throws -> ClassScores { try await classify(.file(file)) }

  /// The same of a file in memory.
  ///
  /// - Parameter name: of the file, in errors.
  public func classify(_ data: Data, named name: String = "data") async throws -> ClassScores {
    try await classify(.data(data, name: name))
  }

  /// The same of a file on disk or in memory.
  public func classify(_ source: InputSource) async throws -> ClassScores {
    try await queue.scores(of: source, transformer.model)
  }

  /// The scores of many files, in their order, or why a file has none.
  ///
  /// - Throws: `CancellationError`.
  public func classify(_ files: [URL]) async throws -> [Result<ClassScores, any Error>] {
    let model = transformer.model
    return try await withThrowingTaskGroup(of: (Int, Result<ClassScores, any Error>).self) { group in
      for (index, file) in files.enumerated() {
        group.addTask { [queue] in
          do {
            return (index, .success(try await queue.scores(of: .file(file), model)))
          } catch let error as CancellationError {
            throw error
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var results = [Result<ClassScores, any Error>?](repeating: nil, count: files.count)
      for try await (index, result) in group { results[index] = result }
      return results.compactMap { $0 }
    }
  }
}
