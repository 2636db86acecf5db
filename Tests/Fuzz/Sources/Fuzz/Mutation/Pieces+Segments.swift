// Formats of segments, pages, tags and packets: JPEG, Ogg, FLV, MPEG-TS.

extension [Piece] {
  /// JPEG's marker segments; the data of a scan, which have no length, are pieces that keep their size.
  static func jpeg(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    var pieces: [Piece] = []
    var place = 2
    while pieces.count < 1 << 10, place + 4 <= bytes.count {
      let field = LengthField(place: place + 2..<place + 4, order: .big)
      guard bytes[place] == 0xFF, let size = field.value(in: bytes), size >= 2, size <= bytes.count - place - 2 else {
        break
      }
      let end = place + 2 + size
      pieces.append(Piece(range: place..<end, content: place + 4..<end, length: field))
      let isScan = bytes[place + 1] == 0xDA
      place = end
      guard isScan else { continue }
      while place + 2 <= bytes.count, bytes[place] != 0xFF || bytes[place + 1] == 0 || bytes[place + 1] & 0xF8 == 0xD0 {
        place += 1
      }
      if end < place { pieces.append(Piece(range: end..<place, content: end..<place, keepsSize: true)) }
    }
    return pieces
  }

  /// Ogg's pages (RFC 3533). A page's lengths are in its table of segments, so that its content keeps its size.
  static func ogg(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    var pieces: [Piece] = []
    var place = 0
    while pieces.count < 1 << 10, place + 27 <= bytes.count, bytes[place...].starts(with: "OggS".utf8) {
      let start = place + 27 + Int(bytes[place + 26])
      guard start <= bytes.count else { break }
      let end = start + bytes[place + 27..<start].reduce(0) { $0 + Int($1) }
      guard end <= bytes.count else { break }
      pieces.append(Piece(range: place..<end, content: start..<end, keepsSize: true))
      place = end
    }
    return pieces
  }

  /// FLV's tags: type, length, time, stream; content; the tag's length again.
  static func flv(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    bytes.count < 13 ? [] : chunks(bytes, 13..<bytes.count, header: 11, length: 1..<4, .big, trailer: 4)
  }

  /// MPEG-TS's packets of 188 bytes.
  static func transport(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    stride(from: 0, through: bytes.count - 188, by: 188).map { place in
      Piece(range: place..<place + 188, content: place + 4..<place + 188, keepsSize: true)
    }
  }
}
