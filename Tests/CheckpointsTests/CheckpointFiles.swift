import Foundation
import PathwayCheckpoints
import Testing

/// Calls `body` with a file of these bytes in a new folder, which is removed afterwards.
func withFile<R>(_ bytes: [UInt8], name: String = "model.safetensors", _ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let url = folder.appendingPathComponent(name)
  try Data(bytes).write(to: url)
  return try body(url)
}

/// A safetensors file of this header, whose declared length may differ, and `data` zeros.
func file(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
  let count = length ?? UInt64(header.utf8.count)
  return withUnsafeBytes(of: count.littleEndian, Array.init) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
}

/// Expects that reading `url` throws an error whose text contains `words` and the name of the file.
func expectError(at url: URL, _ words: String) throws {
  do {
    _ = try Checkpoint(contentsOf: url)
    Issue.record("read without an error, expected: \(words)")
  } catch let error as CheckpointError {
    #expect(error.description.contains(words), "\(error)")
    #expect(error.description.contains(url.lastPathComponent))
  }
}

/// The same for a file of these bytes.
func expectError(_ bytes: [UInt8], _ words: String, name: String = "model.safetensors") throws {
  try withFile(bytes, name: name) { try expectError(at: $0, words) }
}
