import CSupport
import Foundation

/// A file or a directory that is not finished, in the directory where its result will be.
///
/// Its name is `.m2pt-UUID.partial`, of one length for every result: a name that just fits the file system must not be
/// made longer. A lock (flock) says that its process lives, and goes with the process: what is not locked was left by
/// one that was killed, and the next writer in the directory removes it. A signal that ends the process removes it too
/// (`mp_remove_temporaries_on`).
struct TemporaryPlace {
  let path: String
  /// Open, and locked where the file system has locks.
  let descriptor: Int32
  /// As `mp_note_temporary` gave them: of the place, and of files in it.
  private let notes: [Int32]
  private let files: [String]

  enum Kind { case file, directory }

  /// Creates it, and removes what killed processes left in `folder`.
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
      // Until it is locked, another process may take it for a leftover; then it is gone, and the next name is tried.
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, access(path, F_OK) == 0 {
        (self.path, self.descriptor, self.notes) = (path, descriptor, notes)
        return
      }
      close(descriptor)
      notes.forEach(mp_forget_temporary)
    }
  }

  /// Removes what has its name, if anything has, and gives up the lock.
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

  /// Removes unfinished files and directories whose processes are gone. What cannot be removed stays: the result does
  /// not depend on it.
  private static func removeLeftovers(in folder: String) {
    for name in names(in: folder) where isOurs(name) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove(path) }
    }
  }

  /// Removes a file, or a directory and the files in it; not what is in directories of that.
  static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in names(in: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// None where the directory cannot be read.
  private static func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }
}
