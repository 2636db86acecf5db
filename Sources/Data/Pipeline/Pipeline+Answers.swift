import Foundation
import MultimodalPathway
import PathwayMedia

extension Pipeline {
  /// What a model makes of the views of a file.
  public struct Features: Sendable {
    /// All tokens after the final norm, (views, N, C).
    public let tokens: Tensor
    /// What the head reads, (views, C).
    public let pooled: Tensor
  }

  /// The features of a file.
  ///
  /// - Throws: `CancellationError`; the error of the file's reader; `DataError`; `MemoryError`, `EngineError`.
  public func features(_ source: InputSource) async throws -> Features {
    let (model, frontEnd, size) = (transformer.model, frontEnd, batch)
    return try await queue.run { cancellation in
      let values = try frontEnd.views(of: source)
      let count = frontEnd.shape.reduce(1, *)
      let c = model.configuration
      let workspace = try model.workspace(batch: min(size, values.count / count))
      workspace.cancellation = cancellation
      var (tokens, pooled): ([Float], [Float]) = ([], [])
      for start in stride(from: 0, to: values.count, by: size * count) {
        let part = Array(values[start..<min(values.count, start + size * count)])
        let views = Tensor(part, shape: [part.count / count] + frontEnd.shape)
        let output = try model.forward(views, features: true, workspace: workspace)
        tokens += try output.features?.float32() ?? []
        pooled += try output.pooled.float32()
      }
      guard (tokens + pooled).allSatisfy(\.isFinite) else { throw DataError.notFinite(file: source.name) }
      let views = values.count / count
      return Features(
        tokens: Tensor(tokens, shape: [views, c.tokenCount, c.width]),
        pooled: Tensor(pooled, shape: [views, c.pooledWidth]))
    }
  }

  /// The features of a file on disk.
  ///
  /// - Throws: as `features(_:)` of a source.
  public func features(_ file: URL) async throws -> Features { try await features(.file(file)) }

  /// The attention probabilities of a block for the first view of a file, (heads, N, N): a row for each query.
  ///
  /// - Parameter block: from 0; nil for the last.
  /// - Throws: `InferenceError.blockOutOfRange`; as `features(_:)`.
  public func attention(_ source: InputSource, block: Int? = nil) async throws -> Tensor {
    let (model, frontEnd) = (transformer.model, frontEnd)
    let c = model.configuration
    let block = block ?? c.depth - 1
    guard (0..<c.depth).contains(block) else { throw InferenceError.blockOutOfRange(found: block, depth: c.depth) }
    return try await queue.run { cancellation in
      let values = Array(try frontEnd.views(of: source).prefix(frontEnd.shape.reduce(1, *)))
      let workspace = try model.workspace(batch: 1)
      workspace.cancellation = cancellation
      let output = try model.forward(
        Tensor(values, shape: [1] + frontEnd.shape), attention: block, workspace: workspace)
      guard let maps = output.attention, try maps.float32().allSatisfy(\.isFinite) else {
        throw DataError.notFinite(file: source.name)
      }
      return maps.reshaped(Array(maps.shape.dropFirst()))
    }
  }

  /// The attention probabilities for a file on disk.
  ///
  /// - Throws: as `attention(_:block:)` of a source.
  public func attention(_ file: URL, block: Int? = nil) async throws -> Tensor {
    try await attention(.file(file), block: block)
  }

  /// The parts of a cloud, point by point of the file.
  public struct Parts: Sendable {
    /// The answer for the points that the model read.
    public let answer: PartAnswer
    /// The answer for every point of the file.
    public let points: [PartAnswer.Point]
  }

  /// Names the part that every point of a cloud belongs to.
  ///
  /// - Parameter category: the number of the object's category; nil tries all and uses the most probable one.
  /// - Throws: `CancellationError`; `DataError` if the model does not answer for every point; the error of the file's
  ///   reader; `MemoryError`, `EngineError`.
  public func segment(_ source: InputSource, category: Int? = nil) async throws -> Parts {
    let model = transformer.model
    guard let frontEnd = frontEnd as? PointFrontEnd, model.configuration.parts != nil else {
      throw DataError.answersWhole
    }
    return try await queue.run { cancellation in
      let prepared = try frontEnd.prepared(source)
      let workspace = try model.workspace(batch: 1)
      workspace.cancellation = cancellation
      let answer = try PartAnswer(model, prepared, category: category, workspace: workspace)
      guard answer.isFinite else { throw DataError.notFinite(file: source.name) }
      return Parts(answer: answer, points: try answer.spread(over: prepared, engine: model.engine))
    }
  }

  /// Names the parts of a cloud on disk.
  ///
  /// - Throws: as `segment(_:category:)` of a source.
  public func segment(_ file: URL, category: Int? = nil) async throws -> Parts {
    try await segment(.file(file), category: category)
  }
}
