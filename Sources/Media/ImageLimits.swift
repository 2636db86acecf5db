/// Limits of reading an image, checked before memory is allocated or work is done.
public struct ImageLimits: Sendable, Hashable {
  /// Bytes of the file.
  public var fileBytes: Int
  /// Width times height.
  public var pixels: Int
  /// Passes over a progressive JPEG; photographs have about ten.
  public var scans: Int
  /// Memory that a decoder may allocate in addition to the file and the pixels.
  public var decoderBytes: Int

  /// Limits, by default 256 MiB of file, twice Pillow's `MAX_IMAGE_PIXELS` (its own limit), 100 scans, and 1 GiB of
  /// decoder memory.
  public init(
    fileBytes: Int = 1 << 28, pixels: Int = 178_956_970, scans: Int = 100, decoderBytes: Int = 1 << 30
  ) {
    self.fileBytes = fileBytes
    self.pixels = pixels
    self.scans = scans
    self.decoderBytes = decoderBytes
  }
}
