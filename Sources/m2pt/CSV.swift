import Foundation
import MultimodalPathway

/// Comma-separated values (RFC 4180): fields with a comma, a quote or a line break are in quotes, quotes are doubled.
///
/// Text is read and written by Unicode scalars: a comma with a combining mark is one character, and still a comma to
/// other programs.
enum CSV {
  /// A record; fields keep their text exactly.
  static func line(_ fields: [String]) -> String {
    fields.map { field in
      guard field.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || Character($0).isNewline }) else {
        return field
      }
      let parts = field.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false)
      return "\"" + parts.map { String($0) }.joined(separator: "\"\"") + "\""
    }.joined(separator: ",")
  }

  /// The records of a text with the lines that they begin in, from 1; empty lines are skipped.
  ///
  /// - Throws: `ToolError` for a quote that does not end, or stands in or behind a field.
  static func records(_ text: String, file: String) throws -> [(line: Int, fields: [String])] {
    guard !text.hasTooManyCombiningMarks else {
      throw ToolError("\(file): the text has more than 30 combining marks in a row")
    }
    var reader = Reader(text: text.unicodeScalars[...], file: file)
    return try reader.records()
  }

  private struct Reader {
    var text: Substring.UnicodeScalarView
    let file: String
    var line = 1

    mutating func records() throws -> [(line: Int, fields: [String])] {
      var records: [(line: Int, fields: [String])] = []
      while let first = text.first {
        if Self.isBreak(first) {
          text.removeFirst()
          if first == "\r", text.first == "\n" { text.removeFirst() }
          line += 1
          continue
        }
        let start = line
        var record = [try field()]
        while text.first == "," {
          text.removeFirst()
          record.append(try field())
        }
        records.append((start, record))
      }
      return records
    }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool { scalar == "\n" || scalar == "\r" }

    /// One field; after it there is a comma, a line break or nothing.
    private mutating func field() throws -> String {
      guard text.first == "\"" else {
        let plain = text.prefix { $0 != "," && !Self.isBreak($0) }
        if plain.contains("\"") { throw failure("a quote inside a field that does not begin with one") }
        text = text[plain.endIndex...]
        return String(plain)
      }
      var parts: [String] = []
      repeat {
        text.removeFirst()
        guard let end = text.firstIndex(of: "\"") else { throw failure("a quote that does not end") }
        parts.append(String(text[..<end]))
        text = text[text.index(after: end)...]
      } while text.first == "\""
      // Doubled quotes are where one part ends and the next begins.
      let value = parts.joined(separator: "\"")
      line += value.count { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
      if let next = text.first, next != ",", !Self.isBreak(next) { throw failure("text after a closing quote") }
      return value
    }

    private func failure(_ finding: String) -> ToolError { ToolError("\(file):\(line): \(finding)") }
  }
}
