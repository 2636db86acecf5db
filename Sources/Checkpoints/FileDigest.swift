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
    var digest = [UInt8](repeating: 0, count: 32)
    // SAFETY: `file` lives to the end of the call; an empty one has no address, which a count of 0 allows.
    let succeeded = withExtendedLifetime(file) { mp_sha256(file.bytes.baseAddress, file.bytes.count, &digest) == 1 }
    guard succeeded else {
      throw CheckpointError.unreadable(file: url.path, reason: "libcrypto could not compute its SHA-256")
    }
    return digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
