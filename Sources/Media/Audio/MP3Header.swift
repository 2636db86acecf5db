import Foundation

/// The first four bytes of an MP3 frame (ISO 11172-3, section 2.4.2.3; ISO 13818-3 for the lower rates).
struct MP3Header {
  /// Bytes from this frame to the next; nil for a "free" bit rate, where only the decoder can find it.
  let frameBytes: Int?
  /// Samples a second.
  let rate: Int
  /// Samples of a channel in a frame.
  let samples: Int
  let isMono: Bool

  /// Parses eleven bits of synchronisation, a known version, layer III, and a bit rate and a sample rate of the tables;
  /// nil for anything else.
  init?(_ bytes: some Collection<UInt8>) {
    let header = Array(bytes.prefix(4))
    guard header.count == 4, header[0] == 0xFF, header[1] & 0xE0 == 0xE0 else { return nil }
    let (version, layer) = (header[1] >> 3 & 3, header[1] >> 1 & 3)
    let (bitRate, sampleRate) = (Int(header[2] >> 4), Int(header[2] >> 2 & 3))
    guard version != 1, layer == 1, bitRate != 15, sampleRate != 3 else { return nil }
    let isFirst = version == 3
    let kilobits = isFirst ? Self.firstKilobits[bitRate] : Self.laterKilobits[bitRate]
    rate = [44_100, 48_000, 32_000][sampleRate] >> (isFirst ? 0 : version == 2 ? 1 : 2)
    samples = isFirst ? 1152 : 576
    isMono = header[3] >> 6 == 3
    let padding = Int(header[2] >> 1 & 1)
    frameBytes = kilobits == 0 ? nil : (isFirst ? 144_000 : 72_000) * kilobits / rate + padding
  }

  /// A frame without sound that gives the number of frames after it ("Xing"), at 64 kbit/s.
  ///
  /// - Parameter first: the four bytes of this header.
  func countingFrame(_ first: some Collection<UInt8>, frames: Int) -> [UInt8] {
    var frame = Array(first)
    let isFirst = samples == 1152
    // No checksum; the bit rate's index, the sample rate's, no padding.
    frame[1] |= 1
    frame[2] = (isFirst ? 5 : 8) << 4 | frame[2] & 0x0C
    let bytes = (isFirst ? 144_000 : 72_000) * 64 / rate
    let sideBytes = isFirst ? (isMono ? 17 : 32) : isMono ? 9 : 17
    frame += [UInt8](repeating: 0, count: sideBytes) + Array("Xing".utf8) + [0, 0, 0, 1]
    frame += withUnsafeBytes(of: UInt32(clamping: frames).bigEndian) { Array($0) }
    return frame + [UInt8](repeating: 0, count: max(0, bytes - frame.count))
  }

  /// Bit rates by their four bits: for MPEG-1, and for MPEG-2 and 2.5.
  private static let firstKilobits = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
  private static let laterKilobits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
}
