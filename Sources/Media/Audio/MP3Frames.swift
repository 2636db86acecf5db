import Foundation

/// The frames of an MP3 file: whether it is complete, and the boundaries of concatenated files.
///
/// An encoder writes the number of frames and bytes that follow into the first frame ("Xing"; "Info" at a constant bit
/// rate), and decoders stop there. A file without a count that is cut between two frames looks complete.
struct MP3Frames {
  private(set) var pieces: [Range<Int>] = []
  /// Samples of a channel of each piece, by its frames; 0 if they cannot be counted.
  private(set) var samples: [Int] = []
  private(set) var notes: [String] = []
  /// For each piece of variable bit rate without a number of frames, as in output to a pipe: the frame that gives it,
  /// and its place. Without it decoders assume the size of the first frame for all, and stop too early.
  private(set) var counts: [(place: Int, bytes: [UInt8])?] = []
  /// The evidence that the end is missing, or nil.
  private(set) var truncation: String?

  private struct Piece {
    var start: Int
    var header: MP3Header?
    var firstFrame = 0
    var isVariable = false
    var frames = 0
    /// The numbers in the first frame.
    var promised: (frames: Int?, bytes: Int?) = (nil, nil)
  }

  /// - Complexity: O(frames).
  init(_ bytes: UnsafeRawBufferPointer) {
    var piece = Piece(start: 0)
    var place = 0
    func finish(at end: Int) {
      pieces.append(piece.start..<end)
      samples.append(piece.frames * (piece.header?.samples ?? 0))
      counts.append(Self.count(piece, bytes))
    }
    while place < bytes.count, truncation == nil {
      if let tag = Self.tagBytes(bytes, at: place) {
        // A tag before frames is the beginning of a file.
        let isLeading = bytes[place..<place + 3].elementsEqual("ID3".utf8)
        if isLeading, piece.frames > 0, place + tag < bytes.count, MP3Header(bytes[(place + tag)...]) != nil {
          finish(at: place)
          piece = Piece(start: place)
        }
        place += min(tag, bytes.count - place)
        continue
      }
      guard let header = MP3Header(bytes[place...]) else {
        guard piece.header != nil, let next = Self.nextFrame(bytes, after: place) else { break }
        notes.append("\(next - place) bytes at byte \(place) are not an MP3 frame and are skipped")
        place = next
        continue
      }
      guard let length = header.frameBytes else {
        // Only the decoder can find the end of a frame of a free bit rate.
        piece.frames = 0
        finish(at: bytes.count)
        return
      }
      let promise = Self.promise(bytes, at: place)
      let isOther = piece.header.map { $0.rate != header.rate || $0.isMono != header.isMono } ?? false
      let isMore = piece.promised.frames.map { piece.frames > $0 + 1 } ?? false
      if piece.header != nil, promise != nil || isOther || isMore {
        finish(at: place)
        piece = Piece(start: place)
      }
      if piece.header == nil {
        (piece.header, piece.firstFrame) = (header, place)
        if let promise {
          piece.promised = promise
          let left = bytes.count - place
          if let promised = promise.bytes, promised > left {
            truncation = "the header declares \(promised) bytes, the file has \(left)"
          }
        }
      }
      if bytes[place + 2] >> 4 != bytes[piece.firstFrame + 2] >> 4 { piece.isVariable = true }
      // The frame with the numbers has no sound.
      if promise == nil { piece.frames += 1 }
      if length > bytes.count - place, piece.promised.bytes == nil {
        truncation = "the last frame has \(length) bytes, the file has \(bytes.count - place) of them"
      }
      place += min(length, bytes.count - place)
    }
    finish(at: bytes.count)
  }

  private static func count(_ piece: Piece, _ bytes: UnsafeRawBufferPointer) -> (place: Int, bytes: [UInt8])? {
    guard piece.isVariable, piece.promised.frames == nil, piece.frames > 0, let header = piece.header else {
      return nil
    }
    let place = piece.firstFrame
    // Fraunhofer's encoder writes a different frame with the number.
    if place + 40 <= bytes.count, bytes[place + 36..<place + 40].elementsEqual("VBRI".utf8) { return nil }
    return (place, header.countingFrame(bytes[place..<place + 4], frames: piece.frames))
  }

  /// Bytes of a tag: ID3v2 with its size in four bytes of 7 bits, ID3v1, APE.
  private static func tagBytes(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Int? {
    func has(_ text: String) -> Bool {
      place + text.utf8.count <= bytes.count && bytes[place..<place + text.utf8.count].elementsEqual(text.utf8)
    }
    if has("ID3"), place + 10 <= bytes.count {
      return 10 + bytes[place + 6..<place + 10].reduce(0) { $0 << 7 | Int($1 & 127) }
    }
    if has("APETAGEX"), place + 32 <= bytes.count {
      let size = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 12, as: UInt32.self))
      return 32 + Int(size)
    }
    return has("TAG") ? 128 : nil
  }

  /// The next place where two frames follow each other.
  private static func nextFrame(_ bytes: UnsafeRawBufferPointer, after place: Int) -> Int? {
    var next = place + 1
    while next + 4 <= bytes.count {
      if bytes[next] == 0xFF, let length = MP3Header(bytes[next...])?.frameBytes, next + length + 4 <= bytes.count,
        MP3Header(bytes[(next + length)...]) != nil
      {
        return next
      }
      next += 1
    }
    return nil
  }

  /// The numbers in the frame at `place`: frames after it, bytes from it on; nil for a frame of sound.
  private static func promise(_ bytes: UnsafeRawBufferPointer, at place: Int) -> (frames: Int?, bytes: Int?)? {
    // After 4 bytes of header and up to 32 of side information.
    let found = (place + 4..<place + 40).first { place in
      place + 16 <= bytes.count && ["Xing", "Info"].contains { bytes[place..<place + 4].elementsEqual($0.utf8) }
    }
    guard let found else { return nil }
    func number(_ place: Int) -> Int {
      Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
    }
    // Flags: 1, frames follow; 2, bytes follow.
    let (hasFrames, hasBytes) = (bytes[found + 7] & 1 != 0, bytes[found + 7] & 2 != 0)
    return (hasFrames ? number(found + 8) : nil, hasBytes ? number(found + (hasFrames ? 12 : 8)) : nil)
  }
}
