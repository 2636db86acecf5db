import MultimodalPathway
import PathwayMedia

/// Choices of how files are read. Each setting is for one modality.
public struct FrontEndSettings: Sendable, Hashable {
  /// Clips of a video, spread over it, whose answers are averaged.
  public var segments = 1
  /// Crops of a video's frames along their longer side, whose answers are averaged.
  public var crops = 1
  /// Seconds between the starts of two windows of sound, 0.01...86400; nil: only the first window.
  public var hop: Double?
  /// Whether sound of another rate than that of the model is resampled; otherwise it is an error.
  public var resamplesSound = false
  /// The channel of sound that is read, from 1; nil: the mean of all.
  public var channel: Int?

  /// One view of a file; the mean of all channels.
  public init() {}

  /// The range of `hop`, in seconds.
  public static let hops = 0.01...86_400

  /// - Throws: `DataError.notApplicable`, `DataError.invalid`.
  func validate(for modality: Modality) throws(DataError) {
    guard modality == .video || (segments == 1 && crops == 1) else {
      throw .notApplicable(.segmentsAndCrops, found: modality)
    }
    guard modality == .audio || hop == nil else { throw .notApplicable(.hop, found: modality) }
    guard modality == .audio || channel == nil else { throw .notApplicable(.channel, found: modality) }
    if let hop, !Self.hops.contains(hop) {
      throw .invalid(.hop, found: "\(hop)", expected: "\(Self.hops) seconds")
    }
    if let channel, channel < 1 { throw .invalid(.channel, found: "\(channel)", expected: "a number from 1") }
  }
}

extension VisionTransformerConfiguration {
  /// The front end of a model with this configuration.
  ///
  /// - Parameters:
  ///   - recipe: how its pictures, or frames, are prepared; nil: the usual recipe of its architecture.
  ///   - engine: computes spectrograms and samples points. Each file uses one of its threads, since files are read in
  ///     parallel.
  ///   - note: called with notes on files, by any thread.
  /// - Throws: `DataError` if a setting is not for the modality; `ImagePreprocessingError`, `AudioError`,
  ///   `EngineError`.
  public func frontEnd(
    recipe: ImagePreprocessing? = nil, settings: FrontEndSettings = FrontEndSettings(), engine: Engine,
    note: @escaping NoteHandler = { _ in }
  ) throws -> any FrontEnd {
    try settings.validate(for: modality)
    let recipe = recipe ?? .usual(for: self)
    let one = try Engine(threads: 1, instructionSet: engine.instructionSet)
    switch input {
    case .image: return PictureFrontEnd(try ImagePreprocessor(recipe), note: note)
    case .video(let clip):
      let sampling = VideoSampling(
        frames: clip.frames, rate: clip.samplingRate, segments: settings.segments, rule: clip.sampling ?? .strided)
      return VideoFrontEnd(
        try VideoPreprocessor(recipe, sampling: sampling, crops: settings.crops), tubelet: clip.tubelet, note: note)
    case .audio:
      let preprocessor = try AudioPreprocessor(self, engine: one)
      let shift = Double(preprocessor.bank.frameShift) / Double(preprocessor.recipe.rate)
      return SoundFrontEnd(
        preprocessor, coverage: settings.hop.map { .sliding(hop: Int(($0 / shift).rounded())) } ?? .beginning,
        resamples: settings.resamplesSound, channel: settings.channel, note: note)
    case .points(let points): return PointFrontEnd(points, engine: one, note: note)
    }
  }
}
