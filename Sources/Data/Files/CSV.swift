import Foundation
import MultimodalPathway

/// Comma-separated values (RFC 4180): fields with a comma, a quote or a line break are in quotes, quotes are doubled.
///
/// Text is read and written by Unicode scalars: a comma with a combining mark is one character in Swift, but a comma in
/// other programs.
public enum CSV {
  /// A record of a table.
  public struct Record: Sendable, Hashable {
    /// The line that it begins in, from 1.
    public let line: Int
    /// Its fields, without quotes.
    public let fields: [String]
  }

  /// A record as one line without its line break. Fields are not changed.
  public static func line(_ fields: [String]) -> String {
    fields.map { field in
      guard field.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || Character($0).isNewline }) else {
        return field
      }
      let parts = field.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false)
      return "\"" + parts.map { String($0) }.joined(separator: "\"\"") + "\""
    }.joined(separator: ",")
  }

  /// The records of a text; empty lines are skipped.
  ///
  /// - Parameter file: the name of the text in errors.
  /// - Throws: `TableError.malformed` for a quote that does not end, or is inside or after a field.
  public static func records(_ text: String, file: String) throws(TableError) -> [Record] {
    guard !text.hasTooManyCombiningMarks else {
      throw .malformed(file: file, line: nil, finding: "the text has more than 30 combining marks in a row")
    }
    var reader = Reader(text: text.unicodeScalars[...], file: file)
    return try reader.records()
  }

  private struct Reader {
    var text: Substring.UnicodeScalarView
    let file: String
    var line = 1

    mutating func records() throws(TableError) -> [Record] {
      var records: [Record] = []
      while let first = text.first {
        if Self.isBreak(first) {
          text.removeFirst()
          if first == "\r", text.first == "\n" { text.removeFirst() }
          line += 1
          continue
        }
        let start = line
        var fields = [try field()]
        while text.first == "," {
          text.removeFirst()
          fields.append(try field())
        }
        records.append(Record(line: start, fields: fields))
      }
      return records
    }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool { scalar == "\n" || scalar == "\r" }

    /// One field; after it there is a comma, a line break or nothing.
    private mutating func field() throws(TableError) -> String {
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
      // Doubled quotes separate the parts.
      let value = parts.joined(separator: "\"")
      line += value.count { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
      if let next = text.first, next != ",", !Self.isBreak(next) { throw failure("text after a closing quote") }
      return value
    }

    private func failure(_ finding: String) -> TableError { .malformed(file: file, line: line, finding: finding) }
  }
}
