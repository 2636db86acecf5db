import CMediaSupport
import Foundation
import MultimodalPathway
import PathwayKernels

/// Image files on disk: JPEG and PNG.
public enum ImageFile {
  /// Reads a JPEG or PNG file, recognized by its content, whatever its name.
  ///
  /// Equal in every byte to Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`: alpha is dropped,
  /// 16-bit samples keep their high bytes, four-component JPEGs are read as inverted CMYK. The exception is 16-bit
  /// grey, whose samples Pillow clips to 255, which makes nearly all of them white.
  ///
  /// - Parameters:
  ///   - limits: checked against the header before anything is decoded.
  ///   - note: called for damage that loses pixels or metadata.
  /// - Throws: `MediaError`. Truncated files are errors; damaged entropy-coded data of a JPEG are not, as in Pillow.
  /// - Complexity: O(file + pixels * scans).
  public static func read(
    _ file: URL, limits: ImageLimits = ImageLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> PixelImage {
    let data = try contents(of: file, limit: limits.fileBytes)
    return try decode(data, name: file.path, limits: limits, note: note)
  }

  /// Whether a file begins like a JPEG or PNG file. Only its first bytes are read; false if that fails.
  public static func recognizes(_ file: URL) -> Bool {
    // Reading a pipe would block, and its bytes would be lost.
    guard
      (try? URL(fileURLWithPath: file.path).resolvingSymlinksInPath().resourceValues(forKeys: [.isRegularFileKey]))?
        .isRegularFile == true, let handle = try? FileHandle(forReadingFrom: URL(fileURLWithPath: file.path))
    else { return false }
    defer { try? handle.close() }
    let start = (try? handle.read(upToCount: 8)) ?? Data()
    return [.jpeg, .png].contains(ImageFormat(firstBytes: start))
  }

  /// Reads a JPEG or PNG image in memory, as `read(_:limits:note:)`.
  ///
  /// - Parameter name: the name of the file in errors.
  public static func decode(
    _ data: Data, name: String, limits: ImageLimits = ImageLimits(), note: (MediaNote) -> Void = { _ in }
  ) throws -> PixelImage {
    if data.isEmpty { throw MediaError.empty(file: name) }
    switch ImageFormat(firstBytes: data) {
    case .jpeg: return try JPEGDecoding.decode(data, name: name, limits: limits, note: note)
    case .png: return try PNGDecoding.decode(data, name: name, limits: limits, note: note)
    case .unsupported(let found): throw MediaError.unsupportedFormat(file: name, found: found)
    case .unknown:
      let start = data.prefix(8).map { (($0 < 16) ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
      throw MediaError.unrecognized(file: name, firstBytes: start)
    }
  }

  /// All bytes of a regular file no larger than `limit`.
  ///
  /// - Throws: `MediaError`; `MemoryError`.
  static func contents(of file: URL, limit: Int) throws -> Data {
    let values: URLResourceValues
    do {
      values = try URL(fileURLWithPath: file.path).resolvingSymlinksInPath().resourceValues(
        forKeys: [.isRegularFileKey, .fileSizeKey])
    } catch {
      throw MediaError.unreadable(file: file.path, reason: reason(for: error))
    }
    guard values.isRegularFile == true else {
      throw MediaError.unreadable(file: file.path, reason: "not a regular file")
    }
    let size = values.fileSize ?? 0
    guard size <= limit else {
      throw MediaError.limitExceeded(file: file.path, quantity: .fileBytes, found: size, limit: limit)
    }
    try SystemMemory.require(size, for: .file)
    do {
      return try Data(bytesOf: file)
    } catch {
      throw MediaError.unreadable(file: file.path, reason: reason(for: error))
    }
  }

  /// A system error in plain words if there are some for it.
  static func reason(for error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoSuchFile, .fileNoSuchFile: "no such file"
    case .fileReadNoPermission, .fileWriteNoPermission: "permission denied"
    case .fileWriteOutOfSpace: "no space left"
    default: error.localizedDescription
    }
  }
}

extension ImageLimits {
  var native: mp_media_limits {
    mp_media_limits(
      pixels: UInt64(clamping: min(pixels, PixelImage.maximumPixelCount)), bytes: UInt64(clamping: decoderBytes),
      scans: UInt32(clamping: scans))
  }
}

extension mp_media_report {
  var text: String {
    withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The error that a failed call reports.
  func error(file: String) -> MediaError {
    let found = found == 0 ? nil : Int(clamping: found)
    let limit = Int(clamping: limit)
    return switch status {
    case mp_media_truncated: .truncated(file: file, finding: text)
    case mp_media_unsupported: .unsupportedVariant(file: file, finding: text)
    case mp_media_too_many_pixels: .limitExceeded(file: file, quantity: .pixels, found: found, limit: limit)
    case mp_media_too_many_scans: .limitExceeded(file: file, quantity: .scans, found: found, limit: limit)
    case mp_media_too_many_bytes: .limitExceeded(file: file, quantity: .decoderBytes, found: found, limit: limit)
    default: .damaged(file: file, finding: text)
    }
  }
}
