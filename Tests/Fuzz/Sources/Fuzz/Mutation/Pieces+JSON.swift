extension [Piece] {
  /// The values of a JSON text, also those in objects and arrays, which can be exchanged.
  static func json(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    var pieces: [Piece] = []
    var open: [Int] = []
    var place = 0
    while place < bytes.count, pieces.count < 1 << 10 {
      let start = place
      switch bytes[place] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        open.append(place)
        place += 1
        continue
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        place += 1
        guard let start = open.popLast() else { continue }
        pieces.append(Piece(range: start..<place, content: start..<place))
        continue
      case UInt8(ascii: "\""):
        place += 1
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
          place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        place = Swift.min(place + 1, bytes.count)
        // A name is not a value.
        if place < bytes.count, bytes[place] == UInt8(ascii: ":") { continue }
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
        while place < bytes.count, !" ,]}\n".utf8.contains(bytes[place]) { place += 1 }
      default:
        place += 1
        continue
      }
      pieces.append(Piece(range: start..<place, content: start..<place))
    }
    return pieces
  }
}
