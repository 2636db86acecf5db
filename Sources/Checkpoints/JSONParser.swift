// The JSON parser of the package: safetensors headers, shard indexes, configurations, scales, plans.
//
// Foundation's parsers silently keep the last of two equal keys and turn integers into doubles; here both are errors
// (by a duplicate name a malicious file gives two readers different values). Depth and the length of names are bounded,
// and the parser makes one pass without backtracking, so a text costs O(bytes).

/// Why a text is not the expected JSON.
package enum JSONError: Error, Equatable {
  case malformed(String)
  case duplicate(name: String)

  /// The text of an error after the name of the file.
  package var reason: String {
    switch self {
    case .malformed(let reason): reason
    case .duplicate(let name): "the name '\(name)' appears twice"
    }
  }
}

package struct JSONParser {
  /// The values that a text may have.
  package enum Grammar {
    /// A safetensors header: strings, non-negative integers, null, short arrays of them, objects; 3 levels; no leading
    /// white space.
    case safetensorsHeader
    /// Any JSON value; 64 levels.
    case any
  }

  /// Bytes of the longest name. Names become dictionary keys and parts of messages.
  package static let longestName = 1024

  private let bytes: UnsafeRawBufferPointer
  private let grammar: Grammar
  private var position = 0

  /// - Parameter bytes: must outlive the parser.
  package init(_ bytes: UnsafeRawBufferPointer, _ grammar: Grammar) {
    self.bytes = bytes
    self.grammar = grammar
  }

  /// The whole text: one value, which white space may surround.
  ///
  /// - Throws: `JSONError`.
  package mutating func parse() throws -> JSONValue {
    // The format allows padding after the object, not before it.
    guard grammar == .any || bytes.first == UInt8(ascii: "{") else { throw malformed("it is not an object") }
    let result = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw malformed("text follows the \(result.kind) at byte \(position)") }
    return result
  }

  private func malformed(_ reason: String) -> JSONError { .malformed(reason) }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func next() throws -> UInt8 {
    guard position < bytes.count else { throw malformed("it ends in the middle of a value") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func peekAfterSpace() throws -> UInt8 {
    skipSpace()
    guard position < bytes.count else { throw malformed("it ends in the middle of a value") }
    return bytes[position]
  }

  private mutating func expect(_ byte: UInt8) throws {
    let found = try peekAfterSpace()
    guard found == byte else {
      throw malformed("expected '\(Character(UnicodeScalar(byte)))' at byte \(position)")
    }
    position += 1
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth <= (grammar == .any ? 64 : 3) else {
      throw malformed("it nests deeper than the format allows at byte \(position)")
    }
    switch try peekAfterSpace() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9") where grammar == .safetensorsHeader: return .integer(try integer())
    case UInt8(ascii: "n") where grammar == .safetensorsHeader && bytes[position...].starts(with: Array("null".utf8)):
      position += 4
      return .null
    case _ where grammar == .any: return try word()
    default: throw malformed("expected an object, array, string or non-negative integer at byte \(position)")
    }
  }

  private mutating func object(depth: Int) throws -> [String: JSONValue] {
    try expect(UInt8(ascii: "{"))
    var members: [String: JSONValue] = [:]
    if try peekAfterSpace() == UInt8(ascii: "}") {
      position += 1
      return members
    }
    while true {
      guard try peekAfterSpace() == UInt8(ascii: "\"") else { throw malformed("expected a name at byte \(position)") }
      let start = position
      let key = try string()
      guard key.utf8.count <= Self.longestName else {
        throw malformed("the name at byte \(start) has \(key.utf8.count) bytes, the limit is \(Self.longestName)")
      }
      try expect(UInt8(ascii: ":"))
      // Swift treats two Unicode spellings of a letter as equal; in a dictionary one of the names would be lost.
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw JSONError.duplicate(name: key)
      }
      if try peekAfterSpace() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "}"))
        return members
      }
    }
  }

  private mutating func array(depth: Int) throws -> [JSONValue] {
    try expect(UInt8(ascii: "["))
    var elements: [JSONValue] = []
    if try peekAfterSpace() == UInt8(ascii: "]") {
      position += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth + 1))
      guard grammar == .any || elements.count <= Safetensors.largestRank else {
        throw malformed("the array before byte \(position) has more than \(Safetensors.largestRank) elements")
      }
      if try peekAfterSpace() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "]"))
        return elements
      }
    }
  }

  /// A number, truth value or null.
  private mutating func word() throws -> JSONValue {
    let start = position
    loop: while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "E"),
        UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        position += 1
      default: break loop
      }
    }
    let word = bytes[start..<position]
    switch String(decoding: word, as: UTF8.self) {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .null
    case let text where Self.isNumber(word):
      if let integer = Int(text) { return .integer(integer) }
      guard let number = Double(text), number.isFinite else {
        throw malformed("the number at byte \(start) is beyond 64 bits")
      }
      return .number(number)
    default: throw malformed("expected a value at byte \(start)")
    }
  }

  /// The grammar of numbers in JSON, which is narrower than Swift's: a digit on both sides of the point, no plus sign,
  /// no leading zeros, no hexadecimal digits.
  private static func isNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    var rest = text
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let whole = rest.prefix(while: isDigit)
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return false }
    rest = rest[whole.endIndex...]
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix(while: isDigit)
      guard !fraction.isEmpty else { return false }
      rest = rest[fraction.endIndex...]
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
      guard !rest.isEmpty, rest.allSatisfy(isDigit) else { return false }
      return true
    }
    return rest.isEmpty
  }

  private mutating func integer() throws -> Int {
    let start = position
    var number = 0
    while position < bytes.count, case let digit = bytes[position], (0x30...0x39).contains(digit) {
      let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(Int(digit) - 0x30)
      guard !overflow, !carry else { throw malformed("the number at byte \(start) does not fit 64 bits") }
      number = sum
      position += 1
    }
    if position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        throw malformed("the number at byte \(start) is not an integer")
      default: break
      }
    }
    if position - start > 1, bytes[start] == 0x30 { throw malformed("the number at byte \(start) begins with 0") }
    return number
  }

  private mutating func string() throws -> String {
    let start = position
    position += 1
    var run = position
    var text: [UInt8] = []
    while true {
      let byte = try next()
      if byte == UInt8(ascii: "\"") { break }
      if byte < 0x20 { throw malformed("the string at byte \(start) holds a control character") }
      if byte == UInt8(ascii: "\\") {
        text += bytes[run..<position - 1]
        text += try escape()
        run = position
      }
    }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[run..<position - 1])
    let result: String?
    if run == start + 1 {
      result = String(validating: rest, as: UTF8.self)
    } else {
      result = String(validating: text + rest, as: UTF8.self)
    }
    guard let result else { throw malformed("the string at byte \(start) is not UTF-8") }
    guard !result.hasTooManyCombiningMarks else {
      throw malformed("the string at byte \(start) has more than 30 combining marks in a row")
    }
    return result
  }

  private mutating func escape() throws -> [UInt8] {
    switch try next() {
    case UInt8(ascii: "\""): return [UInt8(ascii: "\"")]
    case UInt8(ascii: "\\"): return [UInt8(ascii: "\\")]
    case UInt8(ascii: "/"): return [UInt8(ascii: "/")]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"):
      var units = [try hexadecimal()]
      if (0xD800..<0xDC00).contains(units[0]) {
        guard try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else {
          throw malformed("half a surrogate pair before byte \(position)")
        }
        units.append(try hexadecimal())
      }
      guard let text = String(validating: units, as: UTF16.self) else {
        throw malformed("an invalid \\u escape before byte \(position)")
      }
      return Array(text.utf8)
    default: throw malformed("an unknown escape before byte \(position)")
    }
  }

  private mutating func hexadecimal() throws -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(try next())).hexDigitValue else {
        throw malformed("an invalid \\u escape before byte \(position)")
      }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }
}
