import Foundation

/// The tables of an MPEG transport stream that describe its pictures (ISO 13818-1, 2.4.4).
enum TransportStream {
  private static let packet = 188

  /// The type and the PID of a stream.
  private struct Stream: Hashable {
    let type: UInt8
    let pid: Int
  }

  /// MPEG-1, MPEG-2, MPEG-4, H.264, HEVC.
  private static let videoTypes: Set<UInt8> = [0x01, 0x02, 0x10, 0x1B, 0x24]

  /// Whether the bytes begin with packets of 188 bytes.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 2 * packet && bytes[0] == 0x47 && bytes[packet] == 0x47
  }

  /// The byte from which the pictures of a program are in another stream or another format, or nil.
  ///
  /// - Complexity: O(packets).
  static func change(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard begins(bytes) else { return nil }
    var programs: [Int: Int] = [:]
    var pictures: [Int: Set<Stream>] = [:]
    for place in stride(from: 0, through: bytes.count - packet, by: packet) {
      // After lost packets, only the decoder finds the next one.
      guard bytes[place] == 0x47 else { return nil }
      guard bytes[place + 1] & 0x40 != 0 else { continue }
      let pid = Int(bytes[place + 1] & 0x1F) << 8 | Int(bytes[place + 2])
      guard pid == 0 || programs[pid] != nil, let section = section(bytes, place) else { continue }
      if pid == 0 {
        for entry in stride(from: section.lowerBound + 8, to: section.upperBound - 7, by: 4) {
          let number = Int(bytes[entry]) << 8 | Int(bytes[entry + 1])
          if number != 0 { programs[Int(bytes[entry + 2] & 0x1F) << 8 | Int(bytes[entry + 3])] = number }
        }
      } else if let program = programs[pid], bytes[section.lowerBound] == 2 {
        let found = streams(bytes, section)
        if let first = pictures[program], !found.isEmpty, first != found { return place }
        if !found.isEmpty { pictures[program] = found }
      }
    }
    return nil
  }

  /// The section that begins in a packet; nil if it does not end there. Its last 4 bytes are a checksum.
  private static func section(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Range<Int>? {
    let hasAdaptation = bytes[place + 3] & 0x20 != 0
    var start = place + 4 + (hasAdaptation ? 1 + Int(bytes[place + 4]) : 0)
    let end = place + packet
    guard start < end else { return nil }
    start += 1 + Int(bytes[start])
    guard start + 12 <= end else { return nil }
    let length = 3 + (Int(bytes[start + 1] & 0x0F) << 8 | Int(bytes[start + 2]))
    return length >= 12 && start + length <= end ? start..<start + length : nil
  }

  private static func streams(_ bytes: UnsafeRawBufferPointer, _ section: Range<Int>) -> Set<Stream> {
    func length(_ place: Int) -> Int { Int(bytes[place] & 0x0F) << 8 | Int(bytes[place + 1]) }
    var found: Set<Stream> = []
    var place = section.lowerBound + 12 + length(section.lowerBound + 10)
    while place + 5 <= section.upperBound - 4 {
      if videoTypes.contains(bytes[place]) {
        found.insert(Stream(type: bytes[place], pid: Int(bytes[place + 1] & 0x1F) << 8 | Int(bytes[place + 2])))
      }
      place += 5 + length(place + 3)
    }
    return found
  }
}
