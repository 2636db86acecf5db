import Foundation
import MultimodalPathway

/// The files that a command's arguments mean.
struct InputFiles {
  /// In the order of the arguments.
  private(set) var names: [String] = []
  /// Arguments that mean no file, each with the reason.
  private(set) var failures: [ToolError] = []
  /// Entries of directories that are not read, by kind.
  private(set) var unread: [String: Int] = [:]

  private let frontEnd: any FrontEnd

  init(_ frontEnd: any FrontEnd) { self.frontEnd = frontEnd }

  /// Adds what a path means: a file by itself; a directory's files with the front end's endings, or of its kind by
  /// content, sorted by name, hidden ones left out; the names that a pattern like `*.flac` matches, where no file has
  /// that name and the shell left it as it is.
  mutating func add(_ path: String) {
    guard FileManager.default.fileExists(atPath: path) else {
      guard path.contains(where: { "*?[".contains($0) }) else { return names.append(path) }
      let matches = Self.matches(path)
      if matches.isEmpty { failures.append(ToolError("\(path): no file has such a name")) }
      for match in matches { addExisting(match) }
      return
    }
    addExisting(path)
  }

  private mutating func addExisting(_ path: String) {
    guard URL(fileURLWithPath: path).isExistingDirectory else { return names.append(path) }
    let entries: [String]
    do {
      entries = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      return failures.append(ToolError("\(path): cannot be listed: \(error.localizedDescription)"))
    }
    let folder = URL(fileURLWithPath: path)
    let before = names.count
    for entry in entries.sorted() where !entry.hasPrefix(".") {
      let file = folder.appendingPathComponent(entry)
      let ending = file.pathExtension.lowercased()
      if file.isExistingDirectory {
        unread["folder", default: 0] += 1
      } else if frontEnd.endings.contains(ending) || frontEnd.recognizes(file) {
        names.append(file.relativePath)
      } else {
        unread[ending.isEmpty ? "without an ending" : ".\(ending)", default: 0] += 1
      }
    }
    guard names.count == before else { return }
    let list = frontEnd.endings.map { "." + $0 }
    failures.append(
      ToolError(
        "\(path): a directory without \(list.dropLast().joined(separator: ", ")) or \(list.last ?? "") files"))
  }

  /// Names that match a pattern, sorted.
  private static func matches(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    // SAFETY: glob filled gl_pathv with gl_pathc strings, which live until globfree.
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }

  /// One line about what directories hold and is not read; nil where that is nothing.
  static func note(_ unread: [String: Int]) -> String? {
    let total = unread.values.reduce(0, +)
    guard total > 0 else { return nil }
    let kinds = unread.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }
    let shown = kinds.prefix(6).map { "\($0.value) \($0.key)".onOneLine(limit: 60) }
    return "note: \(total) \(total == 1 ? "entry" : "entries") of directories not read: "
      + shown.joined(separator: ", ") + (kinds.count > 6 ? ", ..." : "")
  }
}
