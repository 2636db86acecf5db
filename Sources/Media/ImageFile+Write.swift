import CMediaSupport
import Foundation
import MultimodalPathway

extension ImageFile {
  /// Writes an 8-bit RGB PNG file. Equal pictures give equal bytes.
  ///
  /// The file appears whole or not at all. Links, permissions and durability are those of `Checkpoint.write(to:)`.
  ///
  /// - Throws: `CheckpointError.unwritable`, in which case an older file is unchanged and no temporary file remains;
  ///   `MediaError.unwritable` for a picture that PNG cannot hold.
  public static func writePNG(_ image: PixelImage, to file: URL) throws {
    try AtomicFile.write(encodePNG(image, name: file.path), to: file)
  }

  /// The bytes of an 8-bit RGB PNG file.
  ///
  /// - Throws: `MediaError.unwritable` for a picture that PNG cannot hold.
  public static func encodePNG(_ image: PixelImage) throws -> Data {
    try encodePNG(image, name: "PNG image")
  }

  private static func encodePNG(_ image: PixelImage, name: String) throws -> Data {
    guard let width = UInt32(exactly: image.width), let height = UInt32(exactly: image.height) else {
      throw MediaError.unwritable(file: name, reason: "\(image.extent) pixels do not fit a PNG header")
    }
    var count = 0
    var report = mp_media_report()
    guard let bytes = mp_png_encode(image.rgb, width, height, &count, &report) else {
      throw MediaError.unwritable(file: name, reason: report.text)
    }
    // SAFETY: `bytes` holds `count` bytes from malloc, which the data now own.
    return Data(bytesNoCopy: bytes, count: count, deallocator: .custom { memory, _ in mp_media_free(memory) })
  }
}
