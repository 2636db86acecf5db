/// A position in bytes that moves forward and never beyond their end.
struct ByteCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int

  /// - Parameter bytes: must outlive the cursor.
  /// - Parameter offset: the first position; the result is nil if it is not within `bytes`.
  init?(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    guard (0...bytes.count).contains(offset) else { return nil }
    self.bytes = bytes
    self.offset = offset
  }

  /// The number of bytes to the end.
  var remaining: Int { bytes.count - offset }

  /// The next `count` bytes; nil if fewer are left, and the position stays.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= bytes.count - offset else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// The next little-endian number.
  mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    take(MemoryLayout<Number>.size).map { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
  }

  /// The bytes before the next line feed, which is skipped; nil if the next `limit` bytes have no line feed.
  mutating func line(limit: Int) -> UnsafeRawBufferPointer? {
    guard let end = bytes[offset...].prefix(limit).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { offset = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
  }
}
