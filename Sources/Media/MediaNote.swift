/// What a caller should know about a file that was read all the same: a choice between two readings, or a loss.
///
/// Functions that read files hand notes to a closure; the tool prints them on standard error.
public struct MediaNote: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, Hashable {
    /// How the file was read.
    case note
    /// The answer may be wrong.
    case warning
  }

  public let kind: Kind
  /// What errors call the file.
  public let file: String
  public let text: String

  public init(_ kind: Kind = .note, file: String, _ text: String) {
    self.kind = kind
    self.file = file
    self.text = text
  }

  public var description: String { "\(kind.rawValue): \(file): \(text)" }
}
