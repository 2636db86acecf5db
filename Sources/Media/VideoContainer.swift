import Foundation

/// Checks of the outermost structure of a video file. In formats that declare their length at the start, a truncated
/// file is found before a library guesses the remainder; so is a second, appended file.
enum VideoContainer {
  /// Checks the structure of a file before it is decoded.
  ///
  /// - Parameters:
  ///   - bytes: the whole file. Most pages of a mapped file are never read.
  ///   - name: the name of the file in errors.
  ///   - streams: the most streams of a file.
  /// - Returns: notes on the file.
  /// - Throws: `VideoError` if the end is missing, a checksum is wrong, or another file follows.
  /// - Complexity: O(boxes + entries of chunk tables); for Ogg, FLV, MPEG-TS and Matroska O(bytes).
  static func check(_ bytes: UnsafeRawBufferPointer, name: String, streams: Int) throws -> [MediaNote] {
    if let missing = missingEnd(of: bytes) { throw VideoError.truncated(file: name, finding: missing) }
    func refuse(_ place: Int?) throws {
      guard let place else { return }
      throw VideoError.unsupported(
        file: name, finding: "another file follows at byte \(place), which would not be read; split the file there")
    }
    if !["OggS", "RIFF", "FLV"].contains(where: { bytes.starts(with: $0.utf8) }), !bytes.starts(with: magic),
      let fault = MovieTables(bytes).fault
    {
      throw VideoError.damaged(file: name, finding: fault)
    }
    if bytes.starts(with: "OggS".utf8) {
      let pages = OggPages(bytes)
      switch pages.fault {
      case .truncated(let finding)?: throw VideoError.truncated(file: name, finding: finding)
      case .damaged(let finding)?: throw VideoError.damaged(file: name, finding: finding)
      case nil: try refuse(pages.links.count > 1 ? pages.links[1].lowerBound : nil)
      }
      return pages.notes.map { MediaNote(file: name, $0) }
    }
    if bytes.first == 0x47 { try refuse(TransportStream.change(bytes)) }
    if bytes.starts(with: "FLV".utf8) {
      if let fault = FLVIndex.fault(bytes) { throw VideoError.damaged(file: name, finding: fault) }
      try refuse(fileAfterTags(bytes))
    }
    if bytes.starts(with: "RIFF".utf8) {
      if let fault = AVIHeader.fault(bytes) { throw VideoError.truncated(file: name, finding: fault) }
      try refuse(fileAfterRIFF(bytes))
    }
    if bytes.dropFirst(4).starts(with: "ftyp".utf8) { try refuse(secondMovie(bytes)) }
    if bytes.starts(with: magic) {
      if let fault = MatroskaTracks(bytes, limit: streams).fault {
        throw VideoError.damaged(file: name, finding: fault)
      }
      if let end = segmentEnd(bytes), end <= bytes.count {
        try refuse(bytes[end...].starts(with: magic) ? end : nil)
      } else {
        try refuse(fileInSegment(bytes))
      }
    }
    return []
  }

  /// The first bytes of Matroska and WebM.
  private static let magic: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3]

  /// The place of another file among the tags of FLV: 11 bytes with a type and a size, content, and 4 bytes.
  private static func fileAfterTags(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var place = 13
    while place + 11 <= bytes.count {
      if bytes[place..<place + 3].elementsEqual("FLV".utf8) { return place }
      place += 15 + bytes[place + 1..<place + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    return nil
  }

  /// The place of another AVI file after the parts AVI and AVIX of the first.
  private static func fileAfterRIFF(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var offset = 0
    for part in 0..<1 << 12 where offset <= bytes.count - 12 {
      guard bytes[offset...].starts(with: "RIFF".utf8) else { return nil }
      if part > 0, bytes[(offset + 8)...].starts(with: "AVI ".utf8) { return offset }
      let length = Int(little(bytes, offset + 4))
      offset += 8 + length + length % 2
    }
    return nil
  }

  /// The place of a second table of contents among ISO boxes. Readers use only one.
  private static func secondMovie(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var (offset, movies) = (0, 0)
    for _ in 0..<1 << 16 where offset < bytes.count {
      guard let length = boxLength(bytes, at: offset) else { return nil }
      if bytes[(offset + 4)...].starts(with: "moov".utf8) { movies += 1 }
      if movies == 2 { return offset }
      let (end, overflow) = UInt64(offset).addingReportingOverflow(length)
      guard length >= 8, !overflow, end <= bytes.count else { return nil }
      offset = Int(end)
    }
    return nil
  }

  /// The end of a Matroska segment; nil if it is unknown or there is no segment.
  private static func segmentEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let header = variableInteger(bytes, at: 4) else { return nil }
    let (offset, overflow) = header.end.addingReportingOverflow(header.value)
    guard !overflow, offset < UInt64(bytes.count), let segment = variableInteger(bytes, at: offset + 4) else {
      return nil
    }
    let (end, isTooFar) = segment.end.addingReportingOverflow(segment.value)
    return isTooFar ? nil : Int(exactly: end)
  }

  /// The place of a second EBML header with a document type in a segment of unknown length.
  private static func fileInSegment(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var place = 4
    while place + 48 <= bytes.count, let found = bytes.firstPlace(of: magic, from: place) {
      let text = String(decoding: bytes[found...].prefix(48), as: UTF8.self)
      if text.contains("matroska") || text.contains("webm") { return found }
      place = found + 1
    }
    return nil
  }

  /// The missing part; nil for a complete file and for a format that does not declare its length.
  ///
  /// - Complexity: O(boxes).
  private static func missingEnd(of bytes: UnsafeRawBufferPointer) -> String? {
    if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "AVI ".utf8) {
      // Length of the first part; 0 if a recorder crashed.
      let length = little(bytes, 4)
      return length < UInt32.max ? shortage("its first part", end: length + 8, bytes) : nil
    }
    if bytes.starts(with: magic) { return missingSegment(bytes) }
    let kinds = ["ftyp", "moov", "mdat", "wide", "free", "skip"]
    guard kinds.contains(where: { bytes.dropFirst(4).starts(with: $0.utf8) }) else { return nil }
    return missingBox(bytes)
  }

  /// ISO base media boxes and QuickTime atoms (ISO 14496-12, 4.2): size, name, content.
  private static func missingBox(_ bytes: UnsafeRawBufferPointer) -> String? {
    var offset = 0
    for _ in 0..<1 << 16 where offset < bytes.count {
      guard let length = boxLength(bytes, at: offset) else {
        return "its last \(bytes.count - offset) bytes are only a part of a box header"
      }
      if length == 0 { return nil }
      let (end, overflow) = UInt64(offset).addingReportingOverflow(length)
      guard length >= 8, !overflow else { return nil }
      if end > bytes.count {
        let name = bytes[offset + 4..<offset + 8].map { (32..<127).contains($0) ? $0 : 63 }
        return shortage("its box '\(String(decoding: name, as: UTF8.self))'", end: end, bytes)
      }
      offset = Int(end)
    }
    return nil
  }

  /// The declared length of a box; nil if the file ends in its header.
  private static func boxLength(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64? {
    guard offset + 8 <= bytes.count else { return nil }
    let length = UInt64(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    guard length == 1, offset + 16 <= bytes.count else { return length }
    return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
  }

  /// Matroska and WebM (RFC 8794, RFC 9559): an EBML header, then one segment whose length may be unknown.
  private static func missingSegment(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard let header = variableInteger(bytes, at: 4) else { return nil }
    let (offset, overflow) = header.end.addingReportingOverflow(header.value)
    guard !overflow, offset < UInt64(bytes.count),
      bytes[Int(offset)...].starts(with: [0x18, 0x53, 0x80, 0x67]),
      let segment = variableInteger(bytes, at: offset + 4)
    else { return nil }
    return shortage("its segment", end: segment.end &+ segment.value, bytes)
  }

  /// A variable-size integer of EBML, whose first byte gives its length; nil if it is invalid, or unknown (all ones).
  private static func variableInteger(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) -> (value: UInt64, end: UInt64)? {
    guard offset < UInt64(bytes.count), case let digits = bytes[Int(offset)...], let first = digits.first, first != 0
    else { return nil }
    let count = first.leadingZeroBitCount + 1
    guard digits.count >= count else { return nil }
    let unknown = UInt64(1) << UInt64(7 * count) - 1
    let value = digits.prefix(count).reduce(0) { $0 << 8 | UInt64($1) } & unknown
    return value == unknown ? nil : (value, offset + UInt64(count))
  }

  private static func shortage(_ part: String, end: UInt64, _ bytes: UnsafeRawBufferPointer) -> String? {
    end > UInt64(bytes.count) ? "\(part) ends at byte \(end), the file at \(bytes.count)" : nil
  }

  /// A little-endian number of 4 bytes; 0 beyond the end, which callers have checked.
  private static func little(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> UInt64 {
    guard place + 4 <= bytes.count else { return 0 }
    return UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
  }
}
