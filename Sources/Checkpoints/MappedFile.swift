import Foundation

/// The bytes of a file, mapped read-only or copied to memory, for as long as the object lives.
///
/// The file may be replaced or deleted meanwhile: the mapping keeps what was opened. It must not be truncated in place:
/// a read beyond its new end would end the process (SIGBUS), as with every mapped file.
final class MappedFile: @unchecked Sendable {
  // SAFETY: the bytes are private, never written, and released in deinit.

  /// The name of the file in errors.
  let path: String
  /// The whole file; empty, without a base address, for an empty file.
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// - Throws: `CheckpointError.unreadable`, without waiting, also for a directory, pipe or device.
  init(_ url: URL) throws {
    path = url.path
    isMapped = true
    func failure(_ reason: String = String(cString: strerror(errno))) -> CheckpointError {
      .unreadable(file: url.path, reason: reason)
    }
    // Opening a pipe would wait for its writer.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    // The descriptor is read-only: an error of `close` loses nothing.
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
      throw errno == ENOMEM
        ? failure("its \(count) bytes cannot be mapped into memory; raise the limit (ulimit -v)") : failure()
    }
    bytes = UnsafeRawBufferPointer(start: mapped, count: count)
  }

  /// A copy of bytes in memory.
  init(copying data: Data, name: String) {
    path = name
    isMapped = false
    guard !data.isEmpty else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 64)
    copy.copyBytes(from: data)
    bytes = UnsafeRawBufferPointer(copy)
  }

  /// Releases the memory of whole pages within `part`; the next read gets them from the file again.
  func releasePages(of part: UnsafeRawBufferPointer) {
    guard isMapped, let base = part.baseAddress else { return }
    let page = UInt(getpagesize())
    let start = (UInt(bitPattern: base) + page - 1) / page * page
    let end = (UInt(bitPattern: base) + UInt(part.count)) / page * page
    guard start < end else { return }
    // SAFETY: whole pages of this mapping, which are never written. A failure only keeps them in memory.
    madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
  }

  deinit {
    guard let base = bytes.baseAddress else { return }
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    } else {
      base.deallocate()
    }
  }
}
