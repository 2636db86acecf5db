import Foundation

/// Named tensors with string metadata: what a checkpoint file holds.
public struct Checkpoint: Sendable {
  /// Tensors by name. Tensors from a file are views of its mapping.
  public var tensors: [String: Tensor]
  /// Free text by key, as in safetensors' `__metadata__`.
  public var metadata: [String: String]
  /// The files the tensors came from, in reading order; empty where they did not come from files.
  public let files: [URL]

  public init(tensors: [String: Tensor], metadata: [String: String] = [:], files: [URL] = []) {
    self.tensors = tensors
    self.metadata = metadata
    self.files = files
  }

  /// Maps a `.safetensors` file, all shards of a `.safetensors.index.json`, or what a directory holds of them:
  /// `model.safetensors`, else its index, else the only `.safetensors` file there.
  ///
  /// - Throws: `CheckpointError`, one case for each way in which a file can be malformed.
  /// - Complexity: O(header); tensor bytes are read when they are used.
  public init(contentsOf url: URL) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw CheckpointError.unreadable(file: url.path, reason: "no such file or directory")
    }
    if isDirectory.boolValue {
      try self.init(contentsOf: Self.file(inDirectory: url))
    } else if url.lastPathComponent.hasSuffix(".index.json") {
      try self.init(index: url)
    } else {
      let (tensors, metadata) = try Safetensors.read(MappedFile(url))
      self.init(tensors: tensors, metadata: metadata, files: [url])
    }
  }

  private static func file(inDirectory url: URL) throws -> URL {
    for name in ["model.safetensors", "model.safetensors.index.json"] {
      let candidate = url.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: url.path).filter { $0.hasSuffix(".safetensors") }
    } catch {
      throw CheckpointError.unreadable(file: url.path, reason: "\(error.localizedDescription)")
    }
    guard let name = names.first, names.count == 1 else {
      throw CheckpointError.unknownKind(
        file: url.path, found: names.isEmpty ? "a directory without safetensors" : "a directory with \(names.sorted())")
    }
    return url.appendingPathComponent(name)
  }

  private struct Index: Decodable {
    var weight_map: [String: String]
  }

  private init(index url: URL) throws {
    let index: Index
    do {
      index = try JSONDecoder().decode(Index.self, from: Data(contentsOf: url))
    } catch {
      throw CheckpointError.badIndex(file: url.path, reason: "expected {\"weight_map\": {tensor: file}}")
    }
    var tensors: [String: Tensor] = [:]
    var metadata: [String: String] = [:]
    var files: [URL] = []
    for (file, names) in Dictionary(grouping: index.weight_map.keys, by: { index.weight_map[$0] ?? "" }).sorted(by: { $0.key < $1.key }) {
      guard !file.isEmpty, !file.contains("/"), !file.contains("\\"), file != ".." else {
        throw CheckpointError.badIndex(file: url.path, reason: "'\(file)' is not a file name in the same directory")
      }
      let shard = url.deletingLastPathComponent().appendingPathComponent(file)
      let (found, notes) = try Safetensors.read(MappedFile(shard))
      for name in names {
        guard let tensor = found[name] else {
          throw CheckpointError.badIndex(file: url.path, reason: "tensor '\(name)' is not in \(file), where the index says it is")
        }
        tensors[name] = tensor
      }
      metadata.merge(notes) { first, _ in first }
      files.append(shard)
    }
    self.init(tensors: tensors, metadata: metadata, files: files)
  }
}
