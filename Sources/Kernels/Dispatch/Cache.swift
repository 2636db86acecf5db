import CSupport

/// One of the data caches of a core.
package struct Cache: Sendable, Equatable, Encodable {
  /// 1, 2 or 3.
  package let level: Int
  package let bytes: Int
  /// Logical processors that share it, at most; 0: not told.
  package let sharing: Int

  /// Those of the core that asks first, nearest first, as it tells them: none, or anything, on a virtual machine that
  /// hides its processor.
  package static let all: [Cache] = (1...3).compactMap { level in
    var sharing: UInt32 = 0
    let bytes = Int(clamping: mp_cache_bytes(UInt32(level), &sharing))
    return bytes == 0 ? nil : Cache(level: level, bytes: bytes, sharing: Int(sharing))
  }
}
