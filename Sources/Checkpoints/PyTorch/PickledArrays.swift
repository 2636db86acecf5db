// NumPy arrays, whose bytes are in the pickle itself.

extension Pickle {
  /// The format of NumPy's little-endian types that tensors can have; nil for all others.
  func elementType(ofArrayType index: Int) -> ElementType? {
    let type = arrayTypes[index]
    guard let code = type.code, code.count <= 3, let known = Self.arrayCodes[string(code)] else { return nil }
    return type.isBigEndian && known.byteCount > 1 ? nil : known
  }

  private static let arrayCodes: [String: ElementType] = [
    "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32, "u8": .uint64,
    "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
  ]

  /// The bytes that a Latin-1 text encodes; nil if a character is above U+00FF, or if their number is not `count`.
  func latinBytes(_ range: Range<Int>, count: Int) -> [UInt8]? {
    // A byte takes at most two bytes of UTF-8.
    guard count <= range.count, range.count <= 2 * count else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var index = range.lowerBound
    while index < range.upperBound {
      let first = bytes[index]
      if first < 0x80 {
        result.append(first)
        index += 1
      } else {
        // The text is valid UTF-8: C2 and C3 begin the characters up to U+00FF.
        guard first == 0xC2 || first == 0xC3, index + 1 < range.upperBound else { return nil }
        result.append((first & 3) << 6 | bytes[index + 1] & 0x3F)
        index += 2
      }
    }
    return result.count == count ? result : nil
  }
}
