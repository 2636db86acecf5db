import PathwayKernels

/// An 8-bit RGB picture: the output of a decoder and the input of image preprocessing.
///
/// Samples are stored as (H, W, 3), rows from the top, without padding. Height and width are positive and
/// `rgb.count == 3 * height * width`, so callers need no check.
public struct PixelImage: Sendable, Hashable {
  /// Height and width in pixels; both at least 1.
  public let extent: Extent
  /// Red, green, blue of each pixel, 0...255: (H, W, 3).
  public let rgb: [UInt8]

  /// Height in pixels.
  public var height: Int { extent.height }
  /// Width in pixels.
  public var width: Int { extent.width }

  /// The most pixels a picture can have: 2^30, 3 GiB of samples.
  public static let maximumPixelCount = 1 << 30

  /// A picture of pixels that the caller has.
  ///
  /// - Parameter rgb: (height, width, 3) samples.
  /// - Throws: `PixelImageError` where an extent is not positive or the samples do not fill it.
  public init(extent: Extent, rgb: [UInt8]) throws {
    let count = try Self.sampleCount(of: extent)
    guard rgb.count == count else {
      throw PixelImageError.sampleCount(found: rgb.count, expected: count, extent: extent)
    }
    self.init(trusted: extent, rgb: rgb)
  }

  /// A picture whose samples `body` writes, for decoders.
  ///
  /// - Parameter body: gets (height, width, 3) samples, uninitialised, and must write every one of them.
  /// - Throws: `PixelImageError` where an extent is not positive; `MemoryError`; and what `body` throws.
  package init(extent: Extent, initializingWith body: (UnsafeMutableBufferPointer<UInt8>) throws -> Void) throws {
    // Not set to 0 first: a file of a hundred bytes can declare an extent of a hundred megabytes.
    let sampleCount = try Self.sampleCount(of: extent)
    if sampleCount >= 1 << 20 { try SystemMemory.require(sampleCount, for: .file) }
    let rgb = try [UInt8](unsafeUninitializedCapacity: sampleCount) { samples, count in
      try body(UnsafeMutableBufferPointer(rebasing: samples[..<sampleCount]))
      count = sampleCount
    }
    self.init(trusted: extent, rgb: rgb)
  }

  /// The caller has made sure of the invariant.
  init(trusted extent: Extent, rgb: [UInt8]) {
    self.extent = extent
    self.rgb = rgb
  }

  /// 3 * height * width, checked against `maximumPixelCount`.
  static func sampleCount(of extent: Extent) throws -> Int {
    let (pixels, overflow) = extent.height.multipliedReportingOverflow(by: extent.width)
    guard extent.height > 0, extent.width > 0, !overflow, pixels <= maximumPixelCount else {
      throw PixelImageError.extent(found: extent)
    }
    return 3 * pixels
  }
}

/// Why a picture cannot be made, resized or cropped.
public enum PixelImageError: CodedError, Hashable {
  /// A height or width is not positive, or their product is above `PixelImage.maximumPixelCount`.
  case extent(found: Extent)
  /// The samples do not fill the extent.
  case sampleCount(found: Int, expected: Int, extent: Extent)
}

extension PixelImageError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .extent: "image.extent"
    case .sampleCount: "image.sample-count"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String {
    switch self {
    case .extent(let found):
      "an image of \(found) pixels cannot be made: height and width are at least 1, "
        + "and their product is at most \(PixelImage.maximumPixelCount)"
    case .sampleCount(let found, let expected, let extent):
      "\(found) samples do not make an image of \(extent) pixels, which has \(expected): "
        + "give red, green and blue of each pixel, row by row, without padding"
    }
  }
}
