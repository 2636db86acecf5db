import Foundation

/// Answers on standard output as they come: lines, CSV, or the elements of one JSON array, which is whole at the end.
struct AnswerStream {
  enum Format {
    case text
    case csv(header: String)
    case json
  }

  private let format: Format
  private var count = 0

  /// - Throws: `ToolError` where standard output takes nothing.
  init(_ format: Format) throws {
    self.format = format
    if case .csv(let header) = format { try Self.write(header + "\n") }
  }

  /// - Parameter lines: the answer in text or CSV.
  /// - Throws: `ToolError` where standard output takes nothing more, or a number is not finite.
  mutating func write(_ answer: some Encodable, lines: () -> [String]) throws {
    if case .json = format {
      // An array of one, less its brackets: elements look the same in longer ones.
      let text = try jsonText([answer]).dropFirst(2).dropLast(2)
      try Self.write((count == 0 ? "[\n" : ",\n") + text)
    } else {
      try Self.write(lines().map { $0 + "\n" }.joined())
    }
    count += 1
  }

  /// Ends the array, also where work ended early.
  func end() throws {
    if case .json = format { try Self.write(count == 0 ? "[\n\n]\n" : "\n]\n") }
  }

  /// Writes all of it, or says why not.
  private static func write(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        throw ToolError("standard output cannot be written: \(String(cString: strerror(errno)))")
      }
      bytes = bytes.dropFirst(written)
    }
  }
}
