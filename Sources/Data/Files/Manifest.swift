import Foundation
import MultimodalPathway

/// Files and their classes in a table of comma-separated values with a header: `path,label` or `path,label,split`.
///
///     path,label,split
///     sounds/17.wav,dog,train
///     sounds/18.wav,dog;rain,validation
///
/// Paths are relative to the directory of the table. Several labels of a file are separated by semicolons. The classes
/// are all labels of the table, also those of other splits, sorted.
public struct Manifest: LabelledFiles {
  /// A part of the data; the column also has the names `val`, `valid`, `dev` and `eval`.
  public enum Split: String, Sendable, Hashable, CaseIterable {
    /// Trained on.
    case train
    /// Measured on during training.
    case validation
    /// Measured on afterwards.
    case test

    private static let names = ["val": validation, "valid": validation, "dev": validation, "eval": test]

    init?(column text: String) {
      let name = text.lowercased()
      guard let split = Self.names[name] ?? Split(rawValue: name) else { return nil }
      self = split
    }
  }

  /// Names of the classes.
  public let classes: [String]
  /// Paths of all files.
  public let paths: [String]
  /// The classes of each file, ascending.
  public let labelSets: [[Int]]
  /// Nothing.
  public var unread: [String: Int] { [:] }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - split: the rows that are read; nil, or a table without the column: all.
  ///   - expected: the classes, in order; nil for the table's labels.
  /// - Throws: `TableError`.
  public init(_ path: String, split: Split? = nil, expecting expected: [String]? = nil) throws(TableError) {
    try self.init(
      TableText.read(path, limit: TableText.mostManifestBytes), path, split: split, expecting: expected)
  }

  /// The same of a text; `path` is the place of the table.
  init(_ text: String, _ path: String, split: Split?, expecting expected: [String]?) throws(TableError) {
    let rows = try Self.rows(text, path)
    classes = expected ?? Set(rows.flatMap(\.labels)).sorted()
    let places = Dictionary(classes.enumerated().map { ($1, $0) }) { first, _ in first }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    var (paths, labelSets): ([String], [[Int]]) = ([], [])
    for row in rows where split == nil || row.split == nil || row.split == split {
      paths.append(row.path.hasPrefix("/") ? row.path : folder.appendingPathComponent(row.path).path)
      var labels: Set<Int> = []
      for label in row.labels {
        guard let place = places[label] else {
          throw .malformed(
            file: path, line: row.line,
            finding: "the label '\(label)' is not one of the classes: \(classes.joined(separator: ", "))")
        }
        labels.insert(place)
      }
      labelSets.append(labels.sorted())
    }
    guard !paths.isEmpty else {
      let splits = Set(rows.compactMap(\.split?.rawValue)).sorted().joined(separator: ", ")
      throw .malformed(
        file: path, line: nil,
        finding: split.flatMap { rows.isEmpty ? nil : "has no rows of the split '\($0.rawValue)', only of: \(splits)" }
          ?? "has no rows")
    }
    (self.paths, self.labelSets) = (paths, labelSets)
  }

  private struct Row {
    let line: Int
    let path: String
    let labels: [String]
    let split: Split?
  }

  private static func rows(_ text: String, _ file: String) throws(TableError) -> [Row] {
    let records = try CSV.records(text, file: file)
    let header = records.first?.fields ?? []
    let columns = ["path", "label", "split"]
    guard let path = header.firstIndex(of: "path"), let label = header.firstIndex(of: "label"),
      Set(header).count == header.count, header.allSatisfy(columns.contains)
    else {
      throw .malformed(
        file: file, line: records.first?.line ?? 1,
        finding: "the first line is '\(header.joined(separator: ","))', expected path,label or path,label,split")
    }
    let split = header.firstIndex(of: "split")
    var (rows, seen): ([Row], Set<String>) = ([], [])
    for record in records.dropFirst() {
      func malformed(_ finding: String) -> TableError { .malformed(file: file, line: record.line, finding: finding) }
      let fields = record.fields
      guard fields.count == header.count else {
        throw malformed("\(fields.count) columns, expected \(header.count) as in the first line")
      }
      guard !fields[path].isEmpty else { throw malformed("the row has no path") }
      guard seen.insert(fields[path]).inserted else { throw malformed("names '\(fields[path])' twice") }
      let labels = fields[label].split(separator: ";", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard !labels.contains("") else {
        throw malformed("the label is '\(fields[label])', expected a name, or several separated by semicolons")
      }
      let part = split.map { Split(column: fields[$0]) }
      if let split, part == .some(nil) {
        throw malformed("the split is '\(fields[split])', expected train, validation or test")
      }
      rows.append(Row(line: record.line, path: fields[path], labels: labels, split: part ?? nil))
    }
    return rows
  }
}
