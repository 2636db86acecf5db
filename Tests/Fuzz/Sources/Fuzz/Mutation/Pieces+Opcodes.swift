extension [Piece] {
  /// The opcodes of a pickle with their operands (CPython's Lib/pickletools.py), as far as they are known.
  static func pickle(_ bytes: UnsafeRawBufferPointer) -> [Piece] {
    var pieces: [Piece] = []
    var place = 0
    while place < bytes.count, pieces.count < 1 << 12 {
      let opcode = Character(UnicodeScalar(bytes[place]))
      let start = place + 1
      var piece = Piece(range: place..<start, content: start..<start, keepsSize: true)
      if let digits = counted[opcode] {
        let field = LengthField(place: start..<start + digits, order: .little)
        guard let size = field.value(in: bytes), size <= bytes.count - start - digits else { break }
        piece.content = start + digits..<start + digits + size
        piece.length = field
        piece.keepsSize = false
      } else {
        let size = fixed[opcode] ?? lines[opcode].map { lineEnds(bytes, start, $0) - start } ?? 0
        guard size <= bytes.count - start else { break }
        piece.content = start..<start + size
        piece.keepsSize = lines[opcode] == nil
      }
      piece.range = place..<piece.content.upperBound
      pieces.append(piece)
      place = piece.range.upperBound
    }
    return pieces
  }

  /// Bytes of the count that precedes a text or a number.
  private static let counted: [Character: Int] = [
    "X": 4, "\u{8C}": 1, "\u{8D}": 8, "T": 4, "U": 1, "B": 4, "C": 1, "\u{8E}": 8, "\u{96}": 8, "\u{8A}": 1,
    "\u{8B}": 4,
  ]
  /// Bytes of the operand.
  private static let fixed: [Character: Int] = [
    "\u{80}": 1, "\u{95}": 8, "J": 4, "K": 1, "M": 2, "G": 8, "h": 1, "j": 4, "q": 1, "r": 4,
  ]
  /// Lines of text that are the operand.
  private static let lines: [Character: Int] = [
    "c": 2, "i": 2, "I": 1, "L": 1, "F": 1, "S": 1, "V": 1, "g": 1, "p": 1, "P": 1,
  ]

  /// Where `count` lines end that begin at `start`.
  private static func lineEnds(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> Int {
    var place = start
    for _ in 0..<count { place = bytes[place...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count }
    return place
  }
}
