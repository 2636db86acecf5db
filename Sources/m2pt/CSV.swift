import Foundation
import MultimodalPathway

/// Comma-separated values (RFC 4180): fields with a comma, a quote or a line break stand in quotes, quotes are doubled.
enum CSV {
  static func line(_ fields: [String]) -> String {
    fields.map { field in
      field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : field
    }.joined(separator: ",")
  }

  /// The records of a text with the lines that they begin in, from 1; empty lines are skipped.
  ///
  /// - Throws: `ToolError` for a quote that does not end, or stands in or behind a field.
  static func records(_ text: String, file: String) throws -> [(line: Int, fields: [String])] {
    guard !text.hasTooManyCombiningMarks else {
      throw ToolError("\(file): the text has more than 30 combining marks in a row")
    }
    var reader = Reader(text: Substring(text), file: file)
    return try reader.records()
  }

  private struct Reader {
    var text: Substring
    let file: String
    var line = 1

    mutating func records() throws -> [(line: Int, fields: [String])] {
      var records: [(line: Int, fields: [String])] = []
      while let first = text.first {
        if first.isNewline {
          line += 1
          text.removeFirst()
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

    /// One field; behind it stands a comma, a line break or nothing.
    private mutating func field() throws -> String {
      guard text.first == "\"" else {
        let plain = text.prefix { $0 != "," && !$0.isNewline }
        if plain.contains("\"") { throw failure("a quote inside a field that does not begin with one") }
        text = text[plain.endIndex...]
        return String(plain)
      }
      var parts: [Substring] = []
      repeat {
        text.removeFirst()
        guard let end = text.firstIndex(of: "\"") else { throw failure("a quote that does not end") }
        parts.append(text[..<end])
        text = text[text.index(after: end)...]
      } while text.first == "\""
      // Doubled quotes are where one part ends and the next begins.
      let value = parts.joined(separator: "\"")
      line += value.count { $0.isNewline }
      if let next = text.first, next != ",", !next.isNewline { throw failure("text behind a closing quote") }
      return value
    }

    private func failure(_ finding: String) -> ToolError { ToolError("\(file):\(line): \(finding)") }
  }
}
