import Foundation

/// The pages of an Ogg file (RFC 3533): whether they are complete and match their checksums, and the links of its
/// chain, which are concatenated files.
struct OggPages {
  enum Fault: Equatable {
    case truncated(String)
    case damaged(String)
  }

  private(set) var links: [Range<Int>] = []
  private(set) var notes: [String] = []
  private(set) var fault: Fault?

  /// - Complexity: O(bytes).
  init(_ bytes: UnsafeRawBufferPointer) {
    /// The number of the last page of every logical stream of a link.
    var streams: [UInt32: UInt32] = [:]
    var (place, linkStart, isBeginning, isEnded) = (0, 0, true, false)
    var (missing, isLate) = (0, false)
    func little(_ place: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    while place < bytes.count {
      guard place + 4 <= bytes.count, bytes[place..<place + 4].elementsEqual("OggS".utf8) else {
        let hasMore = Self.hasPage(bytes, after: place)
        if place == 0 || hasMore {
          fault = .damaged("no page begins at byte \(place), where the last one ends")
          return
        }
        notes.append("\(bytes.count - place) bytes after its last page are not read")
        break
      }
      guard let length = Self.pageLength(bytes, at: place) else {
        fault = .truncated("the last page is cut")
        return
      }
      guard Self.checksum(bytes, place..<place + length) == little(place + 22) else {
        fault = .damaged("the page at byte \(place) does not match its checksum")
        return
      }
      let (flags, serial, number) = (bytes[place + 5], little(place + 14), little(place + 18))
      if flags & 2 != 0 {
        if !isBeginning {
          links.append(linkStart..<place)
          if !isEnded { notes.append("link \(links.count) of its chain has no end mark") }
          (linkStart, streams, isBeginning, isEnded) = (place, [:], true, false)
        }
      } else {
        isBeginning = false
        // A recording of a broadcast has the pages of the headers, then those from its beginning on.
        if let last = streams[serial], number != last &+ 1 {
          if last > 1 { missing += 1 } else { isLate = true }
        }
      }
      streams[serial] = number
      isEnded = isEnded || flags & 4 != 0
      place += length
    }
    links.append(linkStart..<place)
    // A recording of a broadcast has no end mark either, which gives a note of its own.
    if isLate, isEnded {
      notes.append("pages are missing after its headers; the sound begins later")
    }
    if missing > 0 { notes.append("pages are missing at \(missing) places; the sound continues after each") }
    if !isEnded { notes.append("it has no end mark, as if its writer was stopped; it is read to the end") }
  }

  private static func hasPage(_ bytes: UnsafeRawBufferPointer, after place: Int) -> Bool {
    var place = place
    // SAFETY: memchr looks at the bytes from `place` to the end.
    while place + 4 <= bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + place, 0x4F, bytes.count - place)
    {
      place = base.distance(to: UnsafeRawPointer(found)) + 1
      if bytes[(place - 1)...].prefix(4).elementsEqual("OggS".utf8) { return true }
    }
    return false
  }

  /// Bytes of the page at `place`; nil if the file ends within it.
  private static func pageLength(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Int? {
    guard place + 27 <= bytes.count else { return nil }
    let segments = Int(bytes[place + 26])
    guard place + 27 + segments <= bytes.count else { return nil }
    let length = bytes[place + 27..<place + 27 + segments].reduce(27 + segments) { $0 + Int($1) }
    return place + length <= bytes.count ? length : nil
  }

  /// The CRC of polynomial 0x04C11DB7, computed with zeros in the checksum field.
  private static func checksum(_ bytes: UnsafeRawBufferPointer, _ page: Range<Int>) -> UInt32 {
    var sum: UInt32 = 0
    func add(_ byte: UInt8) { sum = sum << 8 ^ table[Int(sum >> 24 as UInt32) ^ Int(byte)] }
    for place in page.lowerBound..<page.lowerBound + 22 { add(bytes[place]) }
    for _ in 0..<4 { add(0) }
    for place in page.lowerBound + 26..<page.upperBound { add(bytes[place]) }
    return sum
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index) << 24) { value, _ in value & 0x8000_0000 == 0 ? value << 1 : value << 1 ^ 0x04C1_1DB7 }
  }
}
