/// Corrects the lengths in a safetensors file after a mutation.
enum SafetensorsRepair {
  /// Sets the header's length; the header ends at the last closing brace.
  static func measureHeader(_ bytes: inout [UInt8]) {
    guard bytes.count > 8, let last = bytes.dropFirst(8).lastIndex(of: UInt8(ascii: "}")) else { return }
    setHeaderLength(last - 7, &bytes)
  }

  /// Places all tensors one after the other, with the sizes of their types and shapes, and gives the data that length.
  static func placeTensors(_ bytes: inout [UInt8], limit: Int) {
    guard bytes.count > 8, let last = bytes.dropFirst(8).lastIndex(of: UInt8(ascii: "}")) else { return }
    let key = Array("\"data_offsets\":[".utf8)
    var header: [UInt8] = []
    var rest = bytes[8...last]
    var end = 0
    while let place = rest.place(of: key) {
      guard let open = rest[..<place.lowerBound].lastIndex(of: UInt8(ascii: "{")),
        let close = rest[place.upperBound...].firstIndex(of: UInt8(ascii: "}")),
        let bracket = rest[place.upperBound..<close].firstIndex(of: UInt8(ascii: "]")),
        let size = byteCount(of: rest[open..<close])
      else { break }
      header += rest[..<place.upperBound] + Array("\(end),\(end + size)".utf8)
      end += size
      rest = rest[bracket...]
    }
    header += rest
    guard 8 + header.count + end <= limit else { return }
    let data = bytes[(last + 1)...].prefix(end)
    bytes = [UInt8](repeating: 0, count: 8) + header + data + [UInt8](repeating: 0, count: end - data.count)
    setHeaderLength(header.count, &bytes)
  }

  private static func setHeaderLength(_ length: Int, _ bytes: inout [UInt8]) {
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
  }

  /// Bytes of a tensor, by the number of bits at the end of its type's name, and its shape; nil for more than 64 KiB.
  private static func byteCount(of entry: ArraySlice<UInt8>) -> Int? {
    guard let type = value(of: "\"dtype\":\"", in: entry, until: UInt8(ascii: "\"")),
      let shape = value(of: "\"shape\":[", in: entry, until: UInt8(ascii: "]"))
    else { return nil }
    let digits = type.drop { !(0x30...0x39).contains($0) }.prefix { (0x30...0x39).contains($0) }
    var size = max(1, (Int(String(decoding: digits, as: UTF8.self)) ?? 8) / 8)
    for extent in shape.split(separator: UInt8(ascii: ",")) {
      guard let extent = Int(String(decoding: extent.filter { $0 != 0x20 }, as: UTF8.self)), extent >= 0,
        extent < 1 << 16, size < 1 << 16
      else { return nil }
      size *= extent
    }
    return size < 1 << 16 ? size : nil
  }

  private static func value(of key: String, in entry: ArraySlice<UInt8>, until end: UInt8) -> ArraySlice<UInt8>? {
    guard let start = entry.place(of: Array(key.utf8))?.upperBound,
      let end = entry[start...].firstIndex(of: end)
    else { return nil }
    return entry[start..<end]
  }
}

extension ArraySlice<UInt8> {
  /// The first place of `text`. Overload resolution would otherwise choose Foundation's `firstRange`, which takes a
  /// tenth of the time of a run.
  func place(of text: [UInt8]) -> Range<Int>? {
    guard let first = text.first else { return nil }
    var rest = self
    while let start = rest.firstIndex(of: first), start + text.count <= endIndex {
      if self[start..<start + text.count].elementsEqual(text) { return start..<start + text.count }
      rest = self[(start + 1)...]
    }
    return nil
  }
}
