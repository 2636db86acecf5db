import Foundation

extension UnsafeRawBufferPointer {
  /// The first place of `pattern` at or after `start`, or nil.
  ///
  /// - Complexity: O(bytes), for a pattern that does not repeat its first byte.
  func firstPlace(of pattern: [UInt8], from start: Int) -> Int? {
    guard let base = baseAddress, let first = pattern.first else { return nil }
    var place = start
    // SAFETY: memchr reads the bytes from `place` to the last place at which the pattern fits.
    while place + pattern.count <= count,
      let found = memchr(base + place, Int32(first), count - pattern.count - place + 1)
    {
      place = base.distance(to: UnsafeRawPointer(found))
      if self[place..<place + pattern.count].elementsEqual(pattern) { return place }
      place += 1
    }
    return nil
  }
}
