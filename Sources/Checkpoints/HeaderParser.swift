// A strict parser for the JSON of a safetensors header.
//
// Foundation's parsers keep the last of two equal keys without a word and turn integers into doubles; here both are errors
// (a duplicate name is how a malicious file says two things to two readers). Recursion is bounded by the format's depth of 3.

/// The JSON values that a header may hold.
indirect enum HeaderValue {
  case string(String)
  case integer(Int)
  case array([HeaderValue])
  case object([(key: String, value: HeaderValue)])
}

struct HeaderParser {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private let file: String

  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// The whole text, which must be one object, with white space after it at most.
  mutating func parse() throws -> [(key: String, value: HeaderValue)] {
    guard case .object(let members) = try value(depth: 0) else { throw malformed("it is not an object") }
    skipSpace()
    guard position == bytes.count else { throw malformed("text follows the object at byte \(position)") }
    return members
  }

  private func malformed(_ reason: String) -> CheckpointError { .malformedHeader(file: file, reason: reason) }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
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

  private mutating func value(depth: Int) throws -> HeaderValue {
    guard depth <= 3 else { throw malformed("it nests deeper than the format allows at byte \(position)") }
    switch try peekAfterSpace() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
    default: throw malformed("expected an object, array, string or non-negative integer at byte \(position)")
    }
  }

  private mutating func object(depth: Int) throws -> [(key: String, value: HeaderValue)] {
    try expect(UInt8(ascii: "{"))
    var members: [(key: String, value: HeaderValue)] = []
    var seen = Set<[UInt8]>()
    if try peekAfterSpace() == UInt8(ascii: "}") {
      position += 1
      return members
    }
    while true {
      guard try peekAfterSpace() == UInt8(ascii: "\"") else { throw malformed("expected a name at byte \(position)") }
      let key = try string()
      // Compared as bytes: Swift's string equality would call two spellings of one letter the same name.
      guard seen.insert(Array(key.utf8)).inserted else { throw CheckpointError.duplicateName(file: file, name: key) }
      try expect(UInt8(ascii: ":"))
      members.append((key, try value(depth: depth + 1)))
      if try peekAfterSpace() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "}"))
        return members
      }
    }
  }

  private mutating func array(depth: Int) throws -> [HeaderValue] {
    try expect(UInt8(ascii: "["))
    var elements: [HeaderValue] = []
    if try peekAfterSpace() == UInt8(ascii: "]") {
      position += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth + 1))
      if try peekAfterSpace() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "]"))
        return elements
      }
    }
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
    if position < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position]) {
      throw malformed("the number at byte \(start) is not an integer")
    }
    if position - start > 1, bytes[start] == 0x30 { throw malformed("the number at byte \(start) begins with 0") }
    return number
  }

  private mutating func string() throws -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while true {
      let byte = try next()
      if byte == UInt8(ascii: "\"") { break }
      if byte < 0x20 { throw malformed("the string at byte \(start) holds a control character") }
      if byte == UInt8(ascii: "\\") { text += try escape() } else { text.append(byte) }
    }
    guard let result = String(validating: text, as: UTF8.self) else {
      throw malformed("the string at byte \(start) is not UTF-8")
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
