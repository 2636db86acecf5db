import Foundation
import MultimodalPathway

/// AudioSet's table of segments (Gemmeke et al. 2017) with the recordings that were fetched for it.
///
///     # YTID, start_seconds, end_seconds, positive_labels
///     -0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"
///
/// The directory of the table has `class_labels_indices.csv`, whose order and names the classes are, and the recording
/// of a segment, `-0RWZT-miFs.wav` or with another ending of sound, or with a `Y` before the name. Recordings may also
/// be in a directory there that has the table's name without its ending. Of several recordings of a segment the first
/// by name is read. A recording is the segment: it is not cut to the table's seconds. Segments without a recording are
/// counted in `unread`.
public struct AudioSetSegments: LabelledFiles {
  /// Names of the classes.
  public let classes: [String]
  /// Paths of all files.
  public let paths: [String]
  /// The classes of each file, ascending.
  public let labelSets: [[Int]]
  /// The number of segments without a recording.
  public let unread: [String: Int]

  /// Reads a table and lists its directory.
  ///
  /// - Parameters:
  ///   - frontEnd: determines the kind of files.
  ///   - expected: the classes, in order; nil for those of `class_labels_indices.csv`.
  /// - Throws: `TableError`; `DataError.unlistable`, `.noFiles`.
  public init(_ path: String, _ frontEnd: any FrontEnd, expecting expected: [String]? = nil) throws {
    try self.init(
      TableText.read(path, limit: TableText.mostManifestBytes), path, frontEnd, expecting: expected)
  }

  /// The same of a text; `path` is the place of the table.
  init(_ text: String, _ path: String, _ frontEnd: any FrontEnd, expecting expected: [String]?) throws {
    guard !text.hasTooManyCombiningMarks else {
      throw TableError.malformed(file: path, line: nil, finding: "the text has more than 30 combining marks in a row")
    }
    let table = URL(fileURLWithPath: path)
    let folder = table.deletingLastPathComponent()
    let list = folder.appendingPathComponent("class_labels_indices.csv").path
    let names = try ClassNames.identified(list)
    let classes = expected ?? names.map(\.name)
    self.classes = classes
    let places = Dictionary(classes.enumerated().map { ($1, $0) }) { first, _ in first }
    let numbers = Dictionary(names.map { ($0.identifier, places[$0.name]) }) { first, _ in first }
    let files = try Self.files(in: [folder, table.deletingPathExtension()], frontEnd)
    var (paths, labelSets, missing): ([String], [[Int]], Int) = ([], [], 0)
    var seen: Set<String> = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      func malformed(_ finding: String) -> TableError { .malformed(file: path, line: index + 1, finding: finding) }
      if line.isEmpty || line.hasPrefix("#") { continue }
      let fields = line.split(separator: ",", maxSplits: 3).map { $0.trimmingCharacters(in: .whitespaces) }
      guard fields.count == 4, !fields[0].isEmpty else {
        throw malformed("'\(line)' is no segment, expected YTID, start_seconds, end_seconds, \"labels\"")
      }
      guard seen.insert(fields[0]).inserted else { throw malformed("names '\(fields[0])' twice") }
      var labels: Set<Int> = []
      for label in fields[3].trimmingCharacters(in: ["\""]).split(separator: ",") {
        guard let entry = numbers[String(label)] else { throw malformed("'\(label)' is not in \(list)") }
        guard let number = entry else { throw malformed("'\(label)' is not one of the expected classes") }
        labels.insert(number)
      }
      if labels.isEmpty { throw malformed("the segment has no labels") }
      guard let file = files[fields[0]] ?? files["Y" + fields[0]] else {
        missing += 1
        continue
      }
      paths.append(file)
      labelSets.append(labels.sorted())
    }
    guard !paths.isEmpty else { throw DataError.noFiles(directory: folder.path, extensions: frontEnd.fileExtensions) }
    (self.paths, self.labelSets) = (paths, labelSets)
    unread = missing > 0 ? ["segments without a recording": missing] : [:]
  }

  /// Paths by name without ending; of two files of a name the first in the order of names.
  private static func files(in folders: [URL], _ frontEnd: any FrontEnd) throws -> [String: String] {
    var files: [String: String] = [:]
    for folder in folders where folder.isExistingDirectory {
      let entries: [String]
      do {
        entries = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      } catch {
        throw DataError.unlistable(directory: folder.path, reason: error.localizedDescription)
      }
      for entry in entries.sorted() {
        let file = folder.appendingPathComponent(entry)
        guard frontEnd.fileExtensions.contains(file.pathExtension.lowercased()) else { continue }
        let name = file.deletingPathExtension().lastPathComponent
        if files[name] == nil { files[name] = file.path }
      }
    }
    return files
  }
}
