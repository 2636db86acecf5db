import MultimodalPathway

/// Which frames of a video a training clip has, as VideoMAE (Tong et al. 2022) chooses them: a pure function of the
/// video's length and a random stream.
package enum ClipSampling {
  /// The frames of a clip, ascending, by their number in a file of `count` frames.
  ///
  /// Strided: T frames at equal distances, the first and the last included, of T `rate` frames from a random place on
  /// (`VideoClsDataset` of VideoMAE's `kinetics.py`); distances are therefore slightly larger than `rate`. A video that
  /// has no more than T `rate` frames gives count / `rate` frames at equal distances over all of it, and repeats its
  /// last one.
  ///
  /// Uniform: a random frame of each of T equal parts (`SSVideoClsDataset` of `ssv2.py`). A video of fewer than T
  /// frames has no such parts, and gives the frames that it gives for inference.
  ///
  /// - Parameter count: at least 1.
  package static func frames(_ sampling: VideoSampling, of count: Int, _ random: inout RandomStream) -> [Int] {
    let frames = sampling.frames
    guard sampling.rule == .strided else {
      let part = count / frames
      guard part > 0 else { return sampling.clips(frameCount: count).first ?? [] }
      return (0..<frames).map { $0 * part + random.index(below: part) }
    }
    let span = frames * sampling.rate
    guard count > span else {
      let spread = places(0, count, number: min(frames, count / sampling.rate))
      return spread + [Int](repeating: count - 1, count: frames - spread.count)
    }
    let end = span + random.index(below: count - span)
    return places(end - span, end, number: frames)
  }

  /// Numbers from `start` to `end` at equal distances, rounded down, below `end`.
  private static func places(_ start: Int, _ end: Int, number: Int) -> [Int] {
    let step = Double(end - start) / Double(max(1, number - 1))
    return (0..<number).map { Int(min(Double(start) + Double($0) * step, Double(end - 1))) }
  }
}
