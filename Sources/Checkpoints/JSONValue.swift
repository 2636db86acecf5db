import Foundation

/// Any JSON value. Readers can name the key that is wrong and see keys that they do not know.
package enum JSONValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Parses a whole text; a byte-order mark of UTF-8 is skipped.
  ///
  /// - Throws: `JSONError`.
  /// - Complexity: O(bytes).
  package init(parsing data: Data) throws {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = data.starts(with: mark) ? data.dropFirst(mark.count) : data
    // SAFETY: the bytes outlive the parser, which lives in the closure.
    self = try text.withUnsafeBytes { bytes in
      var parser = JSONParser(bytes, .any)
      return try parser.parse()
    }
  }

  /// The value as errors show it: short, even for a whole document.
  package var summary: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value.scalars(60))\""
    case .array(let values):
      values.count > 6
        ? "an array of \(values.count)" : "[\(values.map(\.summary).joined(separator: ", "))]"
    case .object: "an object"
    }
  }

  /// A whole number, which may be written as 16.0, as Python's JSON does.
  package var wholeNumber: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  package var realNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The kind of value, for errors.
  var kind: String {
    switch self {
    case .null: "null"
    case .boolean: "truth value"
    case .integer, .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}

extension JSONValue: Encodable {
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let values): try container.encode(values)
    }
  }
}
