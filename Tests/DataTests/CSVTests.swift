import PathwayData
import Testing

/// Reading and writing records of RFC 4180.
@Suite struct CSVTests {
  @Test(arguments: [
    ["a", "b"], [""], ["a,b", "say \"so\""], ["two\nlines", "\r\n"], ["\"", "\"\""], [",\u{301}", "\u{2028}"],
  ])
  func recordsKeepTheirFields(_ fields: [String]) throws {
    // A record of one empty field is an empty line, which is skipped.
    let expected = fields == [""] ? [] : [fields]
    #expect(try CSV.records(CSV.line(fields) + "\n", file: "t").map(\.fields) == expected)
  }

  @Test func fieldsAreQuotedWhereTheyMustBe() {
    #expect(CSV.line(["a b", "1,2", "\"x\""]) == "a b,\"1,2\",\"\"\"x\"\"\"")
  }

  @Test func linesCountEveryKindOfBreakAndThoseInsideFields() throws {
    let records = try CSV.records("a\r\n\rb\n\n\"c\nd\"\ne", file: "t")
    #expect(records.map(\.line) == [1, 3, 5, 7])
    #expect(records.map(\.fields) == [["a"], ["b"], ["c\nd"], ["e"]])
  }

  @Test(arguments: [
    ("x\na,\"b", 2, "a quote that does not end"), ("\"a\"b", 1, "text after a closing quote"),
    ("\n\nab\"c", 3, "a quote inside a field that does not begin with one"),
  ])
  func malformedQuotesAreErrorsWithTheirLine(_ text: String, _ line: Int, _ finding: String) {
    #expect(throws: TableError.malformed(file: "t", line: line, finding: finding)) {
      try CSV.records(text, file: "t")
    }
  }
}
