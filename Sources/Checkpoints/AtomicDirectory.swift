import CSupport
import Foundation

/// A directory of files that appears under its name only when it is complete.
package enum AtomicDirectory {
  /// Creates a temporary directory next to `url`, lets `body` write files into it, then renames it to `url`. Removes it
  /// if anything throws.
  ///
  /// - An empty directory is replaced; one with files is replaced if `replaces` is set: the two are exchanged in one
  ///   step, and the old one is removed with its files.
  /// - If the file system cannot exchange them, the old one is first moved to `.m2pt-NAME.old`. If the process is
  ///   killed before the new one has the name, the next writer puts the old one back.
  /// - A symbolic link to a directory is kept: the directory that it names is replaced.
  /// - Temporary directories of killed processes next to `url` are removed.
  ///
  /// - Parameter files: names that `body` may write.
  /// - Throws: `CheckpointError.unwritable`, and what `body` throws; then an old directory is unchanged.
  package static func write(to url: URL, files: [String], replaces: Bool, _ body: (URL) throws -> Void) throws {
    let place = (url.isExistingDirectory ? url.resolvingSymlinksInPath() : url).standardizedFileURL
    let folder = place.deletingLastPathComponent().path
    let aside = "\(folder)/.m2pt-\(place.lastPathComponent).old"
    try withTemporary(in: folder, files: files, for: url.path) { temporary in
      restore(aside, to: place.path)
      try body(temporary)
      if rename(temporary.path, place.path) == 0 { return }
      guard replaces, errno == ENOTEMPTY || errno == EEXIST else { throw AtomicFile.failure(url.path) }
      if mp_exchange(temporary.path, place.path) == 0 { return }
      guard errno == EINVAL || errno == ENOSYS else { throw AtomicFile.failure(url.path) }
      try AtomicFile.check(rename(place.path, aside), url.path)
      guard rename(temporary.path, place.path) == 0 else {
        let error = AtomicFile.failure(url.path)
        rename(aside, place.path)
        throw error
      }
      TemporaryPlace.remove(aside)
    }
    try AtomicFile.flush(directory: folder, url.path)
  }

  /// Calls `body` with a directory in `folder` and removes it with its files afterwards. If a signal ends the process,
  /// it removes them first; if the process is killed, the next writer to `folder` does.
  ///
  /// - Parameter files: names that `body` may write.
  /// - Throws: `CheckpointError.unwritable` that names `target`, and what `body` throws.
  package static func withTemporary<Result>(
    in folder: String, files: [String], for target: String, _ body: (URL) throws -> Result
  ) throws -> Result {
    let temporary = try TemporaryPlace(.directory, files: files, in: folder, for: target)
    defer { temporary.end() }
    return try body(URL(fileURLWithPath: temporary.path))
  }

  /// Puts back a directory that a killed process moved aside, or removes it if another directory has its name.
  private static func restore(_ aside: String, to place: String) {
    guard access(aside, F_OK) == 0 else { return }
    if access(place, F_OK) == 0 { TemporaryPlace.remove(aside) } else { rename(aside, place) }
  }
}
