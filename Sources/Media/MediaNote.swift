import MultimodalPathway

/// What a caller should know about a file that was read all the same: a choice between two readings, or a loss.
///
/// Functions that read files hand notes to a closure; the tool prints them on standard error.
public struct MediaNote: Sendable, Hashable, CustomStringConvertible {
  /// How serious a note is; raw values begin its line in the tool.
  public enum Kind: String, Sendable, Hashable {
    /// How the file was read.
    case note
    /// The answer may be wrong.
    case warning
  }

  /// How serious it is.
  public let kind: Kind
  /// What errors call the file.
  public let file: String
  /// The note, without the file's name.
  public let text: String

  /// A note on `file`, the name that errors use.
  public init(_ kind: Kind = .note, file: String, _ text: String) {
    self.kind = kind
    self.file = file
    self.text = text
  }

  /// Kind, file and text on one line.
  public var description: String { "\(kind.rawValue): \(file): \(text)".onOneLine() }
}
