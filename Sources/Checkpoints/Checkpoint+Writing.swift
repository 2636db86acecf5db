import Foundation

extension Checkpoint {
  /// Writes a safetensors file: to a temporary file beside it, then renamed, so that `url` is either whole or untouched.
  ///
  /// The bytes depend on tensors and metadata alone. Tensors go by element size, largest first, then by name; the data begins at a
  /// multiple of 64 bytes and every tensor at a multiple of its element size.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  public func write(to url: URL) throws {
    let ordered = tensors.sorted {
      ($1.value.elementType.byteCount, $0.key) < ($0.value.elementType.byteCount, $1.key)
    }
    var header: [UInt8] = [UInt8(ascii: "{")]
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      header += Array("\"__metadata__\":{\(pairs.joined(separator: ","))}".utf8)
    }
    var offset = 0
    for (name, tensor) in ordered {
      if header.count > 1 { header.append(UInt8(ascii: ",")) }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      header += Array(
        "\(Self.quoted(name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}"
          .utf8)
      offset += tensor.byteCount
    }
    header.append(UInt8(ascii: "}"))
    while (8 + header.count) % 64 != 0 { header.append(UInt8(ascii: " ")) }

    try AtomicFile.write(to: url) { file in
      try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append($0) }
      try header.withUnsafeBytes { try file.append($0) }
      for (_, tensor) in ordered { try tensor.withUnsafeBytes { try file.append($0) } }
    }
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// A file that appears under its name only when it is complete.
package struct AtomicFile {
  private let descriptor: Int32
  private let path: String

  /// Creates a temporary file beside `url`, lets `body` fill it, and renames it; removes it where anything throws.
  package static func write(to url: URL, _ body: (AtomicFile) throws -> Void) throws {
    let temporary = url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString).partial").path
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(url.path) }
    do {
      defer { close(descriptor) }
      try body(AtomicFile(descriptor: descriptor, path: url.path))
      guard fsync(descriptor) == 0 else { throw failure(url.path) }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, url.path) == 0 else {
      let error = failure(url.path)
      unlink(temporary)
      throw error
    }
  }

  private static func failure(_ path: String) -> CheckpointError {
    .unwritable(file: path, reason: String(cString: strerror(errno)))
  }

  /// Appends all of `bytes`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw Self.failure(path) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }
}
