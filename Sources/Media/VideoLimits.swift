/// Limits of reading a video, checked before memory is allocated or work is done.
public struct VideoLimits: Sendable, Hashable {
  /// Width times height of a frame.
  public var pixels: Int
  /// Frames of the file.
  public var frames: Int
  /// Bytes that are read to recognize the format.
  public var probeBytes: Int
  /// Streams of the file: pictures, sounds, subtitles.
  public var streams: Int

  /// Limits, by default frames of 8K (7,680 x 4,320), ten hours of 30 frames a second, 4 MiB to recognize the format,
  /// 64 streams.
  public init(pixels: Int = 7680 * 4320, frames: Int = 1_080_000, probeBytes: Int = 1 << 22, streams: Int = 64) {
    self.pixels = pixels
    self.frames = frames
    self.probeBytes = probeBytes
    self.streams = streams
  }
}
