/// Corrects checksums after a mutation.
enum ChecksumRepair {
  /// The CRC-32 of every chunk of a PNG, as far as their lengths are valid.
  static func png(_ bytes: inout [UInt8]) {
    for piece in bytes.withUnsafeBytes({ [Piece].png($0) }) {
      let crc = Checksum.zip.of(bytes[piece.range.lowerBound + 4..<piece.content.upperBound])
      for index in 0..<4 {
        bytes[piece.content.upperBound + index] = UInt8(truncatingIfNeeded: crc >> UInt32(24 - 8 * index))
      }
    }
  }

  /// The CRC of every page of an Ogg file (RFC 3533, section 6), as far as their lengths are valid.
  static func ogg(_ bytes: inout [UInt8]) {
    for piece in bytes.withUnsafeBytes({ [Piece].ogg($0) }) {
      let place = piece.range.lowerBound + 22
      for index in 0..<4 { bytes[place + index] = 0 }
      let crc = Checksum.ogg.of(bytes[piece.range])
      for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index)) }
    }
  }
}
