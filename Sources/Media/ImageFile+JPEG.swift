import CMediaSupport
import Foundation
import MultimodalPathway

/// JPEG through libjpeg-turbo.
enum JPEGDecoding {
  static func decode(
    _ data: Data, name: String, limits: ImageLimits, note: (MediaNote) -> Void
  ) throws -> PixelImage {
    try data.withUnsafeBytes { bytes in
      var report = mp_media_report()
      var native = limits.native
      // SAFETY: the decoder keeps a pointer to `bytes`, which outlive it.
      let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
      guard let decoder = mp_jpeg_open(start, bytes.count, &native, &report) else { throw report.error(file: name) }
      defer { mp_jpeg_close(decoder) }
      let extent = Extent(height: Int(mp_jpeg_height(decoder)), width: Int(mp_jpeg_width(decoder)))
      let orientation = orientation(decoder)
      let image = try PixelImage(extent: extent) { samples in
        guard mp_jpeg_decode(decoder, samples.baseAddress, &report) == mp_media_ok else {
          throw report.error(file: name)
        }
      }
      if !report.text.isEmpty { note(MediaNote(.warning, file: name, "some pixels are damaged: \(report.text)")) }
      return image.upright(from: orientation)
    }
  }

  /// Several Exif segments are joined; of several XMP segments the last one is used.
  private static func orientation(_ decoder: OpaquePointer) -> ImageOrientation {
    let xmpPrefix = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    var exif: [UInt8] = []
    var xmp: [UInt8] = []
    var index: UInt32 = 0
    var count = 0
    while let start = mp_jpeg_app1(decoder, index, &count) {
      // SAFETY: the decoder owns `count` bytes there until it decodes, and they are copied here.
      let segment = UnsafeBufferPointer(start: start, count: count)
      if segment.starts(with: ImageOrientation.exifPrefix) {
        exif += segment.dropFirst(exif.isEmpty ? 0 : ImageOrientation.exifPrefix.count)
      } else if segment.starts(with: xmpPrefix) {
        xmp = Array(segment.dropFirst(xmpPrefix.count))
      }
      index += 1
    }
    return ImageOrientation(exif: exif, xmp: xmp)
  }
}
