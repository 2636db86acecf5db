import Foundation
import MultimodalPathway
import Synchronization

/// A pipeline on its way: how far it is, from 0 to 1, as an asynchronous sequence.
///
///     let loading = PipelineLoading(modelAt: modelURL)
///     for try await share in loading { bar.doubleValue = share }
///     let pipeline = try await loading.pipeline
///
/// Where the task that iterates or that waits for `pipeline` is cancelled, loading ends between two blocks with
/// `CancellationError`.
public final class PipelineLoading: AsyncSequence, Sendable {
  /// The share of the model that is loaded.
  public typealias Element = Double
  /// Hands out the shares, each to one iterator.
  public typealias AsyncIterator = AsyncThrowingStream<Double, any Error>.Iterator

  package struct Parts: Sendable {
    package let transformer: AdjustableTransformer
    package let frontEnd: any FrontEnd
  }

  private final class Ending: Sendable {
    let isWanted = Atomic(false)
  }

  private let shares: AsyncThrowingStream<Double, any Error>
  private let work: Task<Parts, any Error>
  private let ending: Ending
  private let batch: Int

  /// Starts loading; see `Pipeline.init(modelAt:options:pathways:)`.
  public init(
    modelAt url: URL, options: Pipeline.Options = Pipeline.Options(),
    pathways: @escaping @Sendable (ModelWeights) throws -> PathwayWeights = { PathwayWeights($0) }
  ) {
    let (shares, continuation) = AsyncThrowingStream.makeStream(of: Double.self, bufferingPolicy: .bufferingNewest(1))
    let ending = Ending()
    continuation.onTermination = { reason in
      if case .cancelled = reason { ending.isWanted.store(true, ordering: .relaxed) }
    }
    (self.shares, self.ending, batch) = (shares, ending, options.batch)
    work = Task.detached {
      try await withCheckedThrowingContinuation { waiting in
        // Not a thread of the tasks' pool: files are read, and all threads of the engine pack them.
        DispatchQueue(label: "PipelineLoading").async {
          let result = Result {
            try Self.load(url, options, pathways) { share in
              if ending.isWanted.load(ordering: .relaxed) { throw CancellationError() }
              continuation.yield(share)
            }
          }
          switch result {
          case .success: continuation.finish()
          case .failure(let error): continuation.finish(throwing: error)
          }
          waiting.resume(with: result)
        }
      }
    }
  }

  /// The same at once, on the thread of the caller.
  package static func load(
    _ url: URL, _ options: Pipeline.Options, _ pathways: (ModelWeights) throws -> PathwayWeights,
    _ progress: (Double) throws -> Void
  ) throws -> Parts {
    try progress(0)
    let engine = try options.engine ?? Engine()
    let weights = try ModelWeights(modelAt: url, architecture: options.architecture)
    let c = weights.configuration
    let recipe = try ImagePreprocessing.recipe(for: c, modelAt: url, architecture: options.architecture)
    let frontEnd = try c.frontEnd(recipe: recipe, settings: options.settings, engine: engine, note: options.note)
    let transformer = try AdjustableTransformer(
      pathways(weights), execution: options.execution, precision: options.precision, engine: engine, progress: progress)
    return Parts(transformer: transformer, frontEnd: frontEnd)
  }

  /// The shares from now on, ascending; those that no one waited for are left out. The sequence has one iterator at a
  /// time.
  public func makeAsyncIterator() -> AsyncIterator { shares.makeAsyncIterator() }

  /// Ends loading between two blocks.
  public func cancel() { ending.isWanted.store(true, ordering: .relaxed) }

  var parts: Parts {
    get async throws {
      try await withTaskCancellationHandler {
        try await work.value
      } onCancel: {
        cancel()
      }
    }
  }

  /// The pipeline, when it is loaded.
  ///
  /// - Throws: as `Pipeline.init(modelAt:options:pathways:)`.
  public var pipeline: Pipeline {
    get async throws {
      let parts = try await parts
      return Pipeline(parts.transformer, parts.frontEnd, batch: batch)
    }
  }
}
