// The format of `torch.save` since PyTorch 1.6 (torch/serialization.py): a zip archive of stored entries in one folder.
// FOLDER/data.pkl describes objects and tensors, FOLDER/data/KEY are the bytes of storages, FOLDER/byteorder is their
// byte order.

/// Reads and validates one file; nothing in it is executed. Tensors are views of the mapping.
enum PyTorchFile {
  /// Whether the bytes begin like a zip archive. A safetensors file with a header of 67,324,752 bytes begins with the
  /// same four bytes, but has a brace in the place of the compression method.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: Array("PK\u{3}\u{4}".utf8)) && bytes.dropFirst(8).first != UInt8(ascii: "{")
  }

  /// The tensors of the model in a file.
  ///
  /// - Parameter key: selects one of several sets of weights (`StateDictionary.find`).
  /// - Throws: `CheckpointError`.
  /// - Complexity: O(directory + data.pkl); the bytes of tensors are read once to verify their checksums, if the
  ///   archive has any; tensors that are not contiguous are copied.
  static func read(_ file: MappedFile, weights key: String?) throws -> FileContents {
    let path = file.path
    // SAFETY: `file` outlives every use of its bytes here, and is the owner of the tensors.
    defer { withExtendedLifetime(file) {} }
    let archive = try ZipArchive(file.bytes, file: path)
    let folder = try folder(archive, file: path)
    let pickleName = "\(folder)data.pkl"
    guard let data = archive.entries[pickleName] else { return FileContents() }
    try ZipChecksums.verify([pickleName, "\(folder)byteorder"], of: archive, in: file)
    if let order = archive.entries["\(folder)byteorder"], !file.bytes[order].elementsEqual("little".utf8) {
      throw CheckpointError.unknownKind(
        file: path, found: "a PyTorch file of big-endian numbers", advice: "save it again on a little-endian machine")
    }
    let pickle = try PickleMachine.run(UnsafeRawBufferPointer(rebasing: file.bytes[data]), file: path)
    let state = try StateDictionary.find(in: pickle, key: key, file: path)
    var reader = StorageReader(file: file, pickle: pickle, storages: archive.entries, prefix: "\(folder)data/")
    var contents = FileContents()
    for (name, value) in state.tensors {
      let tensor = try reader.tensor(value, name: name)
      guard contents.tensors.updateValue(tensor, forKey: name) == nil else {
        throw CheckpointError.duplicateName(file: path, name: name)
      }
    }
    try ZipChecksums.verify(reader.used.sorted(), of: archive, in: file)
    if !state.path.isEmpty { contents.metadata["pytorch.entry"] = state.path }
    contents.metadata[Checkpoint.chosenKey] = key
    contents.notes = state.notes
    contents.others = state.others
    return contents
  }

  /// The path before `data.pkl`: the only folder that has such an entry, whatever its name.
  private static func folder(_ archive: ZipArchive, file: String) throws -> String {
    let ending = "data.pkl"
    let pickles = archive.entries.keys.filter { $0 == ending || $0.hasSuffix("/" + ending) }
    if pickles.isEmpty, let kind = otherKind(archive) {
      throw CheckpointError.unknownKind(file: file, found: kind.found, advice: kind.advice)
    }
    guard let name = pickles.first, pickles.count == 1 else {
      throw CheckpointError.unknownKind(
        file: file, found: "a zip archive that torch.save did not write: it has \(pickles.count) files data.pkl",
        advice: "unpack it if it contains a checkpoint")
    }
    let folder = String(name.dropLast(ending.count))
    guard archive.entries["\(folder)constants.pkl"] == nil else {
      throw CheckpointError.unknownKind(
        file: file, found: "a TorchScript program",
        advice: "save its weights in Python: torch.save(torch.jit.load(FILE).state_dict(), 'model.pth')")
    }
    if let name = archive.compressed.min() {
      throw CheckpointError.unknownKind(
        file: file, found: "a PyTorch archive in which '\(name)' is compressed",
        advice: "save it again in Python, torch.save(torch.load(FILE), 'model.pth'), which stores entries as they are")
    }
    return folder
  }

  /// Other kinds of files that are zip archives.
  private static func otherKind(_ archive: ZipArchive) -> (found: String, advice: String)? {
    let names = archive.entries.keys
    if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
      return (
        "a NumPy archive (.npz)", "write it with Python's safetensors.numpy.save_file(dict(numpy.load(FILE)), ...)"
      )
    }
    if names.contains(where: { $0.hasSuffix("/archive_format") || $0.hasSuffix("serialized_exported_program.json") }) {
      return (
        "an exported program (torch.export)",
        "save its weights in Python: torch.save(dict(torch.export.load(FILE).state_dict), 'model.pth')"
      )
    }
    if names.contains("model.weights.h5") {
      return ("a Keras model", "take the PyTorch or safetensors version of the model")
    }
    return nil
  }
}
