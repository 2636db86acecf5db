extension VisionTransformerConfiguration {
  /// What a model reads, with the numbers that only this kind of input has.
  public enum Input: Sendable, Equatable {
    /// Pictures, (B, channels, H, W).
    case image
    /// Spectrograms of sound, (B, 1, H, W), and how they are made.
    case audio(AudioPreprocessing)
    /// Clips, (B, channels, T, H, W).
    case video(Clip)
    /// Point clouds, (B, P, 3).
    case points(PointConfiguration)

    /// A kind of input with its usual numbers: AudioSet's spectrograms, VideoMAE's clips, Point-MAE's clouds.
    public init(_ modality: Modality) {
      switch modality {
      case .image: self = .image
      case .audio: self = .audio(.audioSet)
      case .video: self = .video(Clip())
      case .points: self = .points(PointConfiguration())
      }
    }

    /// The kind without its numbers.
    public var modality: Modality {
      switch self {
      case .image: .image
      case .audio: .audio
      case .video: .video
      case .points: .points
      }
    }
  }

  /// The frames that a video model reads at a time.
  public struct Clip: Sendable, Equatable {
    /// T: frames of a clip.
    public var frames: Int
    /// Frames of a tubelet, the patch of a video: 2 in VideoMAE; 1 for patches of single frames.
    public var tubelet: Int
    /// How a clip's frames are chosen from a file's; absent: strided, unless a loaded model's name or classes tell that
    /// it is one of Something-Something.
    public var sampling: VideoSampling.Rule?
    /// Frames of a file from one frame of a clip to the next, where they are strided.
    public var samplingRate: Int

    /// VideoMAE's clips, unless given otherwise.
    public init(frames: Int = 16, tubelet: Int = 2, sampling: VideoSampling.Rule? = nil, samplingRate: Int = 4) {
      self.frames = frames
      self.tubelet = tubelet
      self.sampling = sampling
      self.samplingRate = samplingRate
    }
  }

  /// What its tokens are made of.
  public var modality: Modality { input.modality }
  /// How sound is prepared, in audio models.
  public var audio: AudioPreprocessing? { if case .audio(let recipe) = input { recipe } else { nil } }
  /// The clips of video models.
  public var clip: Clip? { if case .video(let clip) = input { clip } else { nil } }
  /// The clouds and groups of point transformers.
  public var points: PointConfiguration? { if case .points(let numbers) = input { numbers } else { nil } }
  /// T: frames of a clip; another modality's input is a clip of one frame.
  public var frames: Int { clip?.frames ?? 1 }
  /// Frames of a tubelet; 1 where there are no clips.
  public var tubelet: Int { clip?.tubelet ?? 1 }
}
