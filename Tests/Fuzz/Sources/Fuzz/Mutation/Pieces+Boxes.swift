// Formats of nested boxes: MP4 and QuickTime, Matroska and WebM.

extension [Piece] {
  /// ISO 14496-12's boxes: length with its header, name, content.
  static func movie(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    let containers = ["moov", "trak", "mdia", "minf", "stbl", "edts", "mvex", "moof", "traf", "dinf", "udta"]
    func within(_ range: Range<Int>, _ around: [LengthField]) -> [Piece] {
      var pieces: [Piece] = []
      var place = range.lowerBound
      while pieces.count < 1 << 10, place + 8 <= range.upperBound {
        let field = LengthField(place: place..<place + 4, order: .big)
        guard let size = field.value(in: bytes), size >= 8, size <= range.upperBound - place else { break }
        let content = place + 8..<place + size
        pieces.append(Piece(range: place..<place + size, content: content, length: field, around: around))
        if around.count < 8, containers.contains(where: { bytes[(place + 4)...].starts(with: $0.utf8) }) {
          pieces += within(content, around + [field])
        }
        place += size
      }
      return pieces
    }
    return within(0..<bytes.count, [])
  }

  /// EBML's elements (RFC 8794): identifier, length, content.
  static func matroska(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    // Segment, tracks, an entry, its picture, clusters, groups of blocks, cues and their points, seek heads, tags.
    let containers: Set<UInt32> = [
      0x1853_8067, 0x1654_AE6B, 0xAE, 0xE0, 0x1F43_B675, 0xA0, 0x1C53_BB6B, 0xBB, 0xB7, 0x114D_9B74, 0x4DBB,
      0x1254_C367, 0x1549_A966, 0x1941_A469, 0x1043_A770, 0x6D80,
    ]
    func within(_ range: Range<Int>, _ around: [LengthField]) -> [Piece] {
      var pieces: [Piece] = []
      var place = range.lowerBound
      while pieces.count < 1 << 10, place < range.upperBound {
        let name = bytes[place].leadingZeroBitCount + 1
        guard name <= 4, place + name < range.upperBound else { break }
        let digits = bytes[place + name].leadingZeroBitCount + 1
        let start = place + name + digits
        let field = LengthField(place: place + name..<start, order: .ebml)
        guard digits <= 8, start <= range.upperBound, let size = field.value(in: bytes),
          size <= range.upperBound - start
        else { break }
        let content = start..<start + size
        pieces.append(Piece(range: place..<content.upperBound, content: content, length: field, around: around))
        let identifier = bytes[place..<place + name].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        if around.count < 8, containers.contains(identifier) { pieces += within(content, around + [field]) }
        place = content.upperBound
      }
      return pieces
    }
    return within(0..<bytes.count, [])
  }
}
