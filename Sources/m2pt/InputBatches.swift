import Foundation
import MultimodalPathway
import PathwayKernels

/// Files as the batches that a model reads, decoded by all threads of its engine.
struct InputBatches {
  let frontEnd: any FrontEnd
  let engine: Engine
  /// Most views of a batch.
  let size: Int

  /// A view of a file, by the file's place in a list.
  struct Unit {
    let file: Int
    /// Whether it is the file's last view.
    let isLast: Bool
  }

  /// A file by itself; a directory's files with the front end's endings, sorted by name; what a pattern like `*.flac`
  /// stands for, where no file has that name and the shell left it as it is.
  ///
  /// - Throws: `ToolError` where there are none, or a directory cannot be listed.
  static func files(_ path: String, endings: [String]) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else {
      guard path.contains(where: { "*?[".contains($0) }) else { return [path] }
      return try matches(path).flatMap { try files($0, endings: endings) }
    }
    guard URL(fileURLWithPath: path).isExistingDirectory else { return [path] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw ToolError("\(path): cannot be listed: \(error.localizedDescription)")
    }
    let folder = URL(fileURLWithPath: path)
    let meant = names.filter { name in
      !name.hasPrefix(".") && endings.contains(URL(fileURLWithPath: name).pathExtension.lowercased())
    }
    guard !meant.isEmpty else {
      let list = endings.map { "." + $0 }
      throw ToolError("\(path): a directory without \(list.dropLast().joined(separator: ", ")) or \(list.last ?? "") files")
    }
    return meant.sorted().map { folder.appendingPathComponent($0).relativePath }
  }

  /// Names that a pattern stands for, sorted.
  private static func matches(_ pattern: String) throws -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { throw ToolError("\(pattern): no file has such a name") }
    // SAFETY: glob filled gl_pathv with gl_pathc strings, which live until globfree.
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }

  /// Calls `body` with every batch: views of files, by place in `names`, all of one file before those of the next, and
  /// their normalised values, (B, ...).
  ///
  /// - Parameter skip: called with what keeps a file from being read, which is then left out; it may throw it.
  func forEach(
    _ names: [String], skip: (any Error) throws -> Void = { throw $0 }, _ body: ([Unit], Tensor) throws -> Void
  ) throws {
    let values = frontEnd.shape.reduce(1, *)
    let step = max(1, size / (frontEnd.viewCount ?? 1))
    for start in stride(from: 0, to: names.count, by: step) {
      let results = try read(Array(names[start..<min(names.count, start + step)]))
      var units: [Unit] = []
      var pixels: [Float] = []
      for (place, result) in results.enumerated() {
        do {
          let own = try result.get()
          pixels += own
          units += (1...own.count / values).map { Unit(file: start + place, isLast: $0 * values == own.count) }
        } catch {
          try skip(error)
        }
      }
      for first in stride(from: 0, to: units.count, by: size) {
        let range = first..<min(units.count, first + size)
        let batch = Array(pixels[range.lowerBound * values..<range.upperBound * values])
        try body(Array(units[range]), Tensor(batch, shape: [range.count] + frontEnd.shape))
      }
    }
  }

  /// Every file's normalised values, or why there are none, each read whole by one thread.
  private func read(_ names: [String]) throws -> [Result<[Float], any Error>] {
    var results = [Result<[Float], any Error>](repeating: .success([]), count: names.count)
    try results.withUnsafeMutableBufferPointer { results in
      try engine.run { member in
        member.share(names.count) { index in
          results[index] = Result { try frontEnd.views(URL(fileURLWithPath: names[index])) }
        }
      }
    }
    return results
  }
}
