import Foundation

/// What a sound file is, told from its bytes, and whether it is whole; names and extensions are not looked at.
enum AudioFormat: Equatable {
  case wav
  case flac
  case ogg
  case mp3

  /// - Throws: `AudioFileError` where the bytes are those of something else.
  init(_ data: Data, name: String) throws {
    if data.isEmpty { throw AudioFileError.empty(file: name) }
    let start = [UInt8](data.prefix(12))
    if ["RIFF", "RIFX", "RF64"].contains(where: { start.starts(with: $0.utf8) }),
      start.dropFirst(8).starts(with: "WAVE".utf8)
    {
      self = .wav
    } else if start.starts(with: "fLaC".utf8) {
      self = .flac
    } else if start.starts(with: "OggS".utf8) {
      self = .ogg
    } else if start.starts(with: "ID3".utf8) || MP3Header(start) != nil {
      self = .mp3
    } else {
      switch ImageFormat(firstBytes: data.prefix(512)) {
      case .jpeg: throw AudioFileError.unsupportedFormat(file: name, found: "a JPEG image")
      case .png: throw AudioFileError.unsupportedFormat(file: name, found: "a PNG image")
      case .unsupported(let found): throw AudioFileError.unsupportedFormat(file: name, found: found)
      case .unknown:
        let bytes = start.prefix(8).map { (($0 < 16) ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        throw AudioFileError.unrecognized(file: name, firstBytes: bytes)
      }
    }
  }

  /// What shows that the end of the file is missing, which decoders take for the end of the sound.
  func truncation(_ data: Data) -> String? {
    switch self {
    case .wav: Self.wavTruncation(data)
    case .ogg: Self.oggTruncation(data)
    case .mp3: MP3Header.truncation(data)
    case .flac: nil
    }
  }

  /// The chunk of samples must lie in the file. Programs that write into a pipe leave its size 0 or all ones.
  private static func wavTruncation(_ data: Data) -> String? {
    guard data.starts(with: "RIFF".utf8) else { return nil }
    return data.withUnsafeBytes { bytes in
      var place = 12
      while place + 8 <= bytes.count {
        let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)))
        let left = bytes.count - place - 8
        if bytes[place..<place + 4].elementsEqual("data".utf8) {
          let isStream = size == 0 || size >= Int(UInt32.max) - 64
          return size > left && !isStream ? "the header promises \(size) bytes of samples, there are \(left)" : nil
        }
        place += 8 + size + size % 2
      }
      return nil
    }
  }

  /// The last page must be complete and marked as the last of its stream (RFC 3533, section 6).
  private static func oggTruncation(_ data: Data) -> String? {
    data.withUnsafeBytes { bytes in
      // A page has at most 27 + 255 + 255 x 255 bytes.
      let first = max(0, bytes.count - 65_307)
      guard
        let page = stride(from: bytes.count - 4, through: first, by: -1).first(where: { place in
          bytes[place..<place + 4].elementsEqual("OggS".utf8)
        }), page + 27 <= bytes.count
      else { return "the last page is cut" }
      let segments = Int(bytes[page + 26])
      guard page + 27 + segments <= bytes.count else { return "the last page is cut" }
      let body = bytes[page + 27..<page + 27 + segments].reduce(0) { $0 + Int($1) }
      guard page + 27 + segments + body <= bytes.count else { return "the last page is cut" }
      return bytes[page + 5] & 4 == 0 ? "the stream's last page is missing" : nil
    }
  }
}
