import Foundation

/// Files of Tests/Fixtures.
public enum Fixture {
  /// The file at a path below Tests/Fixtures.
  public static func url(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(path)
  }
}
