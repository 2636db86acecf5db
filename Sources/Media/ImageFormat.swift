/// The kind of a file, recognized by its first bytes, whatever its name.
enum ImageFormat: Equatable {
  case jpeg
  case png
  /// A known format that is not supported; its name.
  case unsupported(String)
  case unknown

  init(firstBytes: some Collection<UInt8>) {
    let bytes = Array(firstBytes.prefix(512))
    let known: [(offset: Int, magic: [UInt8], format: ImageFormat)] = [
      (0, [0xFF, 0xD8, 0xFF], .jpeg),
      (0, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], .png),
      (0, Array("GIF8".utf8), .unsupported("a GIF image")),
      (8, Array("WEBP".utf8), .unsupported("a WebP image")),
      (8, Array("WAVE".utf8), .unsupported("a WAV sound file")),
      (8, Array("AVI ".utf8), .unsupported("an AVI video")),
      (0, Array("BM".utf8), .unsupported("a BMP image")),
      (0, Array("II*\0".utf8), .unsupported("a TIFF or raw camera image")),
      (0, Array("MM\0*".utf8), .unsupported("a TIFF or raw camera image")),
      (0, [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50], .unsupported("a JPEG 2000 image")),
      (0, [0xFF, 0x0A], .unsupported("a JPEG XL image")),
      (0, [0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C], .unsupported("a JPEG XL image")),
      (0, Array("8BPS".utf8), .unsupported("a Photoshop document")),
      (0, Array("%PDF".utf8), .unsupported("a PDF document")),
      (0, Array("PK".utf8) + [3, 4], .unsupported("a zip archive")),
      (0, [0x1F, 0x8B], .unsupported("a gzip archive")),
      (0, Array("version https://git-lfs".utf8), .unsupported("a Git LFS pointer instead of the file's content")),
    ]
    let match = known.first { bytes.dropFirst($0.offset).starts(with: $0.magic) }
    self = match?.format ?? Self.container(bytes) ?? Self.text(bytes) ?? .unknown
  }

  /// ISO base media files have a brand at byte 8.
  private static func container(_ bytes: [UInt8]) -> ImageFormat? {
    guard bytes.dropFirst(4).starts(with: "ftyp".utf8) else { return nil }
    switch String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self) {
    case "heic", "heix", "heim", "heis", "hevc", "mif1", "msf1": return .unsupported("a HEIC image")
    case "avif", "avis": return .unsupported("an AVIF image")
    default: return .unsupported("an MP4 or QuickTime file")
    }
  }

  /// Failed downloads are often web pages.
  private static func text(_ bytes: [UInt8]) -> ImageFormat? {
    let start = String(decoding: bytes, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return .unsupported("an HTML page") }
    if start.hasPrefix("<svg") || (start.hasPrefix("<?xml") && start.contains("<svg")) {
      return .unsupported("an SVG drawing")
    }
    return start.hasPrefix("<?xml") ? .unsupported("an XML document") : nil
  }
}
