import MultimodalPathway
import PathwayKernels

/// Why a media file cannot be read or written. Every case names the file; descriptions say how to fix it.
public enum MediaError: CodedError, Hashable {
  /// The quantity of a limit.
  public enum Quantity: String, Sendable, Hashable {
    /// Bytes of the file.
    case fileBytes = "bytes of file"
    /// Height times width.
    case pixels = "pixels"
    /// Scans of a progressive JPEG.
    case scans = "scans"
    /// Bytes that the decoder allocates.
    case decoderBytes = "bytes of decoder memory"
  }

  /// The system cannot read the file.
  case unreadable(file: String, reason: String)
  /// A file of zero bytes.
  case empty(file: String)
  /// A known format that is neither JPEG nor PNG.
  case unsupportedFormat(file: String, found: String)
  /// An unknown format; its first bytes in hexadecimal.
  case unrecognized(file: String, firstBytes: String)
  /// A JPEG or PNG variant that is not supported.
  case unsupportedVariant(file: String, finding: String)
  /// A number is above its limit in `ImageLimits`; `found` is nil if the decoder does not report it.
  case limitExceeded(file: String, quantity: Quantity, found: Int?, limit: Int)
  /// The file ends before its picture does.
  case truncated(file: String, finding: String)
  /// The structure of the file is broken.
  case damaged(file: String, finding: String)
  /// The file cannot be written; no part of it remains.
  case unwritable(file: String, reason: String)
}

extension MediaError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .unreadable: "image-file.unreadable"
    case .empty: "image-file.empty"
    case .unsupportedFormat: "image-file.unsupported-format"
    case .unrecognized: "image-file.unrecognized"
    case .unsupportedVariant: "image-file.unsupported-variant"
    case .limitExceeded: "image-file.limit-exceeded"
    case .truncated: "image-file.truncated"
    case .damaged: "image-file.damaged"
    case .unwritable: "image-file.unwritable"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): cannot be read: \(reason)"
    case .empty(let file):
      "\(file): the file is empty; expected a JPEG or PNG image"
    case .unsupportedFormat(let file, let found):
      "\(file): found \(found), expected a JPEG or PNG image; convert it first"
    case .unrecognized(let file, let firstBytes):
      "\(file): the first bytes are \(firstBytes), expected those of a JPEG (ff d8 ff) or PNG (89 50 4e 47) image"
    case .unsupportedVariant(let file, let finding):
      "\(file): this kind of image is not supported: \(finding); save it as a plain 8-bit JPEG or PNG"
    case .limitExceeded(let file, let quantity, let found, let limit):
      "\(file): \(found.map { "\($0) \(quantity.rawValue), " } ?? "")limit \(limit)\(found == nil ? " " : "")"
        + "\(found == nil ? quantity.rawValue : ""); raise ImageLimits.\(quantity) if the file is trusted"
    case .truncated(let file, let finding):
      "\(file): the file is truncated: \(finding); download or copy it again"
    case .damaged(let file, let finding):
      "\(file): the file is damaged: \(finding); download or copy it again"
    case .unwritable(let file, let reason):
      "\(file): cannot be written: \(reason)"
    }
  }
}
