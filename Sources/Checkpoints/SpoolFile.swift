import Foundation

/// An unnamed temporary file, which disappears with its last reference or with the process.
///
/// Holds data that would otherwise grow in memory with the length of the work. One thread at a time.
package final class SpoolFile {
  private let descriptor: Int32
  /// Names the result in errors.
  private let path: String
  /// Bytes so far.
  package private(set) var count = 0

  /// - Parameters:
  ///   - folder: the directory whose disk stores the bytes.
  ///   - path: names the result in errors.
  /// - Throws: `CheckpointError.unwritable`.
  package init(in folder: URL, for path: String) throws {
    self.path = path
    let name = folder.appendingPathComponent(".m2pt-\(UUID().uuidString).partial").path
    descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw AtomicFile.failure(path) }
    unlink(name)
  }

  deinit { close(descriptor) }

  /// Writes all of `bytes` at `offset`, or at the end.
  ///
  /// - Throws: `CheckpointError.unwritable`, also if the disk is full.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) throws {
    let start = offset ?? count
    try AtomicFile(descriptor: descriptor, path: path).write(bytes, at: start)
    count = max(count, start + bytes.count)
  }

  /// Truncates to the first `size` bytes.
  package func cut(to size: Int) { count = min(count, size) }

  /// Reads `bytes` from `offset` on.
  ///
  /// - Throws: `CheckpointError.unreadable`.
  package func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let got = pread(
        descriptor, UnsafeMutableRawBufferPointer(rebasing: bytes[done...]).baseAddress, bytes.count - done,
        off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        throw CheckpointError.unreadable(
          file: path, reason: got == 0 ? "its temporary file is too short" : String(cString: strerror(errno)))
      }
      done += got
    }
  }

  /// Copies everything to `file`, from `offset` on, a piece at a time.
  package func copy(to file: AtomicFile, at offset: Int) throws {
    try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 64) { piece in
      var done = 0
      while done < count {
        let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, count - done)])
        try read(at: done, into: part)
        try file.write(UnsafeRawBufferPointer(part), at: offset + done)
        done += part.count
      }
    }
  }
}
