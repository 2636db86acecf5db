import CSupport
import Foundation

/// An unfinished file or directory, in the directory of its result.
///
/// Its name is `.m2pt-UUID.partial`, of one length for every result: a name of the longest length that the file system
/// allows must not be made longer. A lock (flock) shows that its process is running, and ends with the process. One
/// that is not locked was left by a killed process, and the next writer to the directory removes it. A signal that ends
/// the process removes it too (`mp_remove_temporaries_on`).
struct TemporaryPlace {
  let path: String
  /// Open, and locked if the file system has locks.
  let descriptor: Int32
  /// The handles that `mp_note_temporary` returned: for the place, and for the files in it.
  private let notes: [Int32]
  private let files: [String]

  enum Kind { case file, directory }

  /// Creates it, and removes leftovers of killed processes in `folder`.
  ///
  /// - Parameters:
  ///   - files: names that a directory's files may have.
  ///   - target: names the result in errors.
  /// - Throws: `CheckpointError.unwritable`.
  init(_ kind: Kind, files: [String] = [], in folder: String, for target: String) throws {
    self.files = files
    Self.removeLeftovers(in: folder)
    while true {
      let path = "\(folder)/\(Self.prefix)\(UUID().uuidString)\(Self.suffix)"
      let notes = [mp_note_temporary(path)] + files.map { mp_note_temporary("\(path)/\($0)") }
      var isMade = false
      let descriptor: Int32
      switch kind {
      case .file: descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      case .directory:
        isMade = mkdir(path, 0o777) == 0
        descriptor = isMade ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1
      }
      guard descriptor >= 0 else {
        let reason = errno
        rmdir(path)
        notes.forEach(mp_forget_temporary)
        if isMade, reason == ENOENT { continue }
        errno = reason
        throw AtomicFile.failure(target)
      }
      // Before it is locked, another process may remove it as a leftover; then the next name is tried.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, access(path, F_OK) == 0 {
        (self.path, self.descriptor, self.notes) = (path, descriptor, notes)
        return
      }
      close(descriptor)
      notes.forEach(mp_forget_temporary)
    }
  }

  /// Removes it if it still exists under its name, and releases the lock.
  func end() {
    for file in files { unlink("\(path)/\(file)") }
    Self.remove(path)
    notes.forEach(mp_forget_temporary)
    close(descriptor)
  }

  // MARK: - Leftovers

  private static let prefix = ".m2pt-"
  private static let suffix = ".partial"

  private static func isOurs(_ name: String) -> Bool {
    name.hasPrefix(prefix) && name.hasSuffix(suffix)
      && UUID(uuidString: String(name.dropFirst(prefix.count).dropLast(suffix.count))) != nil
  }

  /// Removes unfinished files and directories whose processes have ended. Failures are ignored: the result does not
  /// depend on them.
  private static func removeLeftovers(in folder: String) {
    for name in names(in: folder) where isOurs(name) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove(path) }
    }
  }

  /// Removes a file, or a directory and the files in it, not recursively.
  static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in names(in: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// Empty if the directory cannot be read.
  private static func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }
}
