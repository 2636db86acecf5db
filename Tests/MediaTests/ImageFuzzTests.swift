import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Damaged files give a picture or a `MediaError` and nothing else.
@Suite struct ImageFuzzTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesDamage(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let files = try ImageDecodingTests.kinds.map { try ImageDecodingTests.file($0) }
    let limits = ImageLimits(pixels: 1 << 20, decoderBytes: 1 << 24)
    var readable = 0
    for _ in 0..<1500 {
      var data = files[Int.random(in: files.indices, using: &generator)]
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        data[Int.random(in: data.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { data = data.prefix(Int.random(in: 0..<data.count, using: &generator)) }
      // Half of the PNGs get matching checksums, so that damage reaches the code after the check.
      if Bool.random(using: &generator) { data = Self.withMatchingChecksums(data) }
      do {
        let image = try ImageFile.decode(data, name: "damaged", limits: limits)
        #expect(image.rgb.count == 3 * image.height * image.width)
        readable += 1
      } catch is MediaError {
      }
    }
    #expect(readable > 100)
  }

  /// The file with the CRC of each of its PNG chunks computed again.
  private static func withMatchingChecksums(_ data: Data) -> Data {
    guard data.starts(with: [0x89, 0x50]) else { return data }
    var bytes = [UInt8](data)
    var start = 8
    while start + 12 <= bytes.count {
      let count = bytes[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) }
      let end = start + 8 + count
      guard end + 4 <= bytes.count else { break }
      var crc = UInt32.max
      for byte in bytes[(start + 4)..<end] {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
      }
      for i in 0..<4 { bytes[end + i] = UInt8(truncatingIfNeeded: ~crc >> UInt32(24 - 8 * i)) }
      start = end + 4
    }
    return Data(bytes)
  }
}
