import CSupport
import Foundation

/// A file that appears under its name only when it is complete.
package struct AtomicFile {
  private let descriptor: Int32
  private let path: String

  /// Creates a temporary file in the directory of `url`, lets `body` fill it, and renames it; removes it if anything
  /// throws.
  ///
  /// - A symbolic link is kept: the file that it names is replaced or created.
  /// - The permission bits of an existing file are kept, its owner and other attributes are not; a new file gets 0666
  ///   less the mask of the process. Directories, pipes and devices are refused before `body` runs.
  /// - File and directory are flushed to the disk before this returns.
  /// - Temporary files of killed processes in the directory are removed (`TemporaryPlace`).
  ///
  /// - Throws: `CheckpointError.unwritable`, and what `body` throws.
  package static func write(to url: URL, _ body: (AtomicFile) throws -> Void) throws {
    let target = try destination(url)
    var status = stat()
    var mode: mode_t?
    if stat(target, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw CheckpointError.unwritable(file: url.path, reason: "it exists and is not a regular file")
      }
      mode = status.st_mode & 0o7777
    } else if errno != ENOENT {
      throw failure(url.path)
    }

    let folder = URL(fileURLWithPath: target).deletingLastPathComponent().path
    let temporary = try TemporaryPlace(.file, in: folder, for: url.path)
    defer { temporary.end() }
    // A copy: the descriptor of the place keeps its lock until the file has its name.
    let descriptor = fcntl(temporary.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { throw failure(url.path) }
    do {
      try body(AtomicFile(descriptor: descriptor, path: url.path))
      if let mode { try check(fchmod(descriptor, mode), url.path) }
      try check(fsync(descriptor), url.path)
    } catch {
      close(descriptor)
      throw error
    }
    // Some file systems report only now that the disk is full.
    try check(close(descriptor), url.path)
    try check(rename(temporary.path, target), url.path)
    try flush(directory: folder, url.path)
  }

  /// Writes a file of `bytes`, as `write(to:_:)` does.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package static func write(_ bytes: some ContiguousBytes, to url: URL) throws {
    try write(to: url) { file in try bytes.withUnsafeBytes { try file.append($0) } }
  }

  /// A writer to a descriptor that the caller opens and closes; `path` names it in errors.
  package init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Appends all of `bytes`.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw Self.failure(path) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// Writes all of `bytes` at `offset`. Several threads may call this at once; it is not mixed with `append`.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let written = pwrite(
        descriptor, UnsafeRawBufferPointer(rebasing: bytes[done...]).baseAddress, bytes.count - done, offset + done)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw Self.failure(path) }
      done += written
    }
  }

  /// Cuts the file to `size` bytes.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package func truncate(to size: Int) throws { try Self.check(ftruncate(descriptor, off_t(size)), path) }

  /// Starts flushing what is written so far, so that `write(to:_:)` has less to wait for at its end.
  package func beginFlushing() { mp_begin_flush(descriptor) }

  static func failure(_ path: String) -> CheckpointError {
    .unwritable(file: path, reason: String(cString: strerror(errno)))
  }

  static func check(_ result: Int32, _ path: String) throws {
    guard result == 0 else { throw failure(path) }
  }

  /// The path with any symbolic link in its last component resolved.
  private static func destination(_ url: URL) throws -> String {
    var path = url.path
    for _ in 0..<40 {
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = buffer.withUnsafeMutableBufferPointer { bytes in
        bytes.withMemoryRebound(to: CChar.self) { chars in
          chars.baseAddress.map { readlink(path, $0, chars.count) } ?? -1
        }
      }
      guard count >= 0 else {
        // EINVAL: not a link. ENOENT: nothing there yet.
        guard errno == EINVAL || errno == ENOENT else { throw failure(url.path) }
        return path
      }
      let link = String(decoding: buffer.prefix(count), as: UTF8.self)
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      path = link.hasPrefix("/") ? link : "\(folder)/\(link)"
    }
    errno = ELOOP
    throw failure(url.path)
  }

  /// Makes a new name survive a power failure.
  static func flush(directory: String, _ path: String) throws {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // EACCES: the directory may be written but not read, and so not flushed.
    if descriptor < 0 && errno == EACCES { return }
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    // EINVAL: this file system cannot flush directories.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(path) }
  }
}
