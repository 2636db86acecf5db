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
    try prepared(.data(data, name: name)).values
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
  public func prepared(_ file: URL) throws -> PointPreprocessor.Result { try prepared(.file(file)) }

  /// The same of a file on disk or in memory.
  public func prepared(_ source: InputSource) throws -> PointPreprocessor.Result {
    let cloud = try cloud(of: source)
    return try PathwayData.prepared(source.name) { try preprocessor(cloud) }
  }

  /// The points of a file, or of the surface of its mesh, without those that are chosen of them.
  ///
  /// - Throws: as `prepared(_:)`.
  package func points(of source: InputSource) throws -> PointCloud {
    let cloud = try cloud(of: source)
    return try PathwayData.prepared(source.name) { try preprocessor.source(of: cloud) }
  }

  private func cloud(of source: InputSource) throws -> PointCloud {
    switch source {
    case .file(let url): try PointFile.read(url, note: note)
    case .data(let data, let name): try PointFile.decode(data, name: name, note: note)
    }
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
