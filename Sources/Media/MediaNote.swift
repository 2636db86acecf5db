import MultimodalPathway

/// A note on a file that was read: a choice between two readings, or a loss.
///
/// Functions that read files pass notes to a closure; the tool prints them on standard error.
public struct MediaNote: Sendable, Hashable, CustomStringConvertible {
  /// The severity of a note; the tool prints the raw value first.
  public enum Kind: String, Sendable, Hashable {
    /// How the file was read.
    case note
    /// The answer may be wrong.
    case warning
  }

  /// Its severity.
  public let kind: Kind
  /// The name of the file in errors.
  public let file: String
  /// The note, without the file's name.
  public let text: String

  /// A note on `file`, the name of the file in errors.
  public init(_ kind: Kind = .note, file: String, _ text: String) {
    self.kind = kind
    self.file = file
    self.text = text
  }

  /// Kind, file and text on one line.
  public var description: String { "\(kind.rawValue): \(file): \(text)".onOneLine() }
}
