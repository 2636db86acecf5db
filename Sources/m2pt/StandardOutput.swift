import Foundation
import MultimodalPathway

/// Characters of a label in a text for people. JSON and CSV have labels whole.
let longestLabel = 200

/// Standard output, whose failures are errors.
enum StandardOutput {
  /// Characters of the longest line for people; only lists of names are that long.
  private static let longestLine = 1 << 16

  /// Writes lines for people: each stays one line, whatever text from files is in it.
  ///
  /// - Throws: `ToolError` where standard output takes nothing more.
  static func show(_ lines: [String]) throws {
    try write(lines.map { $0.onOneLine(limit: longestLine) + "\n" }.joined())
  }

  /// Writes all of the text as it is.
  ///
  /// - Throws: `ToolError` where standard output takes nothing more.
  static func write(_ text: String) throws {
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

extension String {
  /// With spaces up to `width` characters, of a column for people; a longer text stays whole.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
