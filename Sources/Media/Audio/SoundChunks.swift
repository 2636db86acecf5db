import Foundation

/// The chunks of a WAV, AIFF, W64 or CAF file, or the header of an AU file, up to the samples.
struct SoundChunks {
  /// The place and number of bytes of samples, by the header.
  private(set) var sound: (start: Int, count: Int)?
  /// Whether the length in the header is the placeholder of a writer that could not seek back to it.
  private(set) var isUnfinished = false
  /// The lengths that an unfinished header should have, by their place.
  private(set) var fixes: [(place: Int, bytes: [UInt8])] = []
  /// The end of the outermost chunk, by the header; 0 if unknown.
  private(set) var end = 0

  private struct Kind {
    let magic: [String]
    /// First chunk.
    let first: Int
    let nameBytes: Int
    let sizeBytes: Int
    var isBigEndian: Bool
    /// Whether a chunk's size counts its own header.
    let countsHeader: Bool
    let alignment: Int
    let soundName: String
  }

  private static func kind(_ format: AudioFormat) -> Kind? {
    switch format {
    case .wav:
      Kind(
        magic: ["RIFF", "RIFX", "RF64"], first: 12, nameBytes: 4, sizeBytes: 4, isBigEndian: false,
        countsHeader: false, alignment: 2, soundName: "data")
    case .aiff:
      Kind(
        magic: ["FORM"], first: 12, nameBytes: 4, sizeBytes: 4, isBigEndian: true, countsHeader: false, alignment: 2,
        soundName: "SSND")
    case .w64:
      Kind(
        magic: ["riff"], first: 40, nameBytes: 16, sizeBytes: 8, isBigEndian: false, countsHeader: true, alignment: 8,
        soundName: "data")
    case .caf:
      Kind(
        magic: ["caff"], first: 8, nameBytes: 4, sizeBytes: 8, isBigEndian: true, countsHeader: false, alignment: 1,
        soundName: "data")
    default: nil
    }
  }

  /// Whether such a file begins at `place`.
  static func begins(_ format: AudioFormat, _ bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
    guard place + 12 <= bytes.count else { return false }
    let magic = format == .au ? [".snd", "dns."] : kind(format)?.magic ?? []
    return magic.contains { bytes[place..<place + 4].elementsEqual($0.utf8) }
  }

  init(_ format: AudioFormat, _ bytes: UnsafeRawBufferPointer, from start: Int) {
    guard var kind = Self.kind(format) else {
      readAU(bytes, from: start)
      return
    }
    func has(_ text: String, at place: Int) -> Bool {
      place + 4 <= bytes.count && bytes[place..<place + 4].elementsEqual(text.utf8)
    }
    if has("RIFX", at: start) { kind.isBigEndian = true }
    let isRF64 = has("RF64", at: start)
    var outer: (place: Int, size: UInt64)?
    if format != .caf, start + kind.nameBytes + kind.sizeBytes <= bytes.count {
      let place = start + kind.nameBytes
      outer = (place, Self.number(bytes, at: place, kind.sizeBytes, kind.isBigEndian))
    }
    var extended: (place: Int, size: UInt64)?
    var place = start + kind.first
    let header = kind.nameBytes + kind.sizeBytes
    while place + header <= bytes.count {
      let sizePlace = place + kind.nameBytes
      let found = Self.number(bytes, at: sizePlace, kind.sizeBytes, kind.isBigEndian)
      if isRF64, has("ds64", at: place), place + 24 <= bytes.count {
        extended = (place + 16, Self.number(bytes, at: place + 16, 8, false))
      }
      let declared = kind.countsHeader && found != 0 ? found &- UInt64(header) : found
      if has(kind.soundName, at: place) {
        let isExtended = isRF64 && found == 0xFFFF_FFFF
        let size = isExtended ? extended?.size ?? 0 : declared
        let bytesLeft = bytes.count - place - header
        settle(format, kind, bytes, start, (place + header, size, isExtended ? extended?.place : sizePlace), outer)
        if isUnfinished {
          func put(_ place: Int, _ size: Int, _ count: Int, _ isBigEndian: Bool) {
            let value = (0..<count).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
            fixes.append((place, isBigEndian ? value.reversed() : value))
          }
          if let extended, isExtended {
            put(extended.place, bytesLeft, 8, false)
            put(extended.place - 8, bytes.count - start - 8, 8, false)
          } else if kind.sizeBytes == 8 || bytesLeft < Int(UInt32.max) - 64 {
            put(sizePlace, kind.countsHeader ? bytesLeft + header : bytesLeft, kind.sizeBytes, kind.isBigEndian)
            if let outer {
              put(outer.place, bytes.count - start - (kind.countsHeader ? 0 : 8), kind.sizeBytes, kind.isBigEndian)
            }
          }
        }
        return
      }
      guard declared <= UInt64(bytes.count) else { return }
      let length = (Int(declared) + kind.alignment - 1) / kind.alignment * kind.alignment
      place += header + length
    }
  }

  /// Checks the chunk of samples: its first byte, its size, and the place of the size.
  private mutating func settle(
    _ format: AudioFormat, _ kind: Kind, _ bytes: UnsafeRawBufferPointer, _ start: Int,
    _ chunk: (start: Int, size: UInt64, sizePlace: Int?), _ outer: (place: Int, size: UInt64)?
  ) {
    // AIFF has two numbers before the samples, CAF one; both are part of the chunk.
    sound = (chunk.start, Int(clamping: chunk.size))
    if let outer, outer.size <= UInt64(bytes.count) {
      end = start + Int(outer.size) + (kind.countsHeader ? 0 : 8)
    } else if format == .caf, chunk.size <= UInt64(bytes.count - chunk.start) {
      end = Self.endOfChunks(bytes, from: chunk.start + Int(chunk.size))
    }
    if chunk.size == 0 {
      // A file that was closed properly may have no samples.
      isUnfinished = end != bytes.count && chunk.start < bytes.count || format == .caf && chunk.start < bytes.count
    } else {
      isUnfinished = Self.isPlaceholder(chunk.size, kind.sizeBytes == 8)
    }
  }

  /// The end of the chunks of CAF after the samples: at another file, or with this one.
  private static func endOfChunks(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var place = start
    while place + 12 <= bytes.count, !begins(.caf, bytes, at: place) {
      let size = number(bytes, at: place + 4, 8, true)
      guard size <= UInt64(bytes.count - place - 12) else { return place }
      place += 12 + Int(size)
    }
    return place
  }

  /// Whether a size is the placeholder of a writer to a pipe: all ones, or the largest signed number, plus or minus a
  /// header (FFmpeg, SoX, arecord).
  private static func isPlaceholder(_ size: UInt64, _ isWide: Bool) -> Bool {
    if isWide, size >= UInt64(Int64.max) - 0xFFFF { return true }
    return (0xFFFF_0000...0xFFFF_FFFF).contains(size) || (0x7FFF_0000...0x8000_FFFF).contains(size)
  }

  /// Sun's format: magic, offset of the samples, their bytes or all ones.
  private mutating func readAU(_ bytes: UnsafeRawBufferPointer, from start: Int) {
    guard start + 24 <= bytes.count else { return }
    let isBig = bytes[start] == UInt8(ascii: ".")
    let offset = Int(Self.number(bytes, at: start + 4, 4, isBig))
    let size = Self.number(bytes, at: start + 8, 4, isBig)
    guard offset >= 24, offset <= bytes.count - start else { return }
    sound = (start + offset, Int(size))
    isUnfinished = size == 0 && start + offset < bytes.count || Self.isPlaceholder(size, false)
    if isUnfinished {
      let left = UInt32(clamping: bytes.count - start - offset)
      fixes = [(start + 8, withUnsafeBytes(of: isBig ? left.bigEndian : left.littleEndian) { Array($0) })]
    }
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at place: Int, _ count: Int, _ isBig: Bool) -> UInt64 {
    let field = bytes[place..<place + count]
    return isBig ? field.reduce(0) { $0 << 8 | UInt64($1) } : field.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
