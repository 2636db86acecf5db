import Foundation
import TestSupport
import Testing

/// The README's example is the code that Tests/Embedding compiles and runs as an app.
@Suite struct ReadmeTests {
  private func lines(_ path: String) throws -> [String] {
    let root = Fixture.url("../..").standardizedFileURL
    return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8).components(separatedBy: "\n")
  }

  @Test func itsExampleIsTheEmbeddingAppsFunction() throws {
    let readme = try lines("README.md")
    let start = try #require(readme.firstIndex(of: "```swift"))
    let end = try #require(readme[start...].firstIndex(of: "```"))
    let example = readme[start + 1..<end]
    #expect(!readme[end...].contains("```swift"), "only the first example is compared")
    let source = try lines("Tests/Embedding/Sources/Embedding/Readme.swift")
    let first = try #require(source.firstIndex { $0.hasPrefix("func readme(") })
    let last = try #require(source.firstIndex(of: "  return logits"))
    #expect(example.prefix(2) == ["import MultimodalPathway", ""])
    #expect(source.contains("import MultimodalPathway"))
    #expect(source[first + 1..<last].map { String($0.dropFirst(2)) } == Array(example.dropFirst(2)))
  }
}
