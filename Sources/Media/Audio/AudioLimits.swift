/// Limits of reading a sound file, checked before memory is allocated or work is done.
public struct AudioLimits: Sendable, Hashable {
  /// Bytes of the file.
  public var fileBytes: Int
  /// Channels of the file.
  public var channels: Int
  /// Frames: samples of one channel. Reading takes 4 bytes each, for the mono mix.
  public var frames: Int
  /// Frames a second.
  public var rate: Int

  /// Limits, by default 1 GiB of file, 64 channels, 2^28 frames (4 hours and a half at 16 kHz; 1 GiB) and 768 kHz.
  public init(fileBytes: Int = 1 << 30, channels: Int = 64, frames: Int = 1 << 28, rate: Int = 768_000) {
    self.fileBytes = fileBytes
    self.channels = channels
    self.frames = frames
    self.rate = rate
  }
}
