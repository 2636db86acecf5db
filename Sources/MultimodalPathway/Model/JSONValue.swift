import Foundation

/// Any JSON text, kept whole so that readers can name the key that is wrong and see keys that they do not know.
enum JSONValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// What an error calls the value: short, even where it is a whole document.
  var summary: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value.prefix(60))\""
    case .array(let values):
      values.count > 6
        ? "an array of \(values.count)" : "[\(values.map(\.summary).joined(separator: ", "))]"
    case .object: "an object"
    }
  }

  /// A whole number, also where it is written 16.0, as Python's JSON may.
  var wholeNumber: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  var realNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension JSONValue: Codable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let values = try? container.decode([JSONValue].self) {
      self = .array(values)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
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

/// An object of a JSON file, with typed access that throws errors naming file and key.
///
/// A key whose value is null counts as missing, as everywhere in timm's and Hugging Face's configurations.
struct JSONObject: Sendable {
  let file: String
  /// Keys from the top of the file to here, each with a dot behind it.
  let path: String
  let values: [String: JSONValue]
  /// Keys that are there without a value: Python's None, which is not the same as nothing where there is a default.
  let nulls: Set<String>

  /// Parses a file's text, whose top must be an object.
  ///
  /// - Throws: `ConfigurationError.malformed`.
  init(parsing data: Data, file: String) throws {
    let value: JSONValue
    do {
      value = try JSONDecoder().decode(JSONValue.self, from: data)
    } catch {
      throw ConfigurationError.malformed(file: file, reason: "is not valid JSON")
    }
    guard case .object(let values) = value else {
      throw ConfigurationError.malformed(file: file, reason: "holds \(value.summary), expected an object {...}")
    }
    self.init(file: file, path: "", values: values)
  }

  init(file: String, path: String, values: [String: JSONValue]) {
    self.file = file
    self.path = path
    self.values = values.filter { $0.value != .null }
    nulls = Set(values.filter { $0.value == .null }.keys)
  }

  func name(_ key: String) -> String { path + key }

  func badValue(_ key: String, expected: String) -> ConfigurationError {
    .badValue(file: file, key: name(key), found: values[key]?.summary ?? "missing", expected: expected)
  }

  func object(_ key: String) throws -> JSONObject? {
    guard let value = values[key] else { return nil }
    guard case .object(let members) = value else { throw badValue(key, expected: "an object {...}") }
    return JSONObject(file: file, path: name(key) + ".", values: members)
  }

  func string(_ key: String) throws -> String? {
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value else { throw badValue(key, expected: "a string") }
    return text
  }

  /// A string that is the raw value of one of an enumeration's cases.
  func choice<T: RawRepresentable & CaseIterable>(_ key: String) throws -> T? where T.RawValue == String {
    guard let text = try string(key) else { return nil }
    guard let value = T(rawValue: text) else {
      throw badValue(key, expected: T.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  func boolean(_ key: String) throws -> Bool? {
    guard let value = values[key] else { return nil }
    guard case .boolean(let flag) = value else { throw badValue(key, expected: "true or false") }
    return flag
  }

  func integer(_ key: String) throws -> Int? {
    guard let value = values[key] else { return nil }
    guard let number = value.wholeNumber else { throw badValue(key, expected: "a whole number") }
    return number
  }

  func number(_ key: String) throws -> Double? {
    guard let value = values[key] else { return nil }
    guard let number = value.realNumber, number.isFinite else { throw badValue(key, expected: "a number") }
    return number
  }

  func integers(_ key: String, count: Int) throws -> [Int]? {
    guard let value = values[key] else { return nil }
    guard case .array(let items) = value, items.count == count else {
      throw badValue(key, expected: "\(count) whole numbers")
    }
    return try items.map { item in
      guard let number = item.wholeNumber else { throw badValue(key, expected: "\(count) whole numbers") }
      return number
    }
  }

  /// A number for both sides, or [height, width].
  func extent(_ key: String) throws -> Extent? {
    guard let value = values[key] else { return nil }
    if let side = value.wholeNumber { return Extent(square: side) }
    guard case .array(let items) = value, items.count == 2, let height = items[0].wholeNumber,
      let width = items[1].wholeNumber
    else { throw badValue(key, expected: "a whole number, or [height, width]") }
    return Extent(height: height, width: width)
  }

  func required<T>(_ key: String, _ value: T?) throws -> T {
    guard let value else { throw ConfigurationError.missingKey(file: file, key: name(key)) }
    return value
  }
}
