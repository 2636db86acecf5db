import Foundation
import MultimodalPathway

/// A directory that appears under its name only when it is complete.
struct ModelDirectory {
  let url: URL
  /// Whether a model that is there already may be replaced.
  let overwrites: Bool

  /// The directory itself where `url` is a link to one: that is replaced, and the link stays.
  private var place: URL {
    (url.isExistingDirectory ? url.resolvingSymlinksInPath() : url).standardizedFileURL
  }

  private static let contents: Set = ["config.json", "model.safetensors"]

  /// Checks, before long work, that the directory may be written: it is not there, empty, or an old model to be
  /// replaced.
  ///
  /// - Parameter source: a model that is read meanwhile and must not be replaced.
  /// - Throws: `ToolError`.
  func check(source: URL) throws {
    let model = source.resolvingSymlinksInPath().standardizedFileURL
    guard url.resolvingSymlinksInPath().standardizedFileURL.path != model.path else {
      throw ToolError("\(url.relativePath): is the model itself; choose another --output")
    }
    let parent = place.deletingLastPathComponent()
    guard FileManager.default.isWritableFile(atPath: parent.path) else {
      throw ToolError("\(url.relativePath): cannot be written: \(parent.path) is not a writable directory")
    }
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: url.path) else {
      throw ToolError("\(url.relativePath): is not a directory that can be listed; choose another --output")
    }
    if names.isEmpty { return }
    guard overwrites else {
      throw ToolError("\(url.relativePath): is not empty; choose another --output, or replace its model by --overwrite")
    }
    if let other = names.sorted().first(where: { !Self.contents.contains($0) }) {
      throw ToolError("\(url.relativePath): holds '\(other)' and so more than a model; --overwrite will not remove it")
    }
  }

  /// Writes `config.json` and `model.safetensors` into a directory beside `url`, then renames it.
  ///
  /// - Throws: `ToolError`, `CheckpointError`, `ConfigurationError`; nothing new is left behind and an old model stays.
  func write(
    _ checkpoint: Checkpoint, _ configuration: VisionTransformerConfiguration, _ recipe: ImagePreprocessing?
  ) throws {
    let place = place
    let sibling = ".\(place.lastPathComponent).\(UUID().uuidString)"
    let temporary = place.deletingLastPathComponent().appendingPathComponent(sibling + ".partial")
    let old = place.deletingLastPathComponent().appendingPathComponent(sibling + ".old")
    do {
      try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: false)
      try configuration.write(toDirectory: temporary, preprocessing: recipe)
      try checkpoint.write(to: temporary.appendingPathComponent("model.safetensors"))
      // An empty directory gives way to a rename; one with a model in it has to be moved first.
      if rename(temporary.path, place.path) != 0 {
        guard overwrites, rename(place.path, old.path) == 0 else { throw Self.failure(url) }
        guard rename(temporary.path, place.path) == 0 else {
          let error = Self.failure(url)
          rename(old.path, place.path)
          throw error
        }
        try FileManager.default.removeItem(at: old)
      }
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }

  private static func failure(_ url: URL) -> ToolError {
    ToolError("\(url.relativePath): cannot be written: \(String(cString: strerror(errno)))")
  }
}
