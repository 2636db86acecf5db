import MultimodalPathway
import PathwayKernels

/// Why a file of points cannot be read. Every case names the file; descriptions say what was found, where, and what was
/// expected.
public enum PointFileError: CodedError, Equatable {
  /// The quantity of a limit.
  public enum Quantity: String, Sendable {
    /// Bytes of the file.
    case fileBytes = "bytes of file"
    /// Points of the cloud.
    case points
    /// Triangles, into which polygons are cut.
    case triangles
  }

  /// A place in a file.
  public enum Place: Equatable, Sendable {
    /// A line of text, from 1.
    case line(Int)
    /// A byte, from 0.
    case byte(Int)
  }

  /// A file of zero bytes.
  case empty(file: String)
  /// A known format without points, or an unknown format.
  case unsupportedFormat(file: String, found: String)
  /// A variant of a format that is not supported.
  case unsupportedVariant(file: String, finding: String)
  /// A number above its limit in `PointLimits`.
  case limitExceeded(file: String, quantity: Quantity, found: Int, limit: Int)
  /// A line or byte that violates the format.
  case malformed(file: String, at: Place, finding: String)
  /// The file ends before its points do.
  case truncated(file: String, finding: String)
  /// The numbers do not make a cloud.
  case noCloud(file: String, reason: PointCloudError)
  /// A file without the labels that are wanted.
  case noLabels(file: String, finding: String)
  /// A label that is not a whole number; points count from 0.
  case badLabel(file: String, point: Int, found: String)
  /// An array of labels that has not one for each point.
  case labelCount(file: String, found: Int, points: Int)
}

extension PointFileError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .empty: "point-file.empty"
    case .unsupportedFormat: "point-file.unsupported-format"
    case .unsupportedVariant: "point-file.unsupported-variant"
    case .limitExceeded: "point-file.limit-exceeded"
    case .malformed: "point-file.malformed"
    case .truncated: "point-file.truncated"
    case .noCloud: "point-file.no-cloud"
    case .noLabels: "point-file.no-labels"
    case .badLabel: "point-file.bad-label"
    case .labelCount: "point-file.label-count"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .empty(let file): "\(file): the file is empty; expected points (PLY, OFF, OBJ, XYZ, NPY or NPZ)"
    case .unsupportedFormat(let file, let found):
      "\(file): found \(found), expected points (PLY, OFF, OBJ, XYZ, NPY or NPZ)"
    case .unsupportedVariant(let file, let finding): "\(file): this kind of file is not supported: \(finding)"
    case .limitExceeded(let file, let quantity, let found, let limit):
      "\(file): \(found) \(quantity.rawValue), limit \(limit); raise PointLimits.\(quantity) if the file is trusted"
    case .malformed(let file, .line(let line), let finding): "\(file): line \(line): \(finding)"
    case .malformed(let file, .byte(let byte), let finding): "\(file): byte \(byte): \(finding)"
    case .truncated(let file, let finding): "\(file): the file is truncated: \(finding); download or copy it again"
    case .noCloud(let file, let reason): "\(file): \(reason)"
    case .noLabels(let file, let finding): "\(file): its points have no labels: \(finding)"
    case .badLabel(let file, let point, let found):
      "\(file): the label of point \(point), counted from 0, is '\(found)', expected a whole number"
    case .labelCount(let file, let found, let points):
      "\(file): has \(found) labels for \(points) points, expected one for each"
    }
  }
}

/// Limits of reading a file of points, checked before memory is allocated.
public struct PointLimits: Sendable, Hashable {
  /// Bytes of the file.
  public var fileBytes: Int
  /// Points of the cloud.
  public var points: Int
  /// Triangles, into which polygons are cut.
  public var triangles: Int

  /// Limits, by default 256 MiB of file, 2^23 points and 2^24 triangles.
  public init(fileBytes: Int = 1 << 28, points: Int = 1 << 23, triangles: Int = 1 << 24) {
    self.fileBytes = fileBytes
    self.points = points
    self.triangles = triangles
  }
}
