/// Which frames of a video make the clips that a model sees: VideoMAE's test protocol (`VideoClsDataset` of its
/// `kinetics.py`, mode "test").
public struct VideoSampling: Sendable, Hashable {
  /// T: frames of a clip.
  public var frames: Int
  /// Every how many-th frame of the file is taken.
  public var rate: Int
  /// Clips from one video, evenly spread from its start to its end; a single one lies in the middle.
  public var segments: Int

  public init(frames: Int, rate: Int, segments: Int = 1) {
    self.frames = frames
    self.rate = rate
    self.segments = segments
  }

  /// The frames of every clip, by their number in a file of `count` frames: `segments` times `frames`.
  ///
  /// Of all multiples of `rate`, clip s of S takes `frames` in a row, from place floor(s (n - frames) / (S - 1)) of n.
  /// A video that has fewer repeats its last one.
  public func clips(frameCount count: Int) -> [[Int]] {
    let available = (count + rate - 1) / rate
    let room = max(0, available - frames)
    return (0..<segments).map { segment in
      // In floating point, as the reference has it.
      let step = Double(room) / Double(max(1, segments - 1))
      let start = segments == 1 ? room / 2 : Int(Double(segment) * step)
      return (start..<start + frames).map { min($0, available - 1) * rate }
    }
  }
}
