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

  static let contents = ["config.json", "model.safetensors"]

  /// Checks, before long work, that the directory may be written: it is not there, empty, or an old model to be
  /// replaced.
  ///
  /// - Parameters:
  ///   - source: a model that is read meanwhile and must not be replaced.
  ///   - inputs: other files that are read.
  /// - Throws: `ToolError`.
  func check(source: URL, inputs: [URL] = []) throws {
    guard FileIdentity(url) != FileIdentity(source) else {
      throw ToolError("\(url.relativePath): is the model itself; choose another --output")
    }
    let own = Set(Self.contents.map { FileIdentity(url.appendingPathComponent($0)) })
    if let input = inputs.first(where: { own.contains(FileIdentity($0)) }) {
      throw ToolError(
        "\(url.relativePath): holds an input of this command, \(input.relativePath); choose another --output")
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

  /// Writes `config.json` and `model.safetensors`.
  ///
  /// - Throws: `CheckpointError`, `ConfigurationError`. An old model is then unchanged, and no temporary directory
  ///   remains.
  func write(
    _ checkpoint: Checkpoint, _ configuration: VisionTransformerConfiguration, _ recipe: ImagePreprocessing?
  ) throws {
    try write { folder in
      try configuration.write(toDirectory: folder, preprocessing: recipe)
      try checkpoint.write(to: folder.appendingPathComponent("model.safetensors"))
    }
  }

  /// The same with a `body` that writes both files.
  func write(_ body: (URL) throws -> Void) throws {
    try AtomicDirectory.write(to: url, files: Self.contents, replaces: overwrites, body)
  }
}
