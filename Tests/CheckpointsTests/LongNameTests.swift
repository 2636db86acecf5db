import Foundation
import PathwayCheckpoints
import Testing

/// Names and texts that could cost quadratic time, or be processed any number of times.
@Suite struct LongNameTests {
  /// A letter with 4 MB of combining marks in an order that normalization must change: comparing it as a string takes
  /// hours.
  private static let marks = "a" + String(repeating: "\u{301}\u{323}", count: 1_000_000)

  private func reason(_ text: String) -> String? {
    guard
      case JSONError.malformed(let reason)? = #expect(
        throws: JSONError.self, performing: { try JSONValue(parsing: Data(text.utf8)) })
    else { return nil }
    return reason
  }

  @Test func runsOfCombiningMarksAreFound() {
    #expect(Self.marks.hasTooManyCombiningMarks)
    #expect(!("a" + String(repeating: "\u{301}", count: 30)).hasTooManyCombiningMarks)
    #expect(("a" + String(repeating: "\u{301}", count: 31)).hasTooManyCombiningMarks)
    let words = String(repeating: "Größe \u{1F469}\u{200D}\u{1F680} e\u{301}\u{323} 한국어 हिन्दी ", count: 1000)
    #expect(!words.hasTooManyCombiningMarks)
    #expect("e\u{301}\u{323}x".scalars(2).unicodeScalars.map(\.value) == [0x65, 0x301])
  }

  @Test func inJSON() {
    #expect(reason("{\"\(Self.marks)\": 1}") == "the string at byte 1 has more than 30 combining marks in a row")
    #expect(reason("{\"a\": \"\(Self.marks)\"}") == "the string at byte 6 has more than 30 combining marks in a row")
  }

  private func error(_ bytes: [UInt8]) throws -> CheckpointError? {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(bytes).write(to: url)
    return #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: url) }
  }

  @Test func inPickles() throws {
    let marked = PyTorchArchive(pickle: [0x80, 2, 0x7D] + Pickles.text(Self.marks) + [0x4E, 0x73, 0x2E]).bytes
    guard case .malformedPickle(_, _, let reason)? = try error(marked) else {
      Issue.record("marks are taken")
      return
    }
    #expect(reason == "a text has more than 30 combining marks in a row")
    // A global of 2 MB that 5 bytes repeat a million times: 2 TB of names.
    let long = Pickles.text(String(repeating: "m", count: 1 << 20))
    var named: [UInt8] = [0x80, 4] + long + [0x71, 0, 0x30]
    for _ in 0..<1_000_000 { named += [0x68, 0, 0x68, 0, 0x93, 0x30] }
    guard case .malformedPickle(_, _, let second)? = try error(PyTorchArchive(pickle: named + [0x4E, 0x2E]).bytes)
    else {
      Issue.record("a long global is taken")
      return
    }
    #expect(second == "the name of a global has more than 1000 bytes")
  }

  /// A tuple takes a byte of the pickle and a hundred of memory.
  @Test func objectsAreCounted() throws {
    let tuples = [UInt8](repeating: 0x85, count: (1 << 22) + 1)
    guard
      case .unsupportedPickle(_, let found)? = try error(
        PyTorchArchive(pickle: [0x80, 2, 0x4E] + tuples + [0x2E]).bytes)
    else {
      Issue.record("taken")
      return
    }
    #expect(found == "more than 4194304 objects")
  }

  @Test func namesOfEntries() throws {
    for name in [String(repeating: "x", count: 1025), "a" + String(repeating: "\u{301}\u{323}", count: 8000)] {
      var archive = PyTorchArchive(pickle: [0x80, 2, 0x7D, 0x2E])
      archive.entries.append((name, [1]))
      guard case .malformedArchive(_, let reason)? = try error(archive.bytes) else {
        Issue.record("an entry's name is taken")
        continue
      }
      #expect(reason == "the name of entry 1 has \(name.utf8.count) bytes, expected text of at most 1024")
    }
  }

  /// Messages are short, whatever the length of a character.
  @Test func messagesAreShort() {
    #expect((1900...2005).contains(Self.marks.onOneLine().unicodeScalars.count))
    #expect(JSONValue.string(Self.marks).summary.unicodeScalars.count == 62)
  }
}
