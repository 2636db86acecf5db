import Foundation

/// A file's bytes, mapped read-only for as long as the object lives.
final class MappedFile: @unchecked Sendable {
  // SAFETY: the mapping is private and never written.

  let url: URL
  let base: UnsafeRawPointer
  let count: Int

  init(_ url: URL) throws {
    self.url = url
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CheckpointError.unreadable(file: url.path, reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError.unreadable(file: url.path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError.unreadable(file: url.path, reason: "not a regular file")
    }
    count = Int(status.st_size)
    guard count > 0 else { throw CheckpointError.tooShort(file: url.path, bytes: 0) }
    guard let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
      throw CheckpointError.unreadable(file: url.path, reason: String(cString: strerror(errno)))
    }
    base = UnsafeRawPointer(mapped)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: base), count) }
}
