import Foundation

/// Files sorted into one folder a class; folder names, sorted, are the labels.
struct ClassFolders {
  let classes: [String]
  let files: [String]
  /// The class of each file, by index of `classes`.
  let labels: [Int]

  /// - Parameters:
  ///   - frontEnd: what tells the files that are meant.
  ///   - known: classes to expect; absent: those that the directory has. A known class without a folder has no
  ///     files.
  /// - Throws: `ToolError` where there are no folders, a folder has no files, or a class is not known.
  init(_ path: String, _ frontEnd: any FrontEnd, known: [String]? = nil) throws {
    let root = URL(fileURLWithPath: path)
    let found: [String]
    do {
      found = try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
        !name.hasPrefix(".") && root.appendingPathComponent(name).isExistingDirectory
      }.sorted()
    } catch {
      throw ToolError("\(path): cannot be listed: \(error.localizedDescription)")
    }
    if found.isEmpty { throw ToolError("\(path): has no folders; put each class's files into a folder of its name") }
    classes = known ?? found
    var places: [String: Int] = [:]
    for (index, name) in classes.enumerated() { places[name] = index }
    var files = InputFiles(frontEnd)
    var labels: [Int] = []
    for name in found {
      guard let label = places[name] else {
        let known = classes.joined(separator: ", ")
        throw ToolError("\(path): class '\(name)' is not among the training classes: \(known)")
      }
      let before = files.names.count
      files.add(root.appendingPathComponent(name).path)
      if let failure = files.failures.first { throw failure }
      labels += [Int](repeating: label, count: files.names.count - before)
    }
    if let note = InputFiles.note(files.unread) { report(note) }
    self.files = files.names
    self.labels = labels
  }
}
