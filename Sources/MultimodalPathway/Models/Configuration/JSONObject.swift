import Foundation
import PathwayCheckpoints

extension JSONValue {
  static func integers(_ values: [Int]) -> JSONValue { .array(values.map(JSONValue.integer)) }
}

/// An object of a JSON file, with typed access that throws errors naming file and key.
///
/// A key whose value is null counts as missing, as everywhere in timm's and Hugging Face's configurations.
struct JSONObject: Sendable {
  let file: String
  /// Keys from the top of the file to here, each followed by a dot.
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
      value = try JSONValue(parsing: data)
    } catch let error as JSONError {
      throw ConfigurationError.malformed(file: file, reason: "is not valid JSON: \(error.reason)")
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

  /// Any number of whole numbers.
  func integers(_ key: String) throws -> [Int]? {
    guard let value = values[key] else { return nil }
    guard case .array(let items) = value else { throw badValue(key, expected: "a list of whole numbers") }
    return try integers(key, count: items.count)
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
