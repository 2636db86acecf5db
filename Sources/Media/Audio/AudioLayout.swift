import Foundation

/// The pieces of a sound file. A decoder reads each as a file of its own, one after the other.
struct AudioLayout {
  var pieces: [Range<Int>] = []
  /// Numbers in headers that their writers did not know, by their place in the file.
  var fixes: [(place: Int, bytes: [UInt8])] = []
  /// Notes on the file.
  var notes: [String] = []
  /// The headers of FLAC pieces.
  var streams: [FLACStream] = []
  /// Samples of each MP3 piece without its informational frame; 0 if they cannot be counted.
  var mp3Samples: [Int] = []
  /// The frame that each MP3 piece lacks: `MP3Frames.counts`.
  var mp3Counts: [(place: Int, bytes: [UInt8])?] = []

  /// - Throws: `AudioFileError.truncated`, `.damaged`.
  /// - Complexity: O(headers); for Ogg O(bytes), since the checksums of all pages are compared.
  init(_ format: AudioFormat, _ data: Data, name: String) throws {
    try data.withUnsafeBytes { bytes in
      switch format {
      case .wav, .aiff, .w64, .caf, .au: try addChunked(format, bytes, name)
      case .flac: addFLAC(bytes)
      case .ogg:
        let pages = OggPages(bytes)
        switch pages.fault {
        case .truncated(let finding)?: throw AudioFileError.truncated(file: name, finding: finding)
        case .damaged(let finding)?: throw AudioFileError.damaged(file: name, finding: finding)
        case nil: (pieces, notes) = (pages.links, pages.notes)
        }
      case .mp3:
        let frames = MP3Frames(bytes)
        if let finding = frames.truncation { throw AudioFileError.truncated(file: name, finding: finding) }
        (pieces, notes, mp3Samples) = (frames.pieces, frames.notes, frames.samples)
        mp3Counts = frames.counts
      }
    }
  }

  /// The file with its fixes.
  func fixed(_ data: Data) -> Data {
    guard !fixes.isEmpty else { return data }
    var data = Data(data)
    for fix in fixes { data.replaceSubrange(fix.place..<fix.place + fix.bytes.count, with: fix.bytes) }
    return data
  }

  private mutating func addChunked(_ format: AudioFormat, _ bytes: UnsafeRawBufferPointer, _ name: String) throws {
    var start = 0
    while start < bytes.count {
      let chunks = SoundChunks(format, bytes, from: start)
      guard let sound = chunks.sound else {
        pieces.append(start..<bytes.count)
        return
      }
      let left = bytes.count - sound.start
      if chunks.isUnfinished {
        notes.append(
          "its header gives no length, as in output to a pipe; its \(left) bytes of samples are read to the end")
        fixes += chunks.fixes
        pieces.append(start..<bytes.count)
        return
      }
      guard sound.count <= left else {
        throw AudioFileError.truncated(
          file: name, finding: "the header declares \(sound.count) bytes of samples, the file has \(left)")
      }
      let end = min(bytes.count, max(chunks.end, sound.start + sound.count))
      // A byte of padding to an even length may follow.
      let next = [end, end + 1].first { $0 < bytes.count && SoundChunks.begins(format, bytes, at: $0) }
      if next == nil, end + 1 < bytes.count { notes.append("\(bytes.count - end) bytes after its end are not read") }
      pieces.append(start..<(next ?? bytes.count))
      start = next ?? bytes.count
    }
  }

  private mutating func addFLAC(_ bytes: UnsafeRawBufferPointer) {
    // Every FLAC file begins with the marker and a STREAMINFO of 34 bytes.
    var starts = [0]
    var place = 4
    // SAFETY: memchr looks at the bytes from `place` to the end.
    while place + 8 <= bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + place, 0x66, bytes.count - place)
    {
      place = base.distance(to: UnsafeRawPointer(found))
      if FLACStream.begins(bytes, at: place) { starts.append(place) }
      place += 1
    }
    let end = Self.endBeforeTags(bytes)
    for (index, start) in starts.enumerated() {
      pieces.append(start..<(index + 1 < starts.count ? starts[index + 1] : end))
      streams.append(FLACStream(bytes, at: start))
    }
    // A tag may come before the marker.
    if starts.count > 1, !FLACStream.begins(bytes, at: 0) {
      pieces.remove(at: 1)
      streams.remove(at: 0)
      pieces[0] = 0..<(pieces.count > 1 ? pieces[1].lowerBound : end)
    }
  }

  /// The place of tags that old programs append: APE with its size in its footer, and ID3v1.
  private static func endBeforeTags(_ bytes: UnsafeRawBufferPointer) -> Int {
    var end = bytes.count
    func has(_ text: String, at place: Int) -> Bool {
      place >= 42 && bytes[place..<place + text.utf8.count].elementsEqual(text.utf8)
    }
    if has("TAG", at: end - 128) { end -= 128 }
    if has("APETAGEX", at: end - 32) {
      let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end - 20, as: UInt32.self)))
      let hasHeader = bytes[end - 9] & 0x80 != 0
      let all = size + (hasHeader ? 32 : 0)
      if all >= 32, end - all >= 42 { end -= all }
    }
    return end
  }
}

/// The STREAMINFO of a FLAC stream (RFC 9639, section 8.2).
struct FLACStream {
  let channels: Int
  let bits: Int
  /// MD5 of the samples; nil if the encoder did not know it.
  let digest: [UInt8]?

  static func begins(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
    place + 42 <= bytes.count && bytes[place..<place + 4].elementsEqual("fLaC".utf8)
      && bytes[place + 4] & 0x7F == 0 && bytes[place + 5..<place + 8].elementsEqual([0, 0, 34])
  }

  init(_ bytes: UnsafeRawBufferPointer, at place: Int) {
    guard Self.begins(bytes, at: place) else {
      (channels, bits, digest) = (0, 0, nil)
      return
    }
    channels = Int(bytes[place + 20] >> 1 & 7) + 1
    bits = Int(bytes[place + 20] & 1) << 4 + Int(bytes[place + 21] >> 4) + 1
    let digest = Array(bytes[place + 26..<place + 42])
    self.digest = digest.allSatisfy { $0 == 0 } ? nil : digest
  }
}
