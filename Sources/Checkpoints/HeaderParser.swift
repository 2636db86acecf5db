// A strict parser for the JSON of safetensors headers and shard indexes.
//
// Foundation's parsers keep the last of two equal keys without a word and turn integers into doubles; here both are
// errors (a duplicate name is how a malicious file says two things to two readers). Depth and time are bounded: one
// pass, no look back, so a header of the format's limit costs O(bytes).

/// The JSON values that a header may hold.
enum HeaderValue {
  case string(String)
  case integer(Int)
  case array([HeaderValue])
  case object([(key: String, value: HeaderValue)])
  /// A number that is no integer, a truth value or null: in an index, where nothing reads it; in a header, null alone.
  case other
}

struct HeaderParser {
  /// What the text may be.
  enum Grammar {
    /// A safetensors header: strings, non-negative integers, null, short arrays of them, objects; 3 levels.
    case header
    /// A shard index: any JSON; 16 levels.
    case index
  }

  private let bytes: UnsafeRawBufferPointer
  private let grammar: Grammar
  private let file: String
  private var position = 0

  /// - Parameter bytes: must outlive the parser.
  init(_ bytes: UnsafeRawBufferPointer, _ grammar: Grammar, file: String) {
    self.bytes = bytes
    self.grammar = grammar
    self.file = file
  }

  /// The whole text, which must be one object, with white space after it at most.
  ///
  /// - Throws: `CheckpointError.malformedHeader` or `badIndex`, `duplicateName`.
  mutating func parse() throws -> [(key: String, value: HeaderValue)] {
    // The format's rule: padding is allowed after the object, not before it.
    guard grammar == .index || bytes.first == UInt8(ascii: "{") else { throw malformed("it is not an object") }
    guard case .object(let members) = try value(depth: 0) else { throw malformed("it is not an object") }
    skipSpace()
    guard position == bytes.count else { throw malformed("text follows the object at byte \(position)") }
    return members
  }

  private func malformed(_ reason: String) -> CheckpointError {
    switch grammar {
    case .header: .malformedHeader(file: file, reason: reason)
    case .index: .badIndex(file: file, reason: reason)
    }
  }

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

  private mutating func value(depth: Int) throws -> HeaderValue {
    guard depth <= (grammar == .header ? 3 : 16) else {
      throw malformed("it nests deeper than the format allows at byte \(position)")
    }
    switch try peekAfterSpace() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9") where grammar == .header: return .integer(try integer())
    case UInt8(ascii: "n") where grammar == .header && bytes[position...].starts(with: Array("null".utf8)):
      position += 4
      return .other
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
      if grammar == .index { return try other() }
      fallthrough
    default: throw malformed("expected an object, array, string or non-negative integer at byte \(position)")
    }
  }

  private mutating func object(depth: Int) throws -> [(key: String, value: HeaderValue)] {
    try expect(UInt8(ascii: "{"))
    var members: [(key: String, value: HeaderValue)] = []
    var seen = Set<String>()
    if try peekAfterSpace() == UInt8(ascii: "}") {
      position += 1
      return members
    }
    while true {
      guard try peekAfterSpace() == UInt8(ascii: "\"") else { throw malformed("expected a name at byte \(position)") }
      let key = try string()
      // Swift takes two spellings of one letter (Unicode normalization) for one name; in a dictionary one would vanish.
      guard seen.insert(key).inserted else { throw CheckpointError.duplicateName(file: file, name: key) }
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
      guard grammar == .index || elements.count <= Safetensors.largestRank else {
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

  /// A number, truth value or null that nobody reads: checked as far as telling where it ends.
  private mutating func other() throws -> HeaderValue {
    let start = position
    loop: while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "E"),
        UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        position += 1
      default: break loop
      }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard ["true", "false", "null"].contains(text) || Double(text)?.isFinite == true else {
      throw malformed("expected a value at byte \(start)")
    }
    return .other
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
