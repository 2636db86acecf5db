/// The tables of an ISO base media file (ISO 14496-12; MP4, QuickTime), compared with the file.
///
/// A table may give all samples one size, and a fragment may declare its number of samples, without a byte for each.
/// FFmpeg allocates 24 bytes or more for every declared sample: a gigabyte for a file of 600 bytes. A sample of any
/// track has at least one byte of the file, so the declared samples of all tracks are at most the bytes of the file.
struct MovieTables {
  /// The fault; nil for tables without a fault and for files of another format.
  private(set) var fault: String?
  /// Samples that all tracks and fragments declare.
  private var samples: UInt64 = 0
  /// Samples that edit lists may show, counted once for every edit.
  private var shown: UInt64 = 0
  private var track = Track()
  private let bytes: UnsafeRawBufferPointer

  private struct Track {
    var isSound = false
    var samples: UInt64 = 0
    var sampleSize: UInt64 = 0
    var edits: UInt64 = 0
    /// Whether each sample takes one unit of time: sound whose samples are numbers of a waveform, indexed by chunk.
    var isWave = false
    var chunks: UInt64 = 0
    /// Runs of chunks: the first chunk, and the samples of each.
    var runs: [(first: UInt64, samples: UInt64)] = []

    var samplesByChunk: UInt64 {
      var sum: UInt64 = 0
      for (index, run) in runs.enumerated() {
        let end = index + 1 < runs.count ? runs[index + 1].first : chunks &+ 1
        let count = min(end, chunks &+ 1)
        guard count > run.first else { continue }
        let (product, overflow) = (count - run.first).multipliedReportingOverflow(by: run.samples)
        sum = overflow ? .max : sum.addingReportingOverflow(product).overflow ? .max : sum + product
      }
      return sum
    }
  }

  /// - Complexity: O(boxes + entries of chunk tables).
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    walk(0..<bytes.count, depth: 0, isOpen: true)
  }

  /// Boxes whose nested boxes FFmpeg reads.
  private static let containers: Set<String> = [
    "moov", "trak", "mdia", "minf", "stbl", "edts", "mvex", "moof", "traf", "dinf", "udta", "tref", "ilst", "wave",
    "sinf",
    "schi", "jp2h", "wide",
  ]
  /// Bytes before the entries of a table, and bytes of an entry.
  private static let entries: [String: (start: Int, bytes: Int)] = [
    "stts": (8, 8), "ctts": (8, 8), "stsc": (8, 12), "stco": (8, 4), "co64": (8, 8), "stss": (8, 4), "stps": (8, 4),
  ]

  /// - Parameter isOpen: whether the enclosing boxes have no length of their own, so that none limits a box in it.
  private mutating func walk(_ range: Range<Int>, depth: Int, isOpen: Bool) {
    var place = range.lowerBound
    while fault == nil, place + 8 <= range.upperBound {
      var length = number(place, 4)
      var header = 8
      if length == 1 {
        guard place + 16 <= range.upperBound else { return }
        (length, header) = (number(place + 8, 8), 16)
      }
      let name = String(decoding: bytes[place + 4..<place + 8], as: UTF8.self)
      let isUnmeasured = length == 0
      let room = UInt64(range.upperBound - place)
      if isUnmeasured { length = room }
      guard length >= UInt64(header) else { return }
      if length > room, isOpen, depth > 0 {
        fault = "a box '\(name.onOneLine())' of \(length) bytes, with \(room) left"
        return
      }
      let end = place + Int(min(length, room))
      read(name, place + header..<end, depth: depth, isOpen: isOpen && (isUnmeasured || depth == 0 && length > room))
      place = end
    }
  }

  private mutating func read(_ name: String, _ content: Range<Int>, depth: Int, isOpen: Bool) {
    switch name {
    case "trak":
      guard depth < 16 else { return }
      let outer = track
      track = Track()
      walk(content, depth: depth + 1, isOpen: isOpen)
      endTrack()
      track = outer
    case "meta":
      // A list of boxes that begins with hdlr, at the start or after a version.
      let starts = stride(from: content.lowerBound + 4, to: max(content.lowerBound + 4, content.upperBound - 4), by: 4)
      guard depth < 16, let start = starts.first(where: { isName("hdlr", at: $0) }) else { return }
      walk(start - 4..<content.upperBound, depth: depth + 1, isOpen: isOpen)
    case "free", "hoov":
      // A movie box that a writer has renamed to discard it, and that FFmpeg still reads.
      guard content.count >= 8, depth < 16,
        ["mvhd", "cmov"].contains(where: { isName($0, at: content.lowerBound + 4) })
      else { return }
      walk(content, depth: depth + 1, isOpen: isOpen)
    case "cmov": fault = "its header is compressed (box 'cmov'); write it again with ffmpeg -c copy"
    case "hdlr":
      if content.count >= 12, isName("soun", at: content.lowerBound + 8) { track.isSound = true }
    case "stsz", "stz2": readSizes(name, content)
    case "elst":
      guard content.count >= 8 else { return }
      let size = bytes[content.lowerBound] == 1 ? 20 : 12
      track.edits += checked(name, content, start: 8, count: number(content.lowerBound + 4, 4), bits: 8 * size)
    case "trun": readRun(content)
    default:
      if let entry = Self.entries[name] { return readTable(name, content, entry) }
      guard Self.containers.contains(name), depth < 16 else { return }
      walk(content, depth: depth + 1, isOpen: isOpen)
    }
  }

  // MARK: - Tables

  /// `count` if that many entries of `bits` fit in the box after its first `start` bytes; else 0, with a fault.
  private mutating func checked(_ name: String, _ content: Range<Int>, start: Int, count: UInt64, bits: Int) -> UInt64 {
    let room = UInt64(max(0, content.count - start)) * 8
    guard count * UInt64(bits) <= room else {
      fault = "its table '\(name)' declares \(count) entries of \(bits) bits but has \(room / 8) bytes"
      return 0
    }
    return count
  }

  private mutating func readTable(_ name: String, _ content: Range<Int>, _ entry: (start: Int, bytes: Int)) {
    guard content.count >= 8 else { return }
    let first = content.lowerBound + entry.start
    let count = checked(
      name, content, start: entry.start, count: number(content.lowerBound + 4, 4), bits: 8 * entry.bytes)
    switch name {
    case "stts": track.isWave = count == 1 && number(first + 4, 4) == 1
    case "stco", "co64": track.chunks = count
    case "stsc":
      track.runs = (0..<Int(count)).map { (number(first + 12 * $0, 4), number(first + 12 * $0 + 4, 4)) }
    default: break
    }
  }

  private mutating func readSizes(_ name: String, _ content: Range<Int>) {
    guard content.count >= 12 else { return }
    let size = name == "stsz" ? number(content.lowerBound + 4, 4) : 0
    let bits = name == "stsz" ? 32 : Int(bytes[content.lowerBound + 7])
    let count = number(content.lowerBound + 8, 4)
    track.sampleSize = size
    track.samples += size == 0 ? checked(name, content, start: 12, count: count, bits: bits) : count
  }

  /// A run of samples in a fragment. Everything except their number may be left to defaults.
  private mutating func readRun(_ content: Range<Int>) {
    guard content.count >= 8 else { return }
    let flags = number(content.lowerBound, 4)
    let fields = [0x100, 0x200, 0x400, 0x800].count { flags & $0 != 0 }
    let start = 8 + 4 * [0x1, 0x4].count { flags & $0 != 0 }
    add(checked("trun", content, start: start, count: number(content.lowerBound + 4, 4), bits: 32 * fields), size: 0)
  }

  private mutating func endTrack() {
    if track.isSound, track.isWave, track.sampleSize > 0 {
      // The index has an entry for 160 numbers or more.
      let claimed = track.samplesByChunk
      return add(claimed / 160, size: 0)
    }
    add(track.samples, size: track.sampleSize)
    guard fault == nil, track.edits > 1 else { return }
    let (product, overflow) = track.edits.multipliedReportingOverflow(by: track.samples)
    shown = overflow || shown.addingReportingOverflow(product).overflow ? .max : shown + product
    if shown > 4 * UInt64(bytes.count) + (1 << 16) {
      fault = "its edit lists show \(shown) samples but it has \(bytes.count) bytes"
    }
  }

  private mutating func add(_ count: UInt64, size: UInt64) {
    samples = samples.addingReportingOverflow(count).overflow ? .max : samples + count
    let (whole, overflow) = count.multipliedReportingOverflow(by: size)
    guard fault == nil, overflow || whole > UInt64(bytes.count) || samples > UInt64(bytes.count) else { return }
    fault =
      size > 1
      ? "it declares \(count) samples of \(size) bytes but has \(bytes.count) bytes"
      : "it declares \(samples) samples but has \(bytes.count) bytes"
  }

  // MARK: - Bytes

  /// A big-endian number; 0 beyond the end, which callers have checked.
  private func number(_ place: Int, _ count: Int) -> UInt64 {
    guard place + count <= bytes.count else { return 0 }
    return bytes[place..<place + count].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func isName(_ name: String, at place: Int) -> Bool {
    place + 4 <= bytes.count && bytes[place..<place + 4].elementsEqual(name.utf8)
  }
}
