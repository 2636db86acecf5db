import Foundation
import MultimodalPathway
import PathwayMedia

/// A cloud as a model reads it, with the part that every point belongs to.
public struct LabelledCloud: Sendable {
  /// The points that the model reads. Of a cloud with fewer, all come first, then again.
  public let prepared: PointPreprocessor.Result
  /// The part of each of them, (P).
  public let parts: [Int]

  /// Reads a file of labelled points and prepares them; each point keeps its label.
  ///
  /// - Parameters:
  ///   - category: of the object.
  ///   - classCount: parts that the model knows.
  ///   - note: called with notes on the file.
  /// - Throws: as `PointFile.readLabelled(_:limits:note:)`; `DataError.partOutOfRange`, `.notPrepared`, also for a
  ///   mesh, whose surface has no labels.
  public init(
    _ file: URL, _ preprocessor: PointPreprocessor, category: PartConfiguration.Category, classCount: Int,
    note: NoteHandler = { _ in }
  ) throws {
    let points = try PointFile.readLabelled(file, note: note)
    guard points.cloud.triangles.isEmpty else {
      throw DataError.notPrepared(
        file: file.path, reason: "it has faces, and labels of its corners alone; save labelled points of its surface")
    }
    let expected = category.parts(of: classCount)
    let known = Set(expected)
    if let point = points.labels.firstIndex(where: { !known.contains($0) }) {
      throw DataError.partOutOfRange(
        file: file.path, point: point, found: points.labels[point], category: category.name, expected: expected)
    }
    prepared = try PathwayData.prepared(file.relativePath) { try preprocessor(points.cloud) }
    parts = prepared.indices.map { points.labels[$0] }
  }

  /// Points of the file that the model reads, each of them once: the first of `parts`.
  public var distinct: Int { min(prepared.source.count, parts.count) }
}
