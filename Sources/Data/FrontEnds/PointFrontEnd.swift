import Foundation
import MultimodalPathway
import PathwayMedia

/// Point clouds and meshes, one view each, (P, 3).
public struct PointFrontEnd: FrontEnd {
  /// Scales clouds and samples their points.
  public let preprocessor: PointPreprocessor
  public let shape: [Int]
  private let note: NoteHandler

  public let fileExtensions = ["ply", "off", "obj", "xyz", "txt", "pts", "csv", "npy", "npz"]
  public let viewCount: Int? = 1

  /// A front end for a model of points, which samples points on `engine`.
  public init(_ points: PointConfiguration, engine: Engine, note: @escaping NoteHandler = { _ in }) {
    preprocessor = PointPreprocessor(points, engine: engine)
    shape = [points.points, 3]
    self.note = note
  }

  /// The sampled points of a cloud, (P, 3).
  ///
  /// - Throws: as `prepared(_:)`.
  public func views(of file: URL) throws -> [Float] { try prepared(file).values }

  /// The sampled points of a cloud in memory, (P, 3).
  ///
  /// - Throws: as `prepared(_:)`.
  public func views(of data: Data, named name: String) throws -> [Float] {
    let cloud = try PointFile.decode(data, name: name, note: note)
    return try PathwayData.prepared(name) { try preprocessor(cloud).values }
  }

  /// The sampled points of a cloud, (1, P, 3), without pictures.
  ///
  /// - Throws: as `prepared(_:)`.
  public func preview(of file: URL) throws -> InputPreview {
    InputPreview(values: Tensor(try prepared(file).values, shape: [1] + shape), pictures: [])
  }

  /// The sampled points of a file, and the cloud that they were sampled from.
  ///
  /// - Throws: `PointFileError`, `MemoryError`; `DataError.notPrepared` for a cloud that cannot be scaled or sampled.
  public func prepared(_ file: URL) throws -> PointPreprocessor.Result {
    let cloud = try PointFile.read(file, note: note)
    return try PathwayData.prepared(file.relativePath) { try preprocessor(cloud) }
  }

  /// The sampled points of a file whose points have labels.
  ///
  /// - Parameters:
  ///   - category: of the object.
  ///   - classCount: parts that the model knows.
  /// - Throws: as `LabelledCloud.init(_:_:category:classCount:note:)`.
  public func labelled(
    _ file: URL, category: PartConfiguration.Category, classCount: Int
  ) throws -> LabelledCloud {
    try LabelledCloud(file, preprocessor, category: category, classCount: classCount, note: note)
  }
}
