import CDigestSupport
import Foundation

/// Digests of whole files, for provenance.
public enum FileDigest {
  /// SHA-256 of the bytes of a file, as 64 hexadecimal digits.
  ///
  /// - Throws: `CheckpointError.unreadable`.
  /// - Complexity: O(file); the file is mapped, not copied.
  public static func sha256(of url: URL) throws -> String {
    let file = try MappedFile(url)
    // SAFETY: `file` lives to the end of the call.
    return try withExtendedLifetime(file) { try sha256(of: file.bytes, name: url.path) }
  }

  /// SHA-256 of bytes in memory, as 64 hexadecimal digits.
  ///
  /// - Throws: `CheckpointError.unreadable`.
  package static func sha256(of data: Data) throws -> String {
    try data.withUnsafeBytes { try sha256(of: $0, name: "memory") }
  }

  private static func sha256(of bytes: UnsafeRawBufferPointer, name: String) throws -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    // Empty bytes have no address, which a count of 0 allows.
    guard mp_sha256(bytes.baseAddress, bytes.count, &digest) == 1 else {
      throw CheckpointError.unreadable(file: name, reason: "libcrypto could not compute its SHA-256")
    }
    return digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
