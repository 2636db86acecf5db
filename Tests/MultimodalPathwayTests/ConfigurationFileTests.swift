import Foundation
import MultimodalPathway
import Testing

/// Configuration files beyond the size limit.
@Suite struct ConfigurationFileTests {
  private static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private static func error(_ file: URL) -> String? {
    do {
      _ = try VisionTransformerConfiguration.read(file)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func emptyFile() throws {
    try Self.withFolder { folder in
      let file = folder.appendingPathComponent("config.json")
      try Data().write(to: file)
      #expect(Self.error(file)?.contains("is not valid JSON: it ends in the middle of a value") == true)
    }
  }

  /// The limit is on the target of a link, as in Hugging Face's cache.
  @Test func largeFileBehindALink() throws {
    try Self.withFolder { folder in
      let blob = folder.appendingPathComponent("blob")
      try Data().write(to: blob)
      let handle = try FileHandle(forWritingTo: blob)
      try handle.truncate(atOffset: 1 << 26)
      try handle.close()
      let link = folder.appendingPathComponent("config.json")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: blob)
      for file in [blob, link] {
        #expect(Self.error(file)?.contains("has 67108864 bytes, more than a configuration can have") == true)
      }
    }
  }
}
