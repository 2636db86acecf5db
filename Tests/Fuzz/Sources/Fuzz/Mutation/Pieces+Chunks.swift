// Formats of consecutive chunks: PNG, RIFF (WAV, AVI), AIFF, FLAC.

extension [Piece] {
  /// PNG's chunks: length, name, content, checksum.
  static func png(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    chunks(bytes, 8..<Swift.max(8, bytes.count), header: 8, length: 0..<4, .big, trailer: 4)
  }

  /// The chunks of RIFF (little-endian) and of AIFF, and those in lists.
  static func riff(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    let order: LengthField.Order = bytes.starts(with: "FORM".utf8) ? .big : .little
    let file = LengthField(place: 4..<8, order: order)
    func within(_ range: Range<Int>, _ around: [LengthField], depth: Int) -> [Piece] {
      chunks(bytes, range, header: 8, length: 4..<8, order, isPadded: true, around: around).flatMap { piece in
        guard depth < 4, piece.content.count >= 4, let length = piece.length,
          bytes[piece.range.lowerBound...].starts(with: "LIST".utf8)
        else { return [piece] }
        return [piece] + within(piece.content.dropFirst(4), around + [length], depth: depth + 1)
      }
    }
    return bytes.count < 12 ? [] : within(12..<bytes.count, [file], depth: 0)
  }

  /// FLAC's metadata blocks, and its frames as one piece.
  static func flac(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    var pieces: [Piece] = []
    var place = 4
    while place + 4 <= bytes.count, bytes[place] != 0xFF {
      let block = chunks(bytes, place..<bytes.count, header: 4, length: 1..<4, .big, count: 1)
      guard let block = block.first else { break }
      pieces.append(block)
      place = block.range.upperBound
    }
    if place < bytes.count {
      pieces.append(Piece(range: place..<bytes.count, content: place..<bytes.count, keepsSize: true))
    }
    return pieces
  }

  /// The consecutive chunks in `range`, as far as their lengths are valid.
  ///
  /// - Parameters:
  ///   - header: bytes before a chunk's content, with its length at `length` in them.
  ///   - trailer: bytes after it.
  ///   - isPadded: whether a chunk of an odd length has another byte.
  static func chunks(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, header: Int, length: Range<Int>, _ order: LengthField.Order,
    trailer: Int = 0, isPadded: Bool = false, count: Int = 1 << 10, around: [LengthField] = []
  ) -> [Piece] {
    var pieces: [Piece] = []
    var place = range.lowerBound
    while pieces.count < count, place + header + trailer <= range.upperBound {
      let field = LengthField(place: place + length.lowerBound..<place + length.upperBound, order: order)
      guard let size = field.value(in: bytes), size <= range.upperBound - place - header - trailer else { break }
      let content = place + header..<place + header + size
      let padding = isPadded && size % 2 == 1 && content.upperBound < range.upperBound ? 1 : 0
      let end = content.upperBound + trailer + padding
      pieces.append(Piece(range: place..<end, content: content, length: field, around: around))
      place = end
    }
    return pieces
  }
}
