import CMediaSupport
import Foundation
import MultimodalPathway

/// PNG through libpng.
enum PNGDecoding {
  static func decode(
    _ data: Data, name: String, limits: ImageLimits, note: (MediaNote) -> Void
  ) throws -> PixelImage {
    try data.withUnsafeBytes { bytes in
      var report = mp_media_report()
      var native = limits.native
      // SAFETY: the decoder keeps a pointer to `bytes`, which outlive it.
      let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      guard let decoder = mp_png_open(start, bytes.count, &native, &report) else { throw report.error(file: name) }
      defer { mp_png_close(decoder) }
      let extent = Extent(height: Int(mp_png_height(decoder)), width: Int(mp_png_width(decoder)))
      let image = try PixelImage(extent: extent) { samples in
        guard mp_png_decode(decoder, samples.baseAddress, &report) == mp_media_ok else {
          throw report.error(file: name)
        }
      }
      if !report.text.isEmpty { note(MediaNote(file: name, report.text)) }
      return image.upright(from: orientation(decoder))
    }
  }

  private static func orientation(_ decoder: OpaquePointer) -> ImageOrientation {
    var count = 0
    // SAFETY: the decoder owns `count` bytes there until it is closed, and they are copied here.
    let exif = mp_png_exif(decoder, &count).map { Array(UnsafeBufferPointer(start: $0, count: count)) }
    // Written by ImageMagick before PNG had a chunk for Exif data.
    let profile = text(decoder, "Raw profile type exif").flatMap(hexadecimalProfile)
    let xmp = text(decoder, "XML:com.adobe.xmp") ?? []
    return ImageOrientation(exif: exif ?? profile ?? [], xmp: xmp)
  }

  private static func text(_ decoder: OpaquePointer, _ keyword: String) -> [UInt8]? {
    var count = 0
    return mp_png_text(decoder, keyword, &count).map { start in
      UnsafeRawBufferPointer(start: start, count: count).map { $0 }
    }
  }

  /// "\n", a name, "\n", the length, "\n", then hexadecimal digits in lines.
  private static func hexadecimalProfile(_ text: [UInt8]) -> [UInt8]? {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropFirst(3)
    let digits = lines.joined().compactMap(hexadecimalDigit)
    guard digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46, 0x61...0x66: (byte & 0xDF) - 0x37
    default: nil
    }
  }
}
