import Foundation

/// How long a video file says it is, by its outermost structure: the formats that say so at their start are found
/// truncated before a library guesses the remainder, and a second, appended file is found.
enum VideoContainer {
  /// What a file's structure shows before it is decoded.
  ///
  /// - Parameter streams: the most streams of a file.
  /// - Returns: what the caller should know.
  /// - Throws: `VideoError` where the end is missing, a checksum is wrong, or another file follows; what reading
  ///   throws.
  /// - Complexity: O(boxes of the file), a few bytes each, and the entries of its tables of chunks; for Ogg, FLV,
  ///   MPEG-TS and Matroska O(bytes).
  static func check(_ url: URL, size: UInt64, streams: Int) throws -> [MediaNote] {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: url.path))
    defer { try? file.close() }
    if let missing = try missingEnd(of: file, size: size) {
      throw VideoError.truncated(file: url.path, finding: missing)
    }
    let start = try bytes(file, at: 0, count: 12)
    func refuse(_ place: UInt64?) throws {
      guard let place else { return }
      throw VideoError.unsupported(
        file: url.path, finding: "another file follows at byte \(place), which would not be read; split the file there")
    }
    if !["OggS", "RIFF", "FLV"].contains(where: { start.starts(with: $0.utf8) }), !start.starts(with: magic),
      let fault = try mapped(url, { MovieTables($0).fault })
    {
      throw VideoError.damaged(file: url.path, finding: fault)
    }
    if start.starts(with: "OggS".utf8) {
      let pages = try mapped(url) { OggPages($0) }
      switch pages.fault {
      case .truncated(let finding)?: throw VideoError.truncated(file: url.path, finding: finding)
      case .damaged(let finding)?: throw VideoError.damaged(file: url.path, finding: finding)
      case nil: try refuse(pages.links.count > 1 ? UInt64(pages.links[1].lowerBound) : nil)
      }
      return pages.notes.map { MediaNote(file: url.path, $0) }
    }
    if start.first == 0x47 { try refuse(mapped(url, TransportStream.change)) }
    if start.starts(with: "FLV".utf8) {
      if let fault = try mapped(url, FLVIndex.fault) { throw VideoError.damaged(file: url.path, finding: fault) }
      try refuse(mapped(url, fileAfterTags))
    }
    if start.starts(with: "RIFF".utf8) {
      if let fault = try mapped(url, AVIHeader.fault) { throw VideoError.truncated(file: url.path, finding: fault) }
      try refuse(fileAfterRIFF(file, size))
    }
    if start.dropFirst(4).starts(with: "ftyp".utf8) { try refuse(secondMovie(file, size)) }
    if start.starts(with: magic) {
      if let fault = try mapped(url, { MatroskaTracks($0, limit: streams).fault }) {
        throw VideoError.damaged(file: url.path, finding: fault)
      }
      if let end = try segmentEnd(file), end <= size {
        try refuse(bytes(file, at: end, count: 4).elementsEqual(magic) ? end : nil)
      } else {
        try refuse(mapped(url, fileInSegment))
      }
    }
    return []
  }

  /// Of Matroska and WebM.
  private static let magic: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3]

  private static func mapped<Result>(_ url: URL, _ body: (UnsafeRawBufferPointer) -> Result) throws -> Result {
    try Data(contentsOf: URL(fileURLWithPath: url.path), options: .alwaysMapped).withUnsafeBytes(body)
  }

  /// Where another file begins among the tags of FLV: 11 bytes with a type and a size, content, and 4 bytes.
  private static func fileAfterTags(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
    var place = 13
    while place + 11 <= bytes.count {
      if bytes[place..<place + 3].elementsEqual("FLV".utf8) { return UInt64(place) }
      place += 15 + bytes[place + 1..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    return nil
  }

  /// Where another AVI file begins after the parts of the first, which are called AVI and AVIX.
  private static func fileAfterRIFF(_ file: FileHandle, _ size: UInt64) throws -> UInt64? {
    var offset: UInt64 = 0
    for part in 0..<1 << 12 where offset + 12 <= size {
      let header = try bytes(file, at: offset, count: 12)
      guard header.count == 12, header.starts(with: "RIFF".utf8) else { return nil }
      if part > 0, header[8...].elementsEqual("AVI ".utf8) { return offset }
      let length = header[4..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      offset += 8 + length + length % 2
    }
    return nil
  }

  /// Where a second table of contents begins among ISO boxes, of which readers take one.
  private static func secondMovie(_ file: FileHandle, _ size: UInt64) throws -> UInt64? {
    var (offset, movies): (UInt64, Int) = (0, 0)
    for _ in 0..<1 << 16 where offset < size {
      let header = try bytes(file, at: offset, count: 16)
      guard header.count >= 8 else { return nil }
      if header[4..<8].elementsEqual("moov".utf8) { movies += 1 }
      if movies == 2 { return offset }
      var length = header[..<4].reduce(0) { $0 << 8 | UInt64($1) }
      if length == 1, header.count == 16 { length = header[8...].reduce(0) { $0 << 8 | UInt64($1) } }
      let (end, overflow) = offset.addingReportingOverflow(length)
      guard length >= 8, !overflow else { return nil }
      offset = end
    }
    return nil
  }

  /// Where a Matroska segment ends; nil if that is unknown or there is no segment.
  private static func segmentEnd(_ file: FileHandle) throws -> UInt64? {
    guard let header = try variableInteger(file, at: 4) else { return nil }
    let (offset, overflow) = header.end.addingReportingOverflow(header.value)
    guard !overflow, offset < UInt64.max - 8, let segment = try variableInteger(file, at: offset + 4) else {
      return nil
    }
    let (end, isTooFar) = segment.end.addingReportingOverflow(segment.value)
    return isTooFar ? nil : end
  }

  /// Where a second EBML header with a document type begins in a segment of unknown length.
  private static func fileInSegment(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
    var place = 4
    // SAFETY: memchr looks at the bytes from `place` to the end.
    while place + 48 <= bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + place, 0x1A, bytes.count - place)
    {
      place = base.distance(to: UnsafeRawPointer(found)) + 1
      let window = bytes[(place - 1)...].prefix(48)
      guard window.starts(with: magic) else { continue }
      let text = String(decoding: window, as: UTF8.self)
      if text.contains("matroska") || text.contains("webm") { return UInt64(place - 1) }
    }
    return nil
  }

  /// What is missing, in words; nil where nothing is, or the format does not tell.
  ///
  /// - Complexity: O(boxes of the file), a few bytes each.
  private static func missingEnd(of file: FileHandle, size: UInt64) throws -> String? {
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
