import Foundation
import PathwayCheckpoints
import Testing

/// The JSON parser of the package: the texts that it accepts and refuses, and its linear time.
@Suite struct JSONTests {
  private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Data(text.utf8)) }

  @Test func everyKindOfValue() throws {
    let text = #" {"a": [1, -2, 0, 1.5, -2e3, 1E-2, true, false, null, "x\né😀\/"], "b": {}, "": []} "#
    let expected = JSONValue.object([
      "a": .array([
        .integer(1), .integer(-2), .integer(0), .number(1.5), .number(-2000), .number(0.01), .boolean(true),
        .boolean(false), .null, .string("x\né😀/"),
      ]), "b": .object([:]), "": .array([]),
    ])
    let found = try value(text)
    #expect(found == expected)
    let marked = try value("\u{FEFF}[]")
    #expect(marked == .array([]))
    let large = try value("9223372036854775808")
    #expect(large == .number(0x1p63))
  }

  @Test(arguments: [
    "", " ", "{", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "-", "+1", "1.", ".5", "1e", "1e+",
    "0x10", "1e999", "nan", "NaN", "Infinity", "-Infinity", "inf", "True",
    "nul", "tru", "\"a", "\"\u{1}\"", #""\x""#, #""\ud800""#, #""\u12""#, "[] []", "'a'",
  ])
  func whatIsNotJSONIsRefused(_ text: String) {
    #expect(throws: JSONError.self) { try value(text) }
  }

  @Test func duplicateNamesAreRefused() {
    #expect(throws: JSONError.duplicate(name: "a")) { try value(#"{"a": 1, "b": 2, "\u0061": 3}"#) }
  }

  /// Each of these takes seconds to minutes if a parser tries failed values again as other types, or compares names by
  /// Unicode normalization.
  @Test func timeAndDepthAreBounded() throws {
    let deep = String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)
    #expect(throws: JSONError.self) { try value(deep) }
    let sixtyFour = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    _ = try value(sixtyFour)
    let marks = "{\"a" + String(repeating: "\u{301}\u{316}", count: 16_384) + "\": 1}"
    let reason = "the string at byte 1 has more than 30 combining marks in a row"
    #expect(throws: JSONError.malformed(reason)) { try value(marks) }
    let long = "{\"" + String(repeating: "a", count: 65_537) + "\": 1}"
    #expect(throws: JSONError.malformed("the name at byte 1 has 65537 bytes, the limit is 1024")) { try value(long) }
  }
}
