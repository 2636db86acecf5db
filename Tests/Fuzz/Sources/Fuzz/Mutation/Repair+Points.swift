/// Corrects the counts in files of points after a mutation.
enum PointRepair {
  /// Sets the number of vertices in a PLY header to the rows after it, less those of other elements.
  static func countVertices(_ bytes: inout [UInt8]) {
    guard let end = bytes[...].place(of: Array("end_header\n".utf8)) else { return }
    var rowSize = 0
    var (others, isVertex, isText) = (0, false, false)
    var place: Range<Int>?
    for line in bytes[..<end.lowerBound].split(separator: 0x0A) {
      let words = line.split(separator: 0x20)
      let first = String(decoding: words.first ?? [], as: UTF8.self)
      if first == "format", words.count > 1 { isText = words[1].elementsEqual("ascii".utf8) }
      if first == "element", words.count > 2 {
        isVertex = words[1].elementsEqual("vertex".utf8)
        if isVertex { place = words[2].startIndex..<words[2].endIndex }
        if !isVertex { others += Int(String(decoding: words[2].prefix(4), as: UTF8.self)) ?? 0 }
      }
      if first == "property", isVertex, words.count > 1 { rowSize += size(of: words[1]) }
    }
    guard let place, rowSize > 0 else { return }
    let body = bytes[end.upperBound...]
    let rows = isText ? body.count { $0 == 0x0A } - others : body.count / rowSize
    bytes.replaceSubrange(place, with: "\(max(0, rows))".utf8)
  }

  /// Sets the length of an NPY header, which ends after the last brace of the first 4 KiB.
  static func measureNPYHeader(_ bytes: inout [UInt8]) {
    guard bytes.count > 12, let last = bytes.prefix(1 << 12).dropFirst(10).lastIndex(of: UInt8(ascii: "}")) else {
      return
    }
    let length = last + 1 - (bytes[6] == 1 ? 10 : 12)
    for index in 0..<(bytes[6] == 1 ? 2 : 4) { bytes[8 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
  }

  private static func size(of type: ArraySlice<UInt8>) -> Int {
    switch String(decoding: type, as: UTF8.self) {
    case "double", "float64": 8
    case "short", "ushort", "int16", "uint16": 2
    case "char", "uchar", "int8", "uint8": 1
    default: 4
    }
  }
}
