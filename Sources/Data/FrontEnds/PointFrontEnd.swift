import Foundation
import MultimodalPathway
import PathwayMedia

/// Point clouds and meshes, one view each, (P, 3).
public struct PointFrontEnd: FrontEnd {
  /// Scales clouds and chooses their points.
  public let preprocessor: PointPreprocessor
  public let shape: [Int]
  private let note: NoteHandler

  public let fileExtensions = ["ply", "off", "obj", "xyz", "txt", "pts", "csv", "npy"]
  public let viewCount: Int? = 1

  /// A front end for a model of points, which chooses points on `engine`.
  public init(_ points: PointConfiguration, engine: Engine, note: @escaping NoteHandler = { _ in }) {
    preprocessor = PointPreprocessor(points, engine: engine)
    shape = [points.points, 3]
    self.note = note
  }

  /// The cloud's points, (P, 3).
  ///
  /// - Throws: as `prepared(_:)`.
  public func views(of file: URL) throws -> [Float] { try prepared(file).values }

  /// The cloud's points, (1, P, 3), without pictures.
  ///
  /// - Throws: as `prepared(_:)`.
  public func preview(of file: URL) throws -> InputPreview {
    InputPreview(values: Tensor(try prepared(file).values, shape: [1] + shape), pictures: [])
  }

  /// The points of a file that the model reads, and the cloud that they were chosen from.
  ///
  /// - Throws: `PointFileError`, `MemoryError`; `DataError.notPrepared` for a cloud that cannot be scaled or sampled.
  public func prepared(_ file: URL) throws -> PointPreprocessor.Result {
    let cloud = try PointFile.read(file, note: note)
    return try PathwayData.prepared(file) { try preprocessor(cloud) }
  }
}
