import ArgumentParser
import Foundation
import MultimodalPathway

/// Whether whatever is where a result goes may be replaced.
struct OverwriteOption: ParsableArguments {
  @Flag(help: "Replace any file that is there; without it, only an earlier output of the same kind.")
  var overwrite = false
}

/// A file that a command writes, and what may be lost there: an empty file, an earlier output of the same kind, or
/// anything with `--overwrite`; never an input of the command, and never what is no regular file.
struct OutputFile {
  enum Kind: String {
    case features = "file of features"
    case merged = "merged model"
    case picture = "picture of this tool"
    case points = "PLY file of this tool"
    case page = "report of this tool"
    /// People write plans too: none can be told from an earlier output.
    case plan
  }

  let url: URL
  private let path: String
  private let kind: Kind
  private let option: String
  private let overwrites: Bool

  /// - Parameter option: the one that names the file.
  init(_ path: String, _ kind: Kind, option: String = "--output", _ overwrite: OverwriteOption) {
    url = URL(fileURLWithPath: path)
    self.path = path
    (self.kind, self.option, overwrites) = (kind, option, overwrite.overwrite)
  }

  /// A picture, or a PLY file where points are written under such a name.
  init(pictureAt path: String, ofPoints isOfPoints: Bool, _ overwrite: OverwriteOption) {
    let isPLY = isOfPoints && URL(fileURLWithPath: path).pathExtension.lowercased() == "ply"
    self.init(path, isPLY ? .points : .picture, overwrite)
  }

  /// Checks what is there, before the work and again before its result is written.
  ///
  /// - Parameter inputs: files that the command reads.
  /// - Throws: `ToolError`.
  func check(inputs: [URL]) throws {
    guard !path.isEmpty, !path.hasSuffix("/") else { throw refusal("names no file; choose another \(option)") }
    let own = FileIdentity(url)
    if let input = inputs.first(where: { FileIdentity($0) == own }) {
      throw refusal("is an input of this command (\(input.relativePath)); choose another \(option)")
    }
    var status = stat()
    guard stat(url.path, &status) == 0 else {
      let folder = url.resolvingSymlinksInPath().deletingLastPathComponent()
      guard FileManager.default.isWritableFile(atPath: folder.path) else {
        throw refusal("cannot be written: \(folder.path) is not a directory that can be written")
      }
      return
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw refusal("is not a regular file; choose another \(option)")
    }
    if overwrites || status.st_size == 0 || isEarlierOutput { return }
    let found = kind == .plan ? "exists" : "exists and is no \(kind.rawValue)"
    throw refusal("\(found); choose another \(option), or replace it by --overwrite")
  }

  private func refusal(_ reason: String) -> ToolError { ToolError("\(path.isEmpty ? "''" : path): \(reason)") }

  private var isEarlierOutput: Bool {
    switch kind {
    case .plan: false
    case .picture: begins(with: "tEXtSoftware\0m2pt", within: 64)
    case .points: begins(with: "\ncomment m2pt\n", within: 64)
    case .page: begins(with: HTMLPage.generator, within: 256)
    case .features, .merged:
      // What cannot be read is no output of this tool.
      (try? Checkpoint(contentsOf: url)).map { file in
        guard file.metadata["m2pt.version"] != nil else { return false }
        return kind == .features
          ? file.tensors["pooled"] != nil && file.tensors["files"] != nil
          : file.metadata.keys.contains { $0.hasPrefix("m2pt.source.target") }
      } ?? false
    }
  }

  /// Whether `mark` is among the first bytes.
  private func begins(with mark: String, within count: Int) -> Bool {
    guard let file = try? FileHandle(forReadingFrom: url), let start = try? file.read(upToCount: count) else {
      return false
    }
    return start.range(of: Data(mark.utf8)) != nil
  }
}

extension ModelLocation {
  /// Configuration and index files that loading a model may read besides its weights.
  var configurationFiles: [URL] {
    let others = [
      "preprocessor_config.json", "video_preprocessor_config.json", "model.safetensors.index.json",
      "pytorch_model.bin.index.json",
    ]
    return [configurationFile] + others.map { directory.appendingPathComponent($0) }
  }
}

extension ModelWeights {
  /// All files that loading the model at `path` may have read.
  func inputs(at path: String) -> [URL] {
    let url = URL(fileURLWithPath: path)
    return [url] + files + ModelLocation(url).configurationFiles
  }
}
