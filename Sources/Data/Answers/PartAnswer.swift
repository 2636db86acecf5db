import Foundation
import MultimodalPathway

/// The answer of a model for the points of a cloud: the part of each.
public struct PartAnswer: Sendable {
  /// The part of one point.
  public struct Point: Sendable, Hashable {
    /// Its class.
    public let part: Int
    /// Its probability among the parts of the category.
    public let probability: Float
  }

  /// The category of the object, given or predicted.
  public let category: PartConfiguration.Category
  /// The classes that the category can have.
  public let parts: [Int]
  /// The answers for the points that the model read.
  public let points: [Point]
  /// Sum of the log-probabilities of the points.
  private let certainty: Double

  /// Runs a per-point model on a prepared cloud.
  ///
  /// - Parameters:
  ///   - prepared: the result of `PointFrontEnd.prepared(_:)`.
  ///   - category: the number of the object's category; nil tries all, a pass each, and uses the most probable one.
  ///   - workspace: of the model, for one cloud; nil: one is made.
  /// - Throws: `DataError` if the model does not answer for every point or has no categories; `InferenceError`,
  ///   `MemoryError`, `EngineError`.
  public init(
    _ model: VisionTransformer, _ prepared: PointPreprocessor.Result, category: Int? = nil,
    workspace: Workspace? = nil
  ) throws {
    guard let count = model.configuration.points?.points, let categories = model.configuration.parts?.categories else {
      throw DataError.answersWhole
    }
    let tried = category.map { [$0] } ?? Array(categories.indices)
    let classes = model.configuration.classCount
    var best: (certainty: Double, category: Int, parts: [Int], points: [Point])?
    let workspace = try workspace ?? model.workspace(batch: 1)
    let cloud = Tensor(prepared.values, shape: [1, count, 3])
    for number in tried {
      let logits = try model.forward(cloud, categories: [number], workspace: workspace).logits.float32()
      let parts = categories[number].parts(of: classes)
      let points = (0..<count).map { point in
        Self.answer(logits[point * classes..<(point + 1) * classes], parts)
      }
      // Over all classes: a wrong category has little probability for its own parts.
      let certainty = points.indices.reduce(0.0) { $0 + Double(logits[$1 * classes + points[$1].part]) }
      if best.map({ certainty > $0.certainty }) ?? true { best = (certainty, number, parts, points) }
    }
    guard let best else { throw DataError.noCategories }
    self.category = categories[best.category]
    parts = best.parts
    points = best.points
    certainty = best.certainty
  }

  /// Whether all probabilities are finite.
  public var isFinite: Bool { points.allSatisfy(\.probability.isFinite) && certainty.isFinite }

  /// The most probable of `parts`, the first of equal ones, and its share of their probabilities.
  private static func answer(_ logits: ArraySlice<Float>, _ parts: [Int]) -> Point {
    var top = parts[0]
    for part in parts where logits[logits.startIndex + part] > logits[logits.startIndex + top] { top = part }
    let total = parts.reduce(Float(0)) { $0 + exp(logits[logits.startIndex + $1] - logits[logits.startIndex + top]) }
    return Point(part: top, probability: 1 / total)
  }

  /// For every point of the source, the answer for the nearest point that the model read.
  ///
  /// - Throws: `PointCloudError`, `EngineError`.
  public func spread(over prepared: PointPreprocessor.Result, engine: Engine) throws -> [Point] {
    // In a scaled cloud, no distance is too small for float32.
    let source = try prepared.source.normalized()
    let seen = try source.points(prepared.indices)
    return try PointSampling(seen, engine: engine).nearest(1, to: source).map { points[$0] }
  }
}
