import Foundation
import MultimodalPathway

/// Files in one directory for each class. The names of the directories, sorted, are the classes.
public struct ClassFolders: Sendable {
  /// Names of the classes.
  public let classes: [String]
  /// Paths of all files, class by class.
  public let paths: [String]
  /// The class of each file, an index of `classes`.
  public let labels: [Int]
  /// Entries of the class directories that are not read, as `InputFiles.unread`.
  public let unread: [String: Int]

  /// Lists a directory.
  ///
  /// - Parameters:
  ///   - path: a directory with a directory for each class.
  ///   - frontEnd: determines the kind of files that are listed.
  ///   - expected: the classes, in order; nil for those in the directory. A class without a directory has no files.
  /// - Throws: `DataError` if there are no class directories, one has no files, or its name is not expected.
  public init(_ path: String, _ frontEnd: any FrontEnd, expecting expected: [String]? = nil) throws(DataError) {
    let root = URL(fileURLWithPath: path)
    let found = try Self.folders(in: path)
    if found.isEmpty { throw .noClassFolders(directory: path) }
    classes = expected ?? found
    var places: [String: Int] = [:]
    for (index, name) in classes.enumerated() { places[name] = index }
    var files = InputFiles(frontEnd)
    var labels: [Int] = []
    for name in found {
      guard let label = places[name] else {
        throw .unknownClass(directory: path, found: name, expected: classes)
      }
      let before = files.paths.count
      files.add(root.appendingPathComponent(name).path)
      if let failure = files.failures.first { throw failure }
      labels += [Int](repeating: label, count: files.paths.count - before)
    }
    paths = files.paths
    unread = files.unread
    self.labels = labels
  }

  /// Lists a directory whose files are all of one class.
  ///
  /// - Throws: `DataError` if it has no files.
  init(_ path: String, _ frontEnd: any FrontEnd, allOf name: String) throws(DataError) {
    var files = InputFiles(frontEnd)
    files.add(path)
    if let failure = files.failures.first { throw failure }
    (classes, paths, unread) = ([name], files.paths, files.unread)
    labels = [Int](repeating: 0, count: files.paths.count)
  }

  /// Names of the directories in a directory, sorted, without hidden ones.
  ///
  /// - Throws: `DataError.unlistable`.
  static func folders(in path: String) throws(DataError) -> [String] {
    let root = URL(fileURLWithPath: path)
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
        !name.hasPrefix(".") && root.appendingPathComponent(name).isExistingDirectory
      }.sorted()
    } catch {
      throw .unlistable(directory: path, reason: error.localizedDescription)
    }
  }
}
