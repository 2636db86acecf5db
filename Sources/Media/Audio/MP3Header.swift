import Foundation

/// The first four bytes of an MP3 frame (ISO 11172-3, section 2.4.2.3; ISO 13818-3 for the lower rates).
struct MP3Header {
  /// Bytes from this frame to the next; nil where the bit rate is "free" and only the decoder can tell.
  let frameBytes: Int?

  /// Eleven bits of synchronisation, a known version, layer III, a bit rate and a sample rate of the tables; nil for
  /// anything else.
  init?(_ bytes: some Collection<UInt8>) {
    let header = Array(bytes.prefix(4))
    guard header.count == 4, header[0] == 0xFF, header[1] & 0xE0 == 0xE0 else { return nil }
    let (version, layer) = (header[1] >> 3 & 3, header[1] >> 1 & 3)
    let (bitRate, sampleRate) = (Int(header[2] >> 4), Int(header[2] >> 2 & 3))
    guard version != 1, layer == 1, bitRate != 15, sampleRate != 3 else { return nil }
    let isFirst = version == 3
    let kilobits = isFirst ? Self.firstKilobits[bitRate] : Self.laterKilobits[bitRate]
    let rate = [44_100, 48_000, 32_000][sampleRate] >> (isFirst ? 0 : version == 2 ? 1 : 2)
    let padding = Int(header[2] >> 1 & 1)
    frameBytes = kilobits == 0 ? nil : (isFirst ? 144_000 : 72_000) * kilobits / rate + padding
  }

  /// By the header's four bits: of MPEG-1, and of MPEG-2 and 2.5.
  private static let firstKilobits = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
  private static let laterKilobits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

  /// What shows that the end of an MP3 file is missing: fewer bytes than its first frame counts, or a last frame that
  /// is not whole. Files that are cut between two frames and carry no count cannot be told from whole ones.
  static func truncation(_ data: Data) -> String? {
    data.withUnsafeBytes { bytes in
      // Four bytes of 7 bits: what ID3v2 puts before the first frame, without its own header of 10 bytes.
      let hasTag = bytes.starts(with: "ID3".utf8) && bytes.count >= 10
      let first = hasTag ? 10 + bytes[6..<10].reduce(0) { $0 << 7 | Int($1 & 127) } : 0
      if let promised = promisedBytes(bytes, from: first) {
        let left = bytes.count - first
        return promised > left ? "the header promises \(promised) bytes, there are \(left)" : nil
      }
      var place = first
      // Tags and whatever else follows the last frame end the walk.
      while place < bytes.count, let length = MP3Header(bytes[place...])?.frameBytes {
        let left = bytes.count - place
        if length > left { return "the last frame has \(length) bytes, there are \(left)" }
        place += length
      }
      return nil
    }
  }

  /// Encoders write into the first frame ("Xing"; "Info" at a constant bit rate) how many bytes there are from it on.
  private static func promisedBytes(_ bytes: UnsafeRawBufferPointer, from first: Int) -> Int? {
    // Behind 4 bytes of header and up to 32 of side information.
    let place = (first + 4..<first + 64).first { place in
      place + 16 <= bytes.count && ["Xing", "Info"].contains { bytes[place..<place + 4].elementsEqual($0.utf8) }
    }
    // Flags: 1, frames follow; 2, bytes follow.
    guard let place, bytes[place + 7] & 2 != 0 else { return nil }
    let field = place + 8 + (bytes[place + 7] & 1 == 0 ? 0 : 4)
    return Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: field, as: UInt32.self)))
  }
}
