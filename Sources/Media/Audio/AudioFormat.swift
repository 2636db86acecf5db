import Foundation

/// The format of a sound file, recognized by its bytes, whatever its name.
enum AudioFormat: Equatable {
  case wav
  case flac
  case ogg
  case mp3
  case aiff
  case au
  case caf
  case w64

  /// - Throws: `AudioFileError` for other formats.
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
    } else if start.starts(with: "FORM".utf8),
      ["AIFF", "AIFC"].contains(where: { start.dropFirst(8).starts(with: $0.utf8) })
    {
      self = .aiff
    } else if start.starts(with: ".snd".utf8) || start.starts(with: "dns.".utf8) {
      self = .au
    } else if start.starts(with: "caff".utf8) {
      self = .caf
    } else if start.starts(with: "riff".utf8), start.dropFirst(4).starts(with: [0x2E, 0x91, 0xCF, 0x11]) {
      self = .w64
    } else if Self.isTaggedFLAC(data) {
      self = .flac
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

  /// Some programs write an ID3 tag before a FLAC file.
  private static func isTaggedFLAC(_ data: Data) -> Bool {
    guard data.starts(with: "ID3".utf8), data.count >= 10 else { return false }
    let start = data.startIndex
    let size = 10 + data[start + 6..<start + 10].reduce(0) { $0 << 7 | Int($1 & 127) }
    return data.dropFirst(size).starts(with: "fLaC".utf8)
  }
}
