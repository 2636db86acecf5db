/// The content of one file of a checkpoint.
struct FileContents {
  var tensors: [String: Tensor] = [:]
  var metadata: [String: String] = [:]
  /// Choices made while reading.
  var notes: [String] = []
  /// Entries that are not tensors, with a description of each.
  var others: [String: String] = [:]

  /// Keeps tensors whose names begin with `key` and a dot.
  ///
  /// - Throws: `CheckpointError.unknownWeights` if no name matches.
  mutating func select(_ key: String, file: String) throws {
    let start = key.hasSuffix(".") ? key : key + "."
    let kept = tensors.filter { $0.key.hasPrefix(start) }
    guard !kept.isEmpty else {
      throw CheckpointError.unknownWeights(file: file, key: key, known: WeightKeys.prefixes(of: tensors.keys))
    }
    if kept.count < tensors.count {
      notes.append(
        "\(file): the \(kept.count) tensors whose names begin with '\(start)' are used, the "
          + "\(tensors.count - kept.count) others are not")
    }
    tensors = kept
    metadata[Checkpoint.chosenKey] = key
  }
}
