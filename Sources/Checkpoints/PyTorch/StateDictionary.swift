/// The dictionary of tensors in a checkpoint that is a model; optimizers and whatever else lies beside it are left.
struct StateDictionary {
  /// Where it was found, like `model` or `checkpoint.state_dict`; empty at the top.
  var path: String
  /// Names and places in `Pickle.tensors`. Entries that are no tensors are left out.
  var tensors: [(name: String, index: Int)]

  /// Keys under which training code keeps a model, in order of preference: where there are several, the first with
  /// tensors is taken. Loaders of MAE and VideoMAE take `model` before `module`; averaged weights come last.
  static let wrappers = [
    "model", "module", "state_dict", "base_model", "model_state_dict", "model_state", "model_ema", "state_dict_ema",
  ]
  /// The most wrappers one behind the other.
  private static let depthLimit = 8

  /// Looks for the model: behind the wrappers' keys, one behind the other; else at the top; else behind the only other
  /// key that has tensors and does not begin with `optimizer`.
  ///
  /// - Throws: `CheckpointError.noTensors`, `.ambiguousTensors`.
  /// - Complexity: O(pickle).
  static func find(in pickle: Pickle, file: String) throws -> StateDictionary {
    guard case .dictionary(let root) = pickle.root else {
      throw CheckpointError.noTensors(file: file, found: "something that is no dictionary")
    }
    var seen: Set<Int> = []
    if let state = find(in: pickle, at: root, path: [], seen: &seen) { return state }
    let others = pickle.dictionaries[root].compactMap { key, value -> StateDictionary? in
      guard case .text(let name) = key, !name.hasPrefix("optimizer"), case .dictionary(let index) = value else {
        return nil
      }
      // Every dictionary is looked at once, however many names it has.
      guard seen.insert(index).inserted else { return nil }
      return direct(pickle, at: index, path: [name])
    }
    guard let state = others.first else {
      let keys = pickle.dictionaries[root].prefix(12).map { if case .text(let name) = $0.key { name } else { "..." } }
      throw CheckpointError.noTensors(file: file, found: "a dictionary of \(keys.sorted().joined(separator: ", "))")
    }
    guard others.count == 1 else {
      throw CheckpointError.ambiguousTensors(file: file, keys: others.map(\.path).sorted())
    }
    return state
  }

  /// - Parameter seen: dictionaries that were looked at; a cycle ends there.
  private static func find(
    in pickle: Pickle, at index: Int, path: [String], seen: inout Set<Int>
  ) -> StateDictionary? {
    guard path.count <= depthLimit, seen.insert(index).inserted else { return nil }
    for wrapper in wrappers {
      for case (.text(wrapper), .dictionary(let inner)) in pickle.dictionaries[index] {
        if let state = find(in: pickle, at: inner, path: path + [wrapper], seen: &seen) { return state }
      }
    }
    return direct(pickle, at: index, path: path)
  }

  private static func direct(_ pickle: Pickle, at index: Int, path: [String]) -> StateDictionary? {
    let tensors = pickle.dictionaries[index].compactMap { key, value -> (name: String, index: Int)? in
      guard case .text(let name) = key, case .tensor(let tensor) = value else { return nil }
      return (name, tensor)
    }
    return tensors.isEmpty ? nil : StateDictionary(path: path.joined(separator: "."), tensors: tensors)
  }
}
