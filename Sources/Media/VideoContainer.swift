import Foundation

/// How long a video file says it is, by its outermost structure: the formats that say so at their start are found
/// truncated before a library guesses what is left.
enum VideoContainer {
  /// What is missing, in words; nil where nothing is, or the format does not tell.
  ///
  /// - Complexity: O(boxes of the file), a few bytes each.
  static func missingEnd(of file: FileHandle, size: UInt64) throws -> String? {
    let start = try bytes(file, at: 0, count: 12)
    if start.starts(with: "RIFF".utf8), start.dropFirst(8).starts(with: "AVI ".utf8) {
      // Length of the first part, which a recorder that crashed leaves at 0.
      let length = start[4..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      return length < UInt32.max ? shortage("its first part", end: length + 8, size) : nil
    }
    if start.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) { return try missingSegment(file, size) }
    let kinds = ["ftyp", "moov", "mdat", "wide", "free", "skip"]
    guard kinds.contains(where: { start.dropFirst(4).starts(with: $0.utf8) }) else { return nil }
    return try missingBox(file, size)
  }

  /// ISO base media boxes and QuickTime atoms (ISO 14496-12, 4.2): size, name, content.
  private static func missingBox(_ file: FileHandle, _ size: UInt64) throws -> String? {
    var offset: UInt64 = 0
    for _ in 0..<1 << 16 where offset < size {
      let header = try bytes(file, at: offset, count: 16)
      guard header.count >= 8 else { return "a box begins \(header.count) bytes before its end" }
      var length = header[..<4].reduce(0) { $0 << 8 | UInt64($1) }
      if length == 1, header.count == 16 { length = header[8...].reduce(0) { $0 << 8 | UInt64($1) } }
      if length == 0 { return nil }
      let name = String(decoding: header[4..<8].map { (32..<127).contains($0) ? $0 : 63 }, as: UTF8.self)
      let (end, overflow) = offset.addingReportingOverflow(length)
      guard length >= 8, !overflow else { return nil }
      if let shortage = shortage("its box '\(name)'", end: end, size) { return shortage }
      offset = end
    }
    return nil
  }

  /// Matroska and WebM (RFC 8794, RFC 9559): an EBML header, then one segment whose length may be unknown.
  private static func missingSegment(_ file: FileHandle, _ size: UInt64) throws -> String? {
    guard let header = try variableInteger(file, at: 4) else { return nil }
    let (offset, overflow) = header.end.addingReportingOverflow(header.value)
    guard !overflow, offset < size, try bytes(file, at: offset, count: 4).elementsEqual([0x18, 0x53, 0x80, 0x67]),
      let segment = try variableInteger(file, at: offset + 4)
    else { return nil }
    return shortage("its segment", end: segment.end &+ segment.value, size)
  }

  /// EBML's integer, whose first byte tells its length; nil where it is unknown, which all ones mean, or no integer.
  private static func variableInteger(_ file: FileHandle, at offset: UInt64) throws -> (value: UInt64, end: UInt64)? {
    let digits = try bytes(file, at: offset, count: 8)
    guard let first = digits.first, first != 0 else { return nil }
    let count = first.leadingZeroBitCount + 1
    guard digits.count >= count else { return nil }
    let unknown = UInt64(1) << UInt64(7 * count) - 1
    let value = digits[..<count].reduce(0) { $0 << 8 | UInt64($1) } & unknown
    return value == unknown ? nil : (value, offset + UInt64(count))
  }

  private static func shortage(_ part: String, end: UInt64, _ size: UInt64) -> String? {
    end > size ? "\(part) ends at byte \(end), the file at \(size)" : nil
  }

  private static func bytes(_ file: FileHandle, at offset: UInt64, count: Int) throws -> [UInt8] {
    try file.seek(toOffset: offset)
    return [UInt8](try file.read(upToCount: count) ?? Data())
  }
}
