/// Which frames of a video make the clips that a model sees: VideoMAE's test protocols.
public struct VideoSampling: Sendable, Hashable {
  /// How the frames of a clip follow each other; raw values are those of `config.json`.
  public enum Rule: String, Sendable, Hashable, CaseIterable {
    /// Every `rate`-th frame, from a part of the video: Kinetics (`VideoClsDataset` of VideoMAE's `kinetics.py`).
    case strided
    /// At equal distances over the whole video: Something-Something (`SSVideoClsDataset` of VideoMAE's `ssv2.py`), and
    /// Hugging Face's processors with `do_sample_frames`.
    case uniform
  }

  /// How the frames of a clip follow each other.
  public var rule: Rule
  /// T: frames of a clip.
  public var frames: Int
  /// Every how many-th frame of the file is taken, where they are strided.
  public var rate: Int
  /// Clips from one video, evenly spread from its start to its end; a single one lies in the middle.
  public var segments: Int

  /// A sampling of `segments` clips of `frames` frames; numbers that give no clip are allowed, and give none.
  public init(frames: Int, rate: Int, segments: Int = 1, rule: Rule = .strided) {
    self.rule = rule
    self.frames = frames
    self.rate = rate
    self.segments = segments
  }

  /// The frames of every clip, by their number in a file of `count` frames: `segments` times `frames`.
  ///
  /// Strided: of all multiples of `rate`, clip s of S takes `frames` in a row, from place
  /// floor(s (n - frames) / (S - 1)) of n. A video that has fewer repeats its last one.
  ///
  /// Uniform: with t = count / `frames`, frame x of clip s is floor(t x + t s / S). Two clips are the reference's: at
  /// the start and in the middle of each of `frames` equal parts.
  ///
  /// None where the file, or a clip, has no frames.
  public func clips(frameCount count: Int) -> [[Int]] {
    guard count > 0, frames > 0, rate > 0, segments > 0 else { return [] }
    if rule == .uniform { return uniformClips(frameCount: count) }
    let available = (count - 1) / rate + 1
    let room = max(0, available - frames)
    return (0..<segments).map { segment in
      // In floating point, as the reference has it.
      let step = Double(room) / Double(max(1, segments - 1))
      let start = segments == 1 ? room / 2 : min(room, Int(saturating: Double(segment) * step))
      return (start..<start + frames).map { min($0, available - 1) * rate }
    }
  }

  private func uniformClips(frameCount count: Int) -> [[Int]] {
    // In floating point and in this order, as the reference has it.
    let tick = Double(count) / Double(frames)
    return (0..<segments).map { segment in
      let shift = tick * Double(segment) / Double(segments)
      return (0..<frames).map { min(Int(saturating: shift + tick * Double($0)), count - 1) }
    }
  }
}
