import PathwayCheckpoints
import PathwayKernels

/// How sound becomes what an audio transformer reads: a normalised spectrogram.
///
/// As AudioMAE (Huang et al. 2022, arXiv 2207.06405) and the Audio Spectrogram Transformer (Gong et al. 2021, arXiv
/// 2104.01778) have it: Kaldi's filter bank, then (x - mean) / (2 std), after frames that are missing were filled with
/// 0.
public struct AudioPreprocessing: Sendable, Hashable {
  /// The axis that comes first in the model's input; raw values are those of `config.json`.
  public enum Layout: String, Sendable, CaseIterable {
    /// (1, frames, bins): AudioMAE.
    case timeFirst = "time_mel"
    /// (1, bins, frames): Hugging Face's AST.
    case melFirst = "mel_time"
  }

  /// Samples a second.
  public var rate: Int
  /// Subtracted from the logarithms of the filter bank's energies.
  public var mean: Float
  /// Half of what the difference is divided by.
  public var std: Float
  /// Whether a recording's mean is removed from its samples first.
  public var removesMean: Bool
  /// The axis that comes first in the model's input.
  public var layout: Layout

  /// A recipe of these numbers, which `validate()` checks.
  public init(
    rate: Int = 16_000, mean: Float, std: Float, removesMean: Bool = true, layout: Layout = .timeFirst
  ) {
    self.rate = rate
    self.mean = mean
    self.std = std
    self.removesMean = removesMean
    self.layout = layout
  }

  /// AudioMAE's numbers for AudioSet, at 16 kHz; models read 1,024 frames of 128 bins.
  public static let audioSet = AudioPreprocessing(mean: -4.2677393, std: 4.5689974)
  /// AudioMAE's numbers for ESC-50, at 16 kHz; models read 512 frames of 128 bins.
  public static let esc50 = AudioPreprocessing(mean: -6.6268077, std: 5.358466)
  /// AudioMAE's numbers for Speech Commands, at 16 kHz; models read 128 frames of 128 bins.
  public static let speechCommands = AudioPreprocessing(mean: -6.845978, std: 5.5654526)

  /// Checks that the numbers make a recipe.
  ///
  /// - Throws: `AudioError.invalid`, naming the key of `config.json`.
  public func validate() throws {
    guard FilterBank.rates.contains(rate) else {
      throw AudioError.invalid(key: "sample_rate", found: "\(rate)", expected: FilterBank.expectedRates)
    }
    guard mean.isFinite else { throw AudioError.invalid(key: "mean", found: "\(mean)", expected: "a number") }
    guard std.isFinite, std > 0 else {
      throw AudioError.invalid(key: "std", found: "\(std)", expected: "a number above 0")
    }
  }
}

/// The extents of a spectrogram.
public struct SpectrogramSize: Sendable, Hashable {
  /// Frames: steps in time.
  public var frames: Int
  /// Mel bins.
  public var bins: Int

  /// A size of `frames` frames of `bins` mel bins.
  public init(frames: Int, bins: Int) {
    self.frames = frames
    self.bins = bins
  }
}

extension VisionTransformerConfiguration {
  /// Frames and mel bins of an audio model's input.
  public var spectrogram: SpectrogramSize {
    audio?.layout == .melFirst
      ? SpectrogramSize(frames: imageSize.width, bins: imageSize.height)
      : SpectrogramSize(frames: imageSize.height, bins: imageSize.width)
  }
}

/// Why sound cannot be made a model's input.
public enum AudioError: CodedError, Hashable {
  /// A number that makes no sense.
  case invalid(key: String, found: String, expected: String)
  /// Fewer samples than a frame has.
  case tooShort(samples: Int, expected: Int)
  /// A rate other than the model's, both in Hz.
  case rate(found: Int, expected: Int)
  /// A recording of that many windows is not put into memory.
  case tooManyWindows(found: Int, limit: Int)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .invalid: "audio.invalid"
    case .tooShort: "audio.too-short"
    case .rate: "audio.rate"
    case .tooManyWindows: "audio.too-many-windows"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .invalid(let key, let found, let expected): "audio preprocessing: '\(key)' is \(found), expected \(expected)"
    case .tooShort(let samples, let expected):
      "\(samples) samples are too few; expected at least \(expected), which make one frame"
    case .rate(let found, let expected):
      "has \(found) samples a second, expected \(expected); resample it"
    case .tooManyWindows(let found, let limit):
      "the recording has \(found) windows, limit \(limit); take a larger hop or cut it"
    }
  }
}
