import MultimodalPathway
import PathwayKernels

/// Why a sound file cannot be read. Every case names the file; descriptions say how to fix it.
public enum AudioFileError: CodedError, Hashable {
  /// The quantity of a limit; raw values are the names in `AudioLimits`.
  public enum Quantity: String, Sendable, Hashable {
    /// Bytes of the file.
    case fileBytes
    /// Channels of the file.
    case channels
    /// Samples of one channel.
    case frames
    /// Frames a second.
    case rate
  }

  /// The system cannot read the file.
  case unreadable(file: String, reason: String)
  /// A file of zero bytes.
  case empty(file: String)
  /// A well-formed file without samples.
  case silent(file: String)
  /// A known format that is not supported.
  case unsupportedFormat(file: String, found: String)
  /// An unknown format; its first bytes in hexadecimal.
  case unrecognized(file: String, firstBytes: String)
  /// A number above its limit in `AudioLimits`.
  case limitExceeded(file: String, quantity: Quantity, found: Int, limit: Int)
  /// The file ends before its samples do.
  case truncated(file: String, finding: String)
  /// The structure of the file is broken; the finding may be a message of the decoder.
  case damaged(file: String, finding: String)
  /// A well-formed file of a variant that is not supported.
  case unsupportedVariant(file: String, finding: String)
  /// A requested channel, counted from 1, that the file does not have.
  case noSuchChannel(file: String, found: Int, channels: Int)
  /// A sample of the mono mix that is NaN or infinite; its index from 0.
  case notFinite(file: String, sample: Int)
  /// A sample rate other than the requested one, without `resamples`.
  case rate(file: String, found: Int, expected: Int)
}

extension AudioFileError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unreadable: "audio-file.unreadable"
    case .empty: "audio-file.empty"
    case .silent: "audio-file.silent"
    case .unsupportedFormat: "audio-file.unsupported-format"
    case .unrecognized: "audio-file.unrecognized"
    case .limitExceeded: "audio-file.limit-exceeded"
    case .truncated: "audio-file.truncated"
    case .damaged: "audio-file.damaged"
    case .unsupportedVariant: "audio-file.unsupported-variant"
    case .noSuchChannel: "audio-file.no-such-channel"
    case .notFinite: "audio-file.not-finite"
    case .rate: "audio-file.rate"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    let formats = "a WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF or W64 file"
    return switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .empty(let file): "\(file): the file is empty; expected \(formats)"
    case .silent(let file): "\(file): the file has no samples; expected at least one"
    case .unsupportedFormat(let file, let found): "\(file): found \(found), expected \(formats); convert it first"
    case .unrecognized(let file, let firstBytes):
      "\(file): the first bytes are \(firstBytes), expected those of \(formats)"
    case .limitExceeded(let file, let quantity, let found, let limit):
      "\(file): \(found) \(quantity == .fileBytes ? "bytes" : quantity.rawValue), limit \(limit); "
        + "raise AudioLimits.\(quantity.rawValue) if the file is trusted"
    case .truncated(let file, let finding): "\(file): the file is truncated: \(finding); download or copy it again"
    case .damaged(let file, let finding): "\(file): the file is damaged: \(finding); download or copy it again"
    case .unsupportedVariant(let file, let finding): "\(file): this kind of sound file is not supported: \(finding)"
    case .noSuchChannel(let file, let found, let channels):
      "\(file): has \(channels) channels, not a channel \(found); choose one of 1...\(channels)"
    case .notFinite(let file, let sample):
      "\(file): sample \(sample) is infinite or not a number; expected finite samples"
    case .rate(let file, let found, let expected):
      "\(file): has \(found) samples a second, expected \(expected); resample it (`resamples: true`)"
    }
  }
}
