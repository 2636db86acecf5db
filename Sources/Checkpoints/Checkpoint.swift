import Foundation

/// Named tensors with string metadata: the content of a checkpoint file.
public struct Checkpoint: Sendable {
  /// Tensors by name. Tensors from a file are views of its mapping.
  public var tensors: [String: Tensor]
  /// Free text by key, as in safetensors' `__metadata__`.
  public var metadata: [String: String]
  /// The files that the tensors were read from, in reading order; empty for tensors in memory.
  public let files: [URL]
  /// Choices between several readings of the files, one sentence each, to show to users.
  public var notes: [String]
  /// Entries of a PyTorch file that are not tensors, with a description of each.
  package var others: [String: String] = [:]

  /// A checkpoint of tensors in memory.
  ///
  /// - Parameter files: the files that the tensors were read from, in reading order; empty for tensors in memory.
  public init(
    tensors: [String: Tensor], metadata: [String: String] = [:], files: [URL] = [], notes: [String] = []
  ) {
    self.tensors = tensors
    self.metadata = metadata
    self.files = files
    self.notes = notes
  }

  /// Maps a safetensors or PyTorch file, recognized by its first bytes; all shards of an `.index.json`; or the
  /// checkpoint in a directory: `model.safetensors`, else its index, else the only `.safetensors` file there, else
  /// `pytorch_model.bin`, else its index, else the only `.pth`, `.pt` or `.bin` file.
  ///
  /// Nothing in a PyTorch file is executed. Its tensors are those of the model: averaged weights (`model_ema`,
  /// `state_dict_ema`) are preferred, as in timm's `load_state_dict`, and `notes` names the weights that are not used.
  /// The key of the chosen weights is in the metadata as `pytorch.entry`. Checksums of the archive are verified.
  ///
  /// An index must be correct: every tensor that it lists is in the shard that it names, and no shard has others. The
  /// metadata of all shards are merged; if two shards have different values for a key, the first one is used.
  ///
  /// - Parameter weights: selects one of several sets of weights, by its key in a PyTorch file (`model_ema`,
  ///   `checkpoint.state_dict`), or by the prefix of its tensors (`teacher`). The metadata record it (`m2pt.weights`).
  /// - Throws: `CheckpointError`, one case for each way in which a file can be malformed; `.ambiguousTensors` if no
  ///   rule decides between several sets of weights, `.unknownWeights` for a key that the file does not have.
  /// - Complexity: O(header); tensor bytes are read when they are used, and those of PyTorch files once here for their
  ///   checksums.
  public init(contentsOf url: URL, weights: String? = nil) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw CheckpointError.unreadable(file: url.path, reason: "no such file or directory")
    }
    if url.isExistingDirectory {
      try self.init(contentsOf: Self.file(inDirectory: url), weights: weights)
    } else if url.lastPathComponent.hasSuffix(".index.json") {
      try self.init(index: url, weights: weights)
    } else {
      self.init(try Self.contents(of: MappedFile(url), weights: weights), files: [url])
    }
  }

  /// Reads a safetensors or PyTorch file in memory, as `init(contentsOf:weights:)` reads one on disk.
  ///
  /// - Parameters:
  ///   - data: the bytes of the file, which are copied once; the tensors are views of the copy.
  ///   - name: the name of the file in errors.
  ///   - weights: selects one of several sets of weights, as there.
  /// - Throws: `CheckpointError`.
  public init(data: Data, name: String, weights: String? = nil) throws {
    self.init(try Self.contents(of: MappedFile(copying: data, name: name), weights: weights), files: [])
  }

  /// The metadata key that records which of several sets of weights was chosen.
  package static let chosenKey = "m2pt.weights"

  private init(_ contents: FileContents, files: [URL]) {
    self.init(tensors: contents.tensors, metadata: contents.metadata, files: files, notes: contents.notes)
    others = contents.others
  }

  private static func contents(of file: MappedFile, weights key: String? = nil) throws -> FileContents {
    if PyTorchFile.recognizes(file.bytes) { return try PyTorchFile.read(file, weights: key) }
    let (tensors, metadata) = try Safetensors.read(file)
    var contents = FileContents(tensors: tensors, metadata: metadata)
    if let key { try contents.select(key, file: file.path) }
    return contents
  }

  /// The free text of a safetensors file; nothing for other files.
  ///
  /// - Throws: `CheckpointError`.
  /// - Complexity: O(header).
  package static func metadata(of url: URL) throws -> [String: String] {
    let file = try MappedFile(url)
    if PyTorchFile.recognizes(file.bytes) || url.lastPathComponent.hasSuffix(".index.json") { return [:] }
    return try Safetensors.read(file).metadata
  }

  /// Whether a directory can be listed and has no file that could be a checkpoint, by the files' names.
  package static func isMissing(inDirectory url: URL) -> Bool {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: url.path) else { return false }
    let endings = kinds.flatMap(\.endings) + ["index.json", "distcp"]
    return !names.contains { name in endings.contains { name.hasSuffix("." + $0) } }
  }

  /// The usual names of checkpoints, and the endings of others of their kind, the preferred kind first.
  private static let kinds = [
    (usual: "model.safetensors", endings: ["safetensors"]),
    (usual: "pytorch_model.bin", endings: ["pth", "pt", "bin"]),
  ]

  private static func file(inDirectory url: URL) throws -> URL {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: url.path)
    } catch {
      throw CheckpointError.unreadable(file: url.path, reason: "\(error.localizedDescription)")
    }
    for (usual, endings) in kinds {
      for name in [usual, usual + ".index.json"] where names.contains(name) { return url.appendingPathComponent(name) }
      let others = names.filter { name in endings.contains { name.hasSuffix("." + $0) } }
      if others.count == 1 { return url.appendingPathComponent(others[0]) }
      guard others.isEmpty else {
        throw CheckpointError.unknownKind(
          file: url.path, found: "a directory with \(others.count) files: \(others.sorted().joined(separator: ", "))",
          advice: "name one of them, or rename one to \(usual)")
      }
    }
    if names.contains(where: { $0.hasSuffix(".distcp") }) {
      throw CheckpointError.unknownKind(
        file: url.path, found: "a distributed checkpoint (.distcp)",
        advice: "convert it to one file in Python: "
          + "torch.distributed.checkpoint.format_utils.dcp_to_torch_save(DIRECTORY, 'model.pth')")
    }
    throw CheckpointError.unknownKind(
      file: url.path, found: "a directory without checkpoints", advice: "put model.safetensors into it")
  }

  private init(index url: URL, weights: String?) throws {
    let map = try Self.weightMap(url)
    var all = FileContents()
    var files: [URL] = []
    for (file, names) in Dictionary(grouping: map.keys, by: { map[$0] ?? "" }).sorted(by: { $0.key < $1.key }) {
      let shard = url.deletingLastPathComponent().appendingPathComponent(file)
      guard FileManager.default.fileExists(atPath: shard.path) else {
        throw CheckpointError.badIndex(
          file: url.path, reason: "names the shard \(file), which is not in the same directory; download it too")
      }
      let contents = try Self.contents(of: MappedFile(shard))
      let found = contents.tensors
      for name in names.sorted() {
        guard let tensor = found[name] else {
          throw CheckpointError.badIndex(
            file: url.path, reason: "tensor '\(name)' is not in \(file), which the index names for it")
        }
        all.tensors[name] = tensor
      }
      if found.count != names.count, let name = found.keys.filter({ map[$0] != file }).min() {
        let place = map[name].map { "puts into \($0)" } ?? "does not list"
        throw CheckpointError.badIndex(
          file: url.path, reason: "\(file) holds tensor '\(name)', which the index \(place)")
      }
      all.metadata.merge(contents.metadata) { first, _ in first }
      all.others.merge(contents.others) { first, _ in first }
      all.notes += contents.notes
      files.append(shard)
    }
    if let weights { try all.select(weights, file: url.path) }
    self.init(all, files: files)
  }

  /// Shards by tensor name. The names of the shards are checked.
  private static func weightMap(_ url: URL) throws -> [String: String] {
    func malformed(_ reason: String) -> CheckpointError { .badIndex(file: url.path, reason: reason) }
    let file = try MappedFile(url)
    guard file.bytes.count <= Safetensors.headerLimit else {
      throw malformed("it has \(file.bytes.count) bytes, the limit is \(Safetensors.headerLimit)")
    }
    let value: JSONValue
    do {
      // SAFETY: `file` outlives the parser.
      var parser = JSONParser(file.bytes, .any)
      value = try withExtendedLifetime(file) { try parser.parse() }
    } catch JSONError.duplicate(let name) {
      throw CheckpointError.duplicateName(file: url.path, name: name)
    } catch let error as JSONError {
      throw malformed(error.reason)
    }
    guard case .object(let members) = value, case .object(let entries)? = members["weight_map"] else {
      throw malformed("expected {\"weight_map\": {tensor: file}}")
    }
    guard !entries.isEmpty else { throw malformed("its weight_map is empty") }
    var map: [String: String] = [:]
    for (name, value) in entries {
      guard case .string(let shard) = value else { throw malformed("the shard of tensor '\(name)' is not a string") }
      guard !shard.isEmpty, shard != ".", shard != "..", shard.utf8.count <= 255,
        !shard.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
      else {
        throw malformed("'\(shard)' is not a file name in the same directory")
      }
      map[name] = shard
    }
    return map
  }
}
