/// A part of a file that declares its own length: a chunk, a box, a segment, an opcode with its operand.
struct Piece {
  /// All of it, with its header.
  var range: Range<Int>
  /// The bytes that its length counts.
  var content: Range<Int>
  /// Its own length; nil if it declares none, such as a value in a text.
  var length: LengthField?
  /// Whether its content cannot change size.
  var keepsSize = false
  /// Lengths of the enclosing pieces, which change with it.
  var around: [LengthField] = []
}

/// A length in a file. It precedes the bytes that it counts.
struct LengthField: Equatable {
  enum Order {
    case little, big
    /// EBML's: big-endian, with the length of the number in its first bits.
    case ebml
  }

  var place: Range<Int>
  var order: Order

  /// The number; nil if it is beyond the bytes or does not fit 32 bits.
  func value(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard place.upperBound <= bytes.count else { return nil }
    let digits = bytes[place]
    var value: UInt64 =
      order == .little
      ? digits.reversed().reduce(0) { $0 << 8 | UInt64($1) } : digits.reduce(0) { $0 << 8 | UInt64($1) }
    if order == .ebml { value &= UInt64(1) << UInt64(7 * place.count) - 1 }
    return value <= UInt32.max ? Int(value) : nil
  }

  /// Adds to the number, modulo its size.
  func add(_ change: Int, to bytes: inout [UInt8]) {
    guard let old = bytes.withUnsafeBytes({ value(in: $0) }) else { return }
    var rest = UInt64(bitPattern: Int64(old + change))
    for index in 0..<place.count {
      let byte = order == .little ? place.lowerBound + index : place.upperBound - 1 - index
      // The highest byte of an EBML number keeps the bit that gives its length.
      let isMarked = order == .ebml && index == place.count - 1
      let mask: UInt8 = isMarked ? UInt8(truncatingIfNeeded: 0xFF >> place.count) : 0xFF
      bytes[byte] = bytes[byte] & ~mask | UInt8(truncatingIfNeeded: rest) & mask
      rest >>= 8
    }
  }
}

extension [Piece] {
  /// Drops, repeats or swaps a piece of `bytes`, or changes its content by `change`, and corrects all lengths.
  ///
  /// - Parameter change: returns other bytes, at most the number that it is given.
  func mutated(
    _ bytes: [UInt8], limit: Int, random: inout SplitMix, change: (ArraySlice<UInt8>, _ limit: Int) -> [UInt8]
  ) -> [UInt8] {
    guard let piece = randomElement(using: &random) else { return bytes }
    var result = bytes
    func replace(_ range: Range<Int>, _ content: some Collection<UInt8>, _ fields: [LengthField]) {
      for field in fields { field.add(content.count - range.count, to: &result) }
      result.replaceSubrange(range, with: content)
    }
    let room = limit - bytes.count
    switch random.next() % 8 {
    case 0: replace(piece.range, [], piece.around)
    case 1 where piece.range.count <= room:
      replace(piece.range.upperBound..<piece.range.upperBound, bytes[piece.range], piece.around)
    case 2:
      let other = self.filter { $0.around == piece.around && !$0.range.overlaps(piece.range) }.randomElement(
        using: &random)
      guard let other else { return bytes }
      let (first, second) = piece.range.lowerBound < other.range.lowerBound ? (piece, other) : (other, piece)
      let between = bytes[first.range.upperBound..<second.range.lowerBound]
      result.replaceSubrange(
        first.range.lowerBound..<second.range.upperBound, with: bytes[second.range] + between + bytes[first.range])
    default:
      var content = change(bytes[piece.content], piece.content.count + (piece.keepsSize ? 0 : Swift.max(0, room)))
      if piece.keepsSize { content += bytes[piece.content].dropFirst(content.count) }
      replace(piece.content, content, piece.around + [piece.length].compactMap(\.self))
    }
    return result
  }
}

/// A generator of random numbers that repeats (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt32) { state = UInt64(seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
