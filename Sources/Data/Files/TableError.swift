import MultimodalPathway

/// Why a table of comma-separated values, or the class names in one, cannot be read.
public enum TableError: Error, Hashable {
  /// The system cannot read the file.
  case unreadable(file: String, reason: String)
  /// More bytes than such a table can have.
  case tooLarge(file: String, bytes: Int)
  /// Bytes that are not UTF-8; `isUTF16` if they begin with the byte order mark of UTF-16.
  case encoding(file: String, isUTF16: Bool)
  /// A text that is not a table, or a table with impossible numbers; `line` counts from 1, nil for the whole file.
  case malformed(file: String, line: Int?, finding: String)
  /// A vocabulary of the library with another number of classes than the model.
  case vocabulary(name: String, found: Int, expected: Int)
}

extension TableError: CodedError {
  /// A stable name of the case.
  public var code: String {
    switch self {
    case .unreadable: "table.unreadable"
    case .tooLarge: "table.too-large"
    case .encoding: "table.encoding"
    case .malformed: "table.malformed"
    case .vocabulary: "table.vocabulary"
    }
  }

  /// What was found, what was expected, and what to do, on one line.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): cannot be read: \(reason)"
    case .tooLarge(let file, let bytes):
      "\(file): has \(bytes) bytes, more than such a table can have"
    case .encoding(let file, let isUTF16):
      "\(file): the text is \(isUTF16 ? "in UTF-16" : "not in UTF-8"); save it as UTF-8"
    case .malformed(let file, let line, let finding):
      "\(file):\(line.map { "\($0):" } ?? "") \(finding)"
    case .vocabulary(let name, let found, let expected):
      "\(name) has \(found) classes, the model has \(expected)"
    }
  }
}
