import PathwayCheckpoints

/// Clouds of any size to the P normalised points that a model reads.
public struct PointPreprocessor: Sendable {
  private let points: PointConfiguration
  private let engine: Engine

  /// Points that a mesh's surface is sampled with before P are chosen, as ModelNet40's published clouds are.
  public static let surfacePoints = 8192

  /// A preprocessor for the points that a configuration asks for.
  public init(_ points: PointConfiguration, engine: Engine) {
    self.points = points
    self.engine = engine
  }

  /// The points a model is to see, with where they come from.
  public struct Result: Sendable {
    /// (P, 3).
    public let values: [Float]
    /// The cloud that they were chosen from: the file's points, or the surface's, as they were before scaling.
    public let source: PointCloud
    /// Index in `source` of each.
    public let indices: [Int]
  }

  /// A mesh's surface is sampled first (seed 0), at least 8,192 points. All points are centred and scaled to the unit
  /// sphere; then farthest-point sampling chooses P. Where there are fewer, they come again in turn.
  ///
  /// - Throws: `PointCloudError`.
  public func callAsFunction(_ cloud: PointCloud) throws -> Result {
    let source = try source(of: cloud)
    let scaled = try source.normalized()
    let indices =
      source.count > points.points
      ? PointSampling(scaled, engine: engine).farthest(points.points, skippingOrigin: points.skipsOrigin)
      : (0..<points.points).map { $0 % source.count }
    return Result(
      values: indices.flatMap { scaled.coordinates[3 * $0..<3 * $0 + 3] }, source: source, indices: indices)
  }

  /// `Result.source` of a cloud or a mesh.
  ///
  /// - Throws: `PointCloudError`.
  package func source(of cloud: PointCloud) throws -> PointCloud {
    cloud.triangles.isEmpty ? cloud : try cloud.sampledSurface(max(Self.surfacePoints, points.points), seed: 0)
  }
}
