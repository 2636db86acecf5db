extension FuzzTarget {
  /// Makes lengths and checksums true again after a mutation, so that it reaches deeper code.
  func repair(_ bytes: UnsafeMutableRawBufferPointer) {
    switch self {
    case .safetensors: Self.repairHeaderLength(bytes)
    case .png: Self.repairPNG(bytes)
    case .sound where bytes.starts(with: Array("OggS".utf8)): Self.repairOgg(bytes)
    default: break
    }
  }

  /// The header of a safetensors file ends at its last closing brace before the data.
  private static func repairHeaderLength(_ bytes: UnsafeMutableRawBufferPointer) {
    guard bytes.count > 8, let last = bytes.dropFirst(8).lastIndex(of: UInt8(ascii: "}")) else { return }
    bytes.storeBytes(of: UInt64(last - 7).littleEndian, as: UInt64.self)
  }

  /// Every chunk's CRC-32, as far as lengths lead.
  private static func repairPNG(_ bytes: UnsafeMutableRawBufferPointer) {
    var offset = 8
    while offset + 12 <= bytes.count {
      let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      guard length <= bytes.count - offset - 12 else { return }
      let crc = Checksum.zip.of(UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + 8 + length]))
      bytes.storeBytes(of: crc.bigEndian, toByteOffset: offset + 8 + length, as: UInt32.self)
      offset += 12 + length
    }
  }

  /// Every page's CRC (RFC 3533, section 6), as far as lengths lead.
  private static func repairOgg(_ bytes: UnsafeMutableRawBufferPointer) {
    var offset = 0
    while offset + 27 <= bytes.count, bytes[offset..<offset + 4].elementsEqual("OggS".utf8) {
      let segments = Int(bytes[offset + 26])
      guard offset + 27 + segments <= bytes.count else { return }
      let body = bytes[offset + 27..<offset + 27 + segments].reduce(0) { $0 + Int($1) }
      let end = offset + 27 + segments + body
      guard end <= bytes.count else { return }
      bytes.storeBytes(of: 0, toByteOffset: offset + 22, as: UInt32.self)
      let crc = Checksum.ogg.of(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
      bytes.storeBytes(of: crc.littleEndian, toByteOffset: offset + 22, as: UInt32.self)
      offset = end
    }
  }
}

/// A CRC of 32 bits, a table of 256 at a time.
struct Checksum {
  /// Zip's and PNG's: reflected, 0xEDB88320, inverted at both ends.
  static let zip = Checksum(isReflected: true)
  /// Ogg's: 0x04C11DB7, not reflected, not inverted.
  static let ogg = Checksum(isReflected: false)

  private let isReflected: Bool
  private let table: [UInt32]

  private init(isReflected: Bool) {
    self.isReflected = isReflected
    table = (0..<256).map { index in
      (0..<8).reduce(isReflected ? UInt32(index) : UInt32(index) << 24) { value, _ in
        isReflected
          ? value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) : value << 1 ^ (value >> 31 == 1 ? 0x04C1_1DB7 : 0)
      }
    }
  }

  func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    isReflected
      ? ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
      : bytes.reduce(0) { table[Int(UInt8(truncatingIfNeeded: $0 >> 24) ^ $1)] ^ $0 << 8 }
  }
}
