import MultimodalPathway

extension VideoFile {
  /// The clips of the file for a preprocessor. Only the frames that it needs are converted and resized, each when it is
  /// decoded, and only their crops are kept.
  ///
  /// If fewer frames can be decoded than were counted, clips are chosen again among those, and `note` is called.
  ///
  /// - Throws: `VideoError`; `CancellationError`; `ImagePreprocessingError`, `PixelImageError`.
  public func clips(
    _ preprocessor: VideoPreprocessor, note: (MediaNote) -> Void = { _ in }
  ) throws -> VideoClips {
    var count = frameCount
    while true {
      var clips = VideoClips(preprocessor, frameCount: count)
      guard let found = try forEachFrame(clips.needed, { try clips.add($1, at: $0) }) else { return clips }
      note(MediaNote(file: url.path, "\(count) frames are counted, \(found) can be decoded; clips are made of these"))
      count = found
    }
  }
}
