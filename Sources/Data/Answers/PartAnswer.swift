import Foundation
import MultimodalPathway

/// What a model says of the points of a cloud: the part that each belongs to.
public struct PartAnswer: Sendable {
  /// The part of one point.
  public struct Point: Sendable, Hashable {
    /// Its class.
    public let part: Int
    /// Its probability among the parts of the category.
    public let probability: Float
  }

  /// The kind of object, given or found.
  public let category: PartConfiguration.Category
  /// The classes that the category can have.
  public let parts: [Int]
  /// Of every point that the model saw.
  public let points: [Point]
  /// Sum of the points' log-probabilities.
  private let certainty: Double

  /// Runs a per-point model on a prepared cloud.
  ///
  /// - Parameters:
  ///   - prepared: what `PointFrontEnd.prepared(_:)` makes of a file.
  ///   - category: the number of the object's category; nil tries all in one pass each, and takes the surest.
  /// - Throws: `DataError` where the model does not answer for every point or has no categories; `InferenceError`,
  ///   `MemoryError`, `EngineError`.
  public init(_ model: VisionTransformer, _ prepared: PointPreprocessor.Result, category: Int? = nil) throws {
    guard let count = model.configuration.points?.points, let categories = model.configuration.parts?.categories else {
      throw DataError.answersWhole
    }
    let tried = category.map { [$0] } ?? Array(categories.indices)
    let classes = model.configuration.classCount
    var best: (certainty: Double, category: Int, parts: [Int], points: [Point])?
    let workspace = try model.workspace(batch: 1)
    let cloud = Tensor(prepared.values, shape: [1, count, 3])
    for number in tried {
      let logits = try model.forward(cloud, categories: [number], workspace: workspace).logits.float32()
      let own = categories[number].parts
      let parts = own.isEmpty ? Array(0..<classes) : own
      let points = (0..<count).map { point in
        Self.answer(logits[point * classes..<(point + 1) * classes], parts)
      }
      // All classes count: a category that is wrong leaves its own parts little.
      let certainty = points.indices.reduce(0.0) { $0 + Double(logits[$1 * classes + points[$1].part]) }
      if best.map({ certainty > $0.certainty }) ?? true { best = (certainty, number, parts, points) }
    }
    guard let best else { throw DataError.noCategories }
    self.category = categories[best.category]
    parts = best.parts
    points = best.points
    certainty = best.certainty
  }

  /// False where a probability is NaN or infinite.
  public var isFinite: Bool { points.allSatisfy(\.probability.isFinite) && certainty.isFinite }

  /// The likeliest of `parts`, of equal ones the first, and its share of their probabilities.
  private static func answer(_ logits: ArraySlice<Float>, _ parts: [Int]) -> Point {
    var top = parts[0]
    for part in parts where logits[logits.startIndex + part] > logits[logits.startIndex + top] { top = part }
    let total = parts.reduce(Float(0)) { $0 + exp(logits[logits.startIndex + $1] - logits[logits.startIndex + top]) }
    return Point(part: top, probability: 1 / total)
  }

  /// The answer of the nearest point that the model saw, for every point of the source.
  ///
  /// - Throws: `PointCloudError`, `EngineError`.
  public func spread(over prepared: PointPreprocessor.Result, engine: Engine) throws -> [Point] {
    // Scaled, no distance is too small for float32.
    let source = try prepared.source.normalized()
    let seen = try source.points(prepared.indices)
    return try PointSampling(seen, engine: engine).nearest(1, to: source).map { points[$0] }
  }
}
