/// The parts of track descriptions in Matroska and WebM (RFC 9559, section 5.1.4) that cost FFmpeg memory or time: it
/// allocates 2.6 KB for an entry of 2 bytes, and adds the removed start of frames to every frame.
struct MatroskaTracks {
  /// The fault, or nil.
  private(set) var fault: String?

  private let bytes: UnsafeRawBufferPointer
  private let limit: Int
  private var entries = 0
  private var visited = 0

  private static let tracks: [UInt8] = [0x16, 0x54, 0xAE, 0x6B]
  private static let entry = 0xAE
  /// ContentEncodings, ContentEncoding, ContentCompression.
  private static let masters: Set<Int> = [entry, 0x6D80, 0x6240, 0x5034]
  /// ContentCompSettings: the bytes that were removed from the start of every frame, usually a few.
  private static let settings = 0x4255
  private static let longestStart = 256
  /// FFmpeg's limit of nested elements; the specification nests at most 5.
  private static let depthLimit = 16

  /// - Parameter limit: the most entries.
  /// - Complexity: O(bytes). Descriptions are searched for anywhere: after damage FFmpeg resumes at the next one.
  init(_ bytes: UnsafeRawBufferPointer, limit: Int) {
    self.bytes = bytes
    self.limit = limit
    var place = 0
    while fault == nil, let found = bytes.firstPlace(of: Self.tracks, from: place) {
      place = found + Self.tracks.count
      if let size = size(at: place) { walk(size.end..<end(size, bytes.count)) }
    }
  }

  private mutating func fail(_ finding: String) { fault = finding }

  private mutating func walk(_ range: Range<Int>, depth: Int = 0) {
    var place = range.lowerBound
    while fault == nil, place < range.upperBound {
      visited += 1
      guard visited <= bytes.count, depth < Self.depthLimit else {
        return fail("its track descriptions are nested too deeply")
      }
      guard let id = id(at: place), let size = size(at: id.end) else { return }
      let end = end(size, range.upperBound)
      if id.value == Self.entry {
        entries += 1
        guard entries <= limit else { return fail("it describes more than \(limit) tracks") }
      }
      if let length = size.value, length > range.upperBound - size.end {
        let room = range.upperBound - size.end
        return fail("an element of a track description declares \(length) bytes but \(room) follow")
      }
      if id.value == Self.settings, end - size.end > Self.longestStart {
        return fail("\(end - size.end) bytes are removed from every frame, expected at most \(Self.longestStart)")
      }
      if Self.masters.contains(id.value) { walk(size.end..<end, depth: depth + 1) }
      place = end
    }
  }

  /// The end of an element's content; that of the parent if its size is unknown.
  private func end(_ size: (value: Int?, end: Int), _ limit: Int) -> Int {
    size.value.map { size.end + min($0, limit - size.end) } ?? limit
  }

  private func id(at place: Int) -> (value: Int, end: Int)? {
    guard place < bytes.count, bytes[place] != 0 else { return nil }
    let count = bytes[place].leadingZeroBitCount + 1
    guard count <= 4, place + count < bytes.count else { return nil }
    return (bytes[place..<place + count].reduce(0) { $0 << 8 | Int($1) }, place + count)
  }

  /// A variable-size integer of EBML. All ones mean unknown: the value is nil.
  private func size(at place: Int) -> (value: Int?, end: Int)? {
    guard place < bytes.count, bytes[place] != 0 else { return nil }
    let count = bytes[place].leadingZeroBitCount + 1
    guard place + count <= bytes.count else { return nil }
    let unknown = 1 << (7 * count) - 1
    let value = bytes[place..<place + count].reduce(0) { $0 << 8 | Int($1) } & unknown
    return (value == unknown ? nil : value, place + count)
  }
}
