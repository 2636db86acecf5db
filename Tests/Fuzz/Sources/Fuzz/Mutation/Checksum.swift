/// A CRC of 32 bits, a table of 256 at a time.
struct Checksum {
  /// The CRC of zip and PNG: reflected, 0xEDB88320, inverted at both ends.
  static let zip = Checksum(isReflected: true)
  /// The CRC of Ogg: 0x04C11DB7, not reflected, not inverted.
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

  func of(_ bytes: some Collection<UInt8>) -> UInt32 {
    isReflected
      ? ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
      : bytes.reduce(0) { table[Int(UInt8(truncatingIfNeeded: $0 >> 24) ^ $1)] ^ $0 << 8 }
  }
}
