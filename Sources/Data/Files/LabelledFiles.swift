import Foundation
import MultimodalPathway

/// Files and the classes that each of them shows: what training and evaluation read.
public protocol LabelledFiles: Sendable {
  /// Names of the classes.
  var classes: [String] { get }
  /// Paths of all files.
  var paths: [String] { get }
  /// The classes of each file, indices of `classes`: at least one, ascending.
  var labelSets: [[Int]] { get }
  /// What was found and is not read, by kind, as `InputFiles.unread`.
  var unread: [String: Int] { get }
}

extension LabelledFiles {
  /// The first file that shows several classes, an index of `paths`; nil if every file shows one.
  public var firstWithSeveralClasses: Int? { labelSets.firstIndex { $0.count != 1 } }
}

extension ClassFolders: LabelledFiles {
  /// The class of each file.
  public var labelSets: [[Int]] { labels.map { [$0] } }
}

/// Labelled files in any of their layouts.
public enum LabelledData {
  /// Reads a directory with a directory for each class (`ClassFolders`), a table of paths and labels (`Manifest`), or a
  /// table of AudioSet's segments (`AudioSetSegments`), which begins with `#`.
  ///
  /// - Parameters:
  ///   - path: a directory or a table.
  ///   - frontEnd: determines the kind of files.
  ///   - split: the part of a table that is read; nil for all of it. Directories have no splits.
  ///   - expected: the classes, in order; nil for those of the data.
  /// - Throws: `DataError`, `TableError`.
  public static func read(
    _ path: String, _ frontEnd: any FrontEnd, split: Manifest.Split? = nil, expecting expected: [String]? = nil
  ) throws -> any LabelledFiles {
    let isTable = FileManager.default.fileExists(atPath: path) && !URL(fileURLWithPath: path).isExistingDirectory
    guard isTable else { return try ClassFolders(path, frontEnd, expecting: expected) }
    let text = try TableText.read(path, limit: TableText.mostManifestBytes)
    return text.hasPrefix("#")
      ? try AudioSetSegments(text, path, frontEnd, expecting: expected)
      : try Manifest(text, path, split: split, expecting: expected)
  }

  /// The same for a head that answers for every point: the classes are its categories. Of a head of one category the
  /// directory itself may have the files.
  ///
  /// - Throws: `DataError`, `TableError`.
  public static func read(
    _ path: String, _ frontEnd: any FrontEnd, split: Manifest.Split? = nil, of head: PartConfiguration
  ) throws -> any LabelledFiles {
    let names = head.categories.map(\.name)
    if names.count == 1, URL(fileURLWithPath: path).isExistingDirectory, try ClassFolders.folders(in: path).isEmpty {
      return try ClassFolders(path, frontEnd, allOf: names[0])
    }
    return try read(path, frontEnd, split: split, expecting: names)
  }
}
