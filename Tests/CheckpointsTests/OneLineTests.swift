import PathwayCheckpoints
import Testing

/// Text from files, escaped for a terminal.
@Suite struct OneLineTests {
  @Test(arguments: [
    ("plain", "plain"), ("Größe 한국어 हिन्दी \u{1F469}", "Größe 한국어 हिन्दी \u{1F469}"), ("", ""),
    ("a\u{1B}[2Jb", "a\\u{1b}[2Jb"), ("a\nb\r\nc\td", "a\\u{a}b\\u{d}\\u{a}c\\u{9}d"), ("\u{0}\u{7F}", "\\u{0}\\u{7f}"),
    // The eight-bit escapes, line and paragraph separators, directions, fillers, tags, byte order mark.
    ("\u{9B}2J\u{85}", "\\u{9b}2J\\u{85}"), ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
    ("\u{202E}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
    ("\u{3164}\u{E0041}\u{FEFF}", "\\u{3164}\\u{e0041}\\u{feff}"),
    ("\u{E000}\u{378}", "\\u{e000}\\u{378}"),
  ])
  func escapes(_ text: String, _ expected: String) {
    #expect(text.onOneLine() == expected)
    #expect(text.onOneLine().onOneLine() == expected)
    // A character that combines with its neighbour is escaped as well.
    #expect(("x" + text + "\u{301}").onOneLine().unicodeScalars.allSatisfy { !$0.isUnfitForALine })
  }

  @Test func cuts() {
    let long = String(repeating: "a", count: 1_000_000) + "b"
    #expect(
      long.onOneLine() == String(repeating: "a", count: 1000) + " ... " + String(repeating: "a", count: 999) + "b")
    #expect(String(repeating: "a", count: 2000).onOneLine().count == 2000)
    #expect("abcdefgh".onOneLine(limit: 4) == "ab ... gh")
    // An escape is complete or absent.
    let controls = String(repeating: "\u{1B}", count: 1_000_000).onOneLine()
    #expect(controls.count == 2 * 166 * 6 + 5 && controls.hasPrefix("\\u{1b}") && controls.hasSuffix("\\u{1b}"))
  }

  @Test func marksAreCounted() {
    let eight = "e" + String(repeating: "\u{301}", count: 8)
    #expect(eight.onOneLine() == eight)
    #expect(
      (eight + "\u{301}\u{323}x").onOneLine().unicodeScalars.elementsEqual((eight + "\\u{301}\\u{323}x").unicodeScalars)
    )
    let many = ("e" + String(repeating: "\u{301}", count: 1_000_000)).onOneLine()
    #expect(many.unicodeScalars.count <= 2005 && many.hasSuffix("\\u{301}"))
  }
}
