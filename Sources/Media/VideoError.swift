import MultimodalPathway
import PathwayKernels

/// Why a video file cannot be read. Every case names the file; descriptions say how to fix it.
public enum VideoError: CodedError, Hashable {
  /// The quantity of a limit; raw values are words for messages.
  public enum Quantity: String, Sendable, Hashable {
    /// Height times width of a frame.
    case pixels = "pixels of a frame"
    /// Frames of the file.
    case frames = "frames"
    /// Bytes that the decoder allocates at once.
    case decoderBytes = "bytes of decoder memory at once"
  }

  /// The system cannot read the file.
  case unreadable(file: String, reason: String)
  /// The libraries that read videos are not installed; `reason` names one.
  case noLibrary(file: String, reason: String)
  /// A file of zero bytes.
  case empty(file: String)
  /// Another kind of file, or a media file without a video stream.
  case notAVideo(file: String, finding: String)
  /// A kind of video that is not supported.
  case unsupported(file: String, finding: String)
  /// A number is above its limit in `VideoLimits`; `found` is nil if the library does not report it.
  case limitExceeded(file: String, quantity: Quantity, found: Int?, limit: Int)
  /// The file ends before its frames do.
  case truncated(file: String, finding: String)
  /// The structure of the file is broken.
  case damaged(file: String, finding: String)
  /// A video without frames.
  case noFrames(file: String)
}

extension VideoError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unreadable: "video-file.unreadable"
    case .noLibrary: "video-file.no-library"
    case .empty: "video-file.empty"
    case .notAVideo: "video-file.not-a-video"
    case .unsupported: "video-file.unsupported"
    case .limitExceeded: "video-file.limit-exceeded"
    case .truncated: "video-file.truncated"
    case .damaged: "video-file.damaged"
    case .noFrames: "video-file.no-frames"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .noLibrary(let file, let reason):
      "\(file): FFmpeg cannot be loaded: \(reason); install the version that this was built with (CSupport/bootstrap)"
    case .empty(let file): "\(file): the file is empty; expected a video"
    case .notAVideo(let file, let finding):
      "\(file): \(finding); expected a video in MP4, QuickTime, Matroska, WebM, AVI, MPEG, Ogg, FLV or GIF"
    case .unsupported(let file, let finding):
      "\(file): this kind of video is not supported: \(finding); convert it to H.264 in MP4 first"
    case .limitExceeded(let file, let quantity, let found, let limit):
      "\(file): \(found.map { "\($0) " } ?? "more than \(limit) ")\(quantity.rawValue), limit \(limit); "
        + "raise VideoLimits.\(quantity) if the file is trusted"
    case .truncated(let file, let finding): "\(file): the file is truncated: \(finding); download or copy it again"
    case .damaged(let file, let finding): "\(file): the file is damaged: \(finding); download or copy it again"
    case .noFrames(let file): "\(file): the video has no frames"
    }
  }
}
