import Foundation
import MultimodalPathway

/// Points that have a label each, such as the part of an object that they belong to.
public struct LabelledPoints: Sendable, Equatable {
  /// The points.
  public let cloud: PointCloud
  /// A label for every point, in their order.
  public let labels: [Int]

  /// - Precondition: there is a label for every point.
  public init(cloud: PointCloud, labels: [Int]) {
    precondition(labels.count == cloud.count, "a label for every point")
    (self.cloud, self.labels) = (cloud, labels)
  }
}

extension PointFile {
  /// Reads a file of points that have a label each, as `read(_:limits:note:)`.
  ///
  /// Labels are whole numbers: a property of the vertices of a PLY file, a field of NPY's records, or a column of text,
  /// with one of the names label, labels, part, seg, segmentation, class and classification, of which the first one
  /// found is read, or scalar_label and scalar_classification, as CloudCompare writes them. Of 4 and of 7 columns
  /// without names, in text and NPY, the last has the labels: (x, y, z, label), and ShapeNetPart's
  /// (x, y, z, nx, ny, nz, label). An NPZ file has an array (N) of one of these names. OFF and OBJ files have none.
  ///
  /// - Throws: as `read(_:limits:note:)`; `PointFileError.noLabels`, `.badLabel`, `.labelCount`.
  /// - Complexity: O(file).
  public static func readLabelled(
    _ file: URL, limits: PointLimits = PointLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> LabelledPoints {
    try decodeLabelled(contents(of: file, limits), name: file.path, limits: limits, note: note)
  }

  /// Reads a file of labelled points in memory, as `readLabelled(_:limits:note:)`.
  ///
  /// - Parameter name: the name of the file in errors.
  public static func decodeLabelled(
    _ data: Data, name: String, limits: PointLimits = PointLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> LabelledPoints {
    let (cloud, labels) = try decode(data, name: name, limits: limits, wantsLabels: true, note: note)
    guard labels.count == cloud.count else {
      throw PointFileError.noLabels(file: name, finding: "its format has none; save it as PLY, NPY, NPZ or text")
    }
    return LabelledPoints(cloud: cloud, labels: labels)
  }
}

extension PointScanner {
  /// Names of a column of labels, without case and punctuation; of several the first is read.
  private static let labelNames = [
    "label", "labels", "part", "seg", "segmentation", "class", "classification", "scalarlabel", "scalarclassification",
  ]

  /// The column, field or array of labels by its name; nil if labels are not wanted.
  ///
  /// - Parameter names: of all; empty for one of something else than single numbers.
  /// - Throws: `PointFileError.noLabels`.
  mutating func labelColumn(in names: [String]) throws -> Int? {
    guard wantsLabels else { return nil }
    let plain = names.map(ColumnNames.plain)
    let found = Self.labelNames.compactMap { name in plain.firstIndex(of: name) }
    guard let column = found.first else {
      let shown = names.prefix(12).map { "'\($0)'" }.joined(separator: ", ")
      let expected = Self.labelNames.prefix(7).joined(separator: ", ")
      throw PointFileError.noLabels(file: file, finding: "found \(shown), expected one of \(expected)")
    }
    let others = found.dropFirst().map { "'\(names[$0])'" }.joined(separator: ", ")
    if !others.isEmpty { note("labels are read from '\(names[column])', not from \(others)") }
    return column
  }

  /// The column of labels in a table without names; nil if labels are not wanted.
  ///
  /// - Throws: `PointFileError.noLabels`.
  func labelColumn(ofUnnamed columns: Int) throws -> Int? {
    guard wantsLabels else { return nil }
    guard columns == 4 || columns == 7 else {
      throw PointFileError.noLabels(
        file: file,
        finding: "there are \(columns) columns without names, expected 4 (x, y, z, label), 7 (x, y, z, nx, ny, nz, "
          + "label), or names")
    }
    return columns - 1
  }
}
