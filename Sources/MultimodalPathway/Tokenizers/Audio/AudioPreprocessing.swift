import PathwayCheckpoints

/// How sound becomes what an audio transformer reads: a normalised spectrogram.
///
/// As AudioMAE (Huang et al. 2022, arXiv 2207.06405) and the Audio Spectrogram Transformer (Gong et al. 2021, arXiv
/// 2104.01778) have it: Kaldi's filter bank, then (x - mean) / (2 std), after frames that are missing were filled with 0.
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
  public var mean: Float
  public var std: Float
  /// Whether a recording's mean is removed from its samples first.
  public var removesMean: Bool
  public var layout: Layout

  public init(
    rate: Int = 16_000, mean: Float, std: Float, removesMean: Bool = true, layout: Layout = .timeFirst
  ) {
    self.rate = rate
    self.mean = mean
    self.std = std
    self.removesMean = removesMean
    self.layout = layout
  }

  /// AudioMAE's numbers by data set, of 16 kHz; models read 1,024, 512 and 128 frames of 128 bins.
  public static let audioSet = AudioPreprocessing(mean: -4.2677393, std: 4.5689974)
  public static let esc50 = AudioPreprocessing(mean: -6.6268077, std: 5.358466)
  public static let speechCommands = AudioPreprocessing(mean: -6.845978, std: 5.5654526)

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

extension VisionTransformerConfiguration {
  /// Frames and mel bins of an audio model's input.
  public var spectrogram: (frames: Int, bins: Int) {
    audio?.layout == .melFirst
      ? (imageSize.width, imageSize.height) : (imageSize.height, imageSize.width)
  }
}

/// Why sound cannot be made a model's input.
public enum AudioError: Error, Hashable, CustomStringConvertible {
  /// A number that makes no sense.
  case invalid(key: String, found: String, expected: String)
  /// Fewer samples than a frame has.
  case tooShort(samples: Int, expected: Int)
  case rate(found: Int, expected: Int)
  /// A recording of so many windows is not put into memory.
  case tooManyWindows(found: Int, limit: Int)

  /// One line, whatever names the file has in it.
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
