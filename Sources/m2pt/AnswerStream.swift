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
    if case .csv(let header) = format { try StandardOutput.write(header + "\n") }
  }

  /// - Parameter lines: the answer in text or CSV.
  /// - Throws: `ToolError` where standard output takes nothing more, or a number is not finite.
  mutating func write(_ answer: some Encodable, lines: () -> [String]) throws {
    if case .json = format {
      // An array of one, less its brackets: elements look the same in longer ones.
      let text = try jsonText([answer]).dropFirst(2).dropLast(2)
      try StandardOutput.write((count == 0 ? "[\n" : ",\n") + text)
    } else {
      let lines = lines()
      if case .csv = format {
        try StandardOutput.write(lines.map { $0 + "\n" }.joined())
      } else {
        try StandardOutput.show(lines)
      }
    }
    count += 1
  }

  /// Ends the array, also where work ended early.
  func end() throws {
    if case .json = format { try StandardOutput.write(count == 0 ? "[\n\n]\n" : "\n]\n") }
  }
}
