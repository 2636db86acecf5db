/// What one file gives to a checkpoint.
struct FileContents {
  var tensors: [String: Tensor] = [:]
  var metadata: [String: String] = [:]
  /// Choices that were made while reading.
  var notes: [String] = []
  /// Entries that are no tensors, and what they are.
  var others: [String: String] = [:]

  /// Keeps tensors whose names begin with `key` and a dot, without these.
  ///
  /// - Throws: `CheckpointError.unknownWeights` where there are none.
  mutating func select(_ key: String, file: String) throws {
    let start = key + "."
    let kept = tensors.filter { $0.key.hasPrefix(start) }
    guard !kept.isEmpty else {
      throw CheckpointError.unknownWeights(file: file, key: key, known: WeightKeys.prefixes(of: tensors.keys))
    }
    tensors = Dictionary(uniqueKeysWithValues: kept.map { (String($0.key.dropFirst(start.count)), $0.value) })
  }
}
