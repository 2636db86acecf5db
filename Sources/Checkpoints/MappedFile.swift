import Foundation

/// A file's bytes, mapped read-only for as long as the object lives.
///
/// The file may be replaced or deleted meanwhile: the mapping keeps what was opened. It must not be cut short in place,
/// which ends the process at the next read of what is gone (SIGBUS), as with every mapped file.
final class MappedFile: @unchecked Sendable {
  // SAFETY: the mapping is private, never written, and unmapped only when nobody holds the object.

  let url: URL
  /// The whole file; empty, without a base address, for an empty file.
  let bytes: UnsafeRawBufferPointer

  /// - Throws: `CheckpointError.unreadable`; a directory, pipe or device is refused without waiting for it.
  init(_ url: URL) throws {
    self.url = url
    func failure(_ reason: String = String(cString: strerror(errno))) -> CheckpointError {
      .unreadable(file: url.path, reason: reason)
    }
    // Opening a pipe would wait for its writer.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    // Nothing was written: closing cannot lose anything.
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure("not a regular file") }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
      throw failure()
    }
    bytes = UnsafeRawBufferPointer(start: mapped, count: count)
  }

  deinit {
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }
}
