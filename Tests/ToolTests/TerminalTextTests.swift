import Foundation
import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// Text from files in answers, errors and pages.
@Suite struct TerminalTextTests {
  private static let label = "\u{1B}[31mred\n\u{202E}\u{9B}2J,\u{301}\"\u{301}"

  /// A model whose first label is hostile and whose second has a million characters.
  private func model(in folder: URL) throws -> String {
    let directory = folder.appendingPathComponent("target")
    let file = directory.appendingPathComponent("config.json")
    var object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    object["label_names"] = [Self.label, String(repeating: "y", count: 1 << 20), "c"]
    try JSONSerialization.data(withJSONObject: object).write(to: file)
    return directory.path
  }

  private func isFit(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0 == "\n" || !$0.isUnfitForALine }
  }

  @Test func answers() throws {
    try Tool.withModels { folder in
      let model = try model(in: folder)
      let picture = folder.appendingPathComponent("a\u{1B}[2J\nb,\u{301}.png")
      try Data(contentsOf: Fixture.url("images/astronaut.png")).write(to: picture)
      let text = try Tool.run(["classify", "--model", model, picture.path])
      #expect(text.status == 0, "\(text.errors)")
      let lines = text.output.split(separator: "\n")
      #expect(isFit(text.output) && lines.count == 4 && lines.allSatisfy { $0.unicodeScalars.count < 300 })

      let json = try Tool.run(["classify", "--model", model, picture.path, "--json"])
      #expect(isFit(json.output))
      let answers = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
      let classes = try #require(answers.first?["classes"] as? [[String: Any]])
      #expect(answers.first?["file"] as? String == picture.path)
      #expect(classes.contains { $0["label"] as? String == Self.label })
      #expect(classes.contains { ($0["label"] as? String)?.count == 1 << 20 })

      let csv = try Tool.run(["classify", "--model", model, picture.path, "--csv"])
      let records = self.records(csv.output)
      #expect(records.count == 4 && records.allSatisfy { $0.count == 6 })
      #expect(records.dropFirst().allSatisfy { unquoted($0[0]) == Array(picture.path.unicodeScalars) })
      #expect(records.contains { unquoted($0[3]) == Array(Self.label.unicodeScalars) })
    }
  }

  @Test func errors() throws {
    try Tool.withModels { folder in
      let model = folder.appendingPathComponent("target").path
      let missing = folder.appendingPathComponent("\u{1B}[2J\n\u{9B}.png").path
      let read = try Tool.run(["classify", "--model", model, missing])
      #expect(read.status == 1 && isFit(read.errors) && read.errors.split(separator: "\n").count == 1, "\(read.errors)")
      let usage = try Tool.run(["classify", "--model", model, "--\u{1B}[2Jx"])
      #expect(usage.status == 64 && isFit(usage.errors) && usage.errors.contains("Usage:"), "\(usage.errors)")
      let loaded = try Tool.run(["classify", "--model", missing, "x.png"])
      #expect(loaded.status == 1 && isFit(loaded.errors), "\(loaded.errors)")
    }
  }

  @Test func inspections() throws {
    try Tool.withFolder { folder in
      let name = "\u{1B}[2J\n\u{202E}" + String(repeating: "n", count: 900)
      let file = folder.appendingPathComponent("x.safetensors")
      try Checkpoint(
        tensors: [name: Tensor([1], shape: [1])], metadata: [name: String(repeating: "m\n", count: 1 << 16)]
      )
      .write(to: file)
      let text = try Tool.run(["inspect", file.path])
      #expect(isFit(text.output) && isFit(text.errors))
      #expect(text.output.split(separator: "\n").allSatisfy { $0.unicodeScalars.count < 5000 })
      let json = try Tool.run(["inspect", file.path, "--json"])
      #expect(isFit(json.output))
      let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
      #expect(((object["tensors"] as? [[String: Any]])?.first)?["name"] as? String == name)
    }
  }

  /// A combining mark on a delimiter does not hide it.
  @Test func pages() throws {
    try Tool.withModels { folder in
      let auxiliary = folder.appendingPathComponent("<\u{338}script>\u{1B}.safetensors")
      try FileManager.default.moveItem(at: folder.appendingPathComponent("auxiliary.safetensors"), to: auxiliary)
      let page = folder.appendingPathComponent("page.html")
      let result = try Tool.run([
        "verify", "--target", folder.appendingPathComponent("target").path, "--auxiliary", auxiliary.path, "--scale",
        "0.1",
        "--random-tokens", "3", "--html", page.path,
      ])
      #expect(result.status == 0, "\(result.errors)")
      let text = try String(contentsOf: page, encoding: .utf8)
      #expect(isFit(text) && !text.utf8.elementsEqual("".utf8))
      #expect(text.unicodeScalars.split(separator: "<").allSatisfy { $0.first != "\u{338}" })
    }
  }

  /// The fields of a CSV text, with their quotes, by a reader of bytes.
  private func records(_ text: String) -> [[String]] {
    var records: [[String]] = [[]]
    var field: [UInt8] = []
    var isQuoted = false
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: ",") where !isQuoted, UInt8(ascii: "\n") where !isQuoted:
        records[records.count - 1].append(String(decoding: field, as: UTF8.self))
        field = []
        if byte == UInt8(ascii: "\n") { records.append([]) }
        continue
      default: break
      }
      field.append(byte)
    }
    return records.dropLast()
  }

  /// A field without its quotes, as CSV readers parse it.
  private func unquoted(_ field: String) -> [Unicode.Scalar] {
    let scalars = Array(field.unicodeScalars)
    guard scalars.first == "\"" else { return scalars }
    var text: [Unicode.Scalar] = []
    for scalar in scalars.dropFirst().dropLast() where !(scalar == "\"" && text.last == "\"") || text.isEmpty {
      text.append(scalar)
    }
    return text
  }
}
