/// A place in bytes that moves forward, and never beyond their end.
struct ByteCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int

  /// - Parameter bytes: must outlive the cursor.
  /// - Parameter offset: where to begin; nil where that is not within `bytes`.
  init?(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    guard (0...bytes.count).contains(offset) else { return nil }
    self.bytes = bytes
    self.offset = offset
  }

  /// The number of bytes to the end.
  var remaining: Int { bytes.count - offset }

  /// The next `count` bytes; nil, without a move, if fewer are left.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= bytes.count - offset else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// The next little-endian number.
  mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    take(MemoryLayout<Number>.size).map { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
  }

  /// The bytes before the next line feed, which is passed over; nil if absent in the next `limit`.
  mutating func line(limit: Int) -> UnsafeRawBufferPointer? {
    guard let end = bytes[offset...].prefix(limit).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { offset = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
  }
}
