import Foundation
import MultimodalPathway

/// The files that paths name: files, files of directories, and files that match patterns.
public struct InputFiles: Sendable {
  /// Paths of files, in the order in which they were added.
  public private(set) var paths: [String] = []
  /// Errors of added paths that name no file.
  public private(set) var failures: [DataError] = []
  /// Entries of directories that are not read, by kind: `folder`, `.txt`, `without an ending`.
  public private(set) var unread: [String: Int] = [:]

  private let frontEnd: any FrontEnd

  /// No files yet.
  ///
  /// - Parameter frontEnd: determines the kind of files that directories are searched for.
  public init(_ frontEnd: any FrontEnd) { self.frontEnd = frontEnd }

  /// Adds the files that a path names: a file; the files of a directory with an extension of the front end, or of its
  /// kind by content, sorted by name, without hidden ones; or the names that a pattern like `*.flac` matches, if no
  /// file has that name. A path that does not exist is added unchanged: reading it gives the error.
  public mutating func add(_ path: String) {
    guard FileManager.default.fileExists(atPath: path) else {
      guard path.contains(where: { "*?[".contains($0) }) else { return paths.append(path) }
      let matches = Self.matches(path)
      if matches.isEmpty { failures.append(.noMatch(pattern: path)) }
      for match in matches { addExisting(match) }
      return
    }
    addExisting(path)
  }

  private mutating func addExisting(_ path: String) {
    guard URL(fileURLWithPath: path).isExistingDirectory else { return paths.append(path) }
    let entries: [String]
    do {
      entries = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      return failures.append(.unlistable(directory: path, reason: error.localizedDescription))
    }
    let folder = URL(fileURLWithPath: path)
    let before = paths.count
    for entry in entries.sorted() where !entry.hasPrefix(".") {
      let file = folder.appendingPathComponent(entry)
      let ending = file.pathExtension.lowercased()
      if file.isExistingDirectory {
        unread["folder", default: 0] += 1
      } else if frontEnd.fileExtensions.contains(ending) || frontEnd.recognizes(file) {
        paths.append(file.relativePath)
      } else {
        unread[ending.isEmpty ? "without an ending" : ".\(ending)", default: 0] += 1
      }
    }
    if paths.count == before { failures.append(.noFiles(directory: path, extensions: frontEnd.fileExtensions)) }
  }

  /// Names that match a pattern, sorted.
  private static func matches(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    // SAFETY: glob filled gl_pathv with gl_pathc strings, which live until globfree.
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }
}
