import Foundation
import TestSupport
import Testing

/// The examples of the README are code in the apps of Tests/Embedding, which compile and run.
@Suite struct ReadmeTests {
  private static let root = Fixture.url("../..").standardizedFileURL

  /// Lines of code without surrounding white space.
  private func lines(_ text: String) -> [String] {
    text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private func read(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
  }

  @Test func itsExamplesAreInTheAppsThatAreBuilt() throws {
    let examples = try read("README.md").components(separatedBy: "```swift\n").dropFirst().map {
      lines(String($0.components(separatedBy: "\n```")[0]))
    }
    let apps = try ["Media/Main.swift", "Media/Main.swift", "Embedding/Readme.swift"].map {
      lines(try read("Tests/Embedding/Sources/\($0)"))
    }
    try #require(examples.count == apps.count)
    for (example, app) in zip(examples, apps) {
      for line in example { #expect(app.contains(line), "\(line)") }
    }
  }
}
