/// The dictionary of tensors in a checkpoint that is a model; optimizers and whatever else is saved with it are left.
struct StateDictionary {
  /// Where it was found, like `model` or `checkpoint.state_dict`; empty at the top.
  var path: String
  /// Names and values: tensors, NumPy arrays and what is a tensor of a kind that is not read.
  var tensors: [(name: String, value: PickleValue)] = []
  /// Entries that are something else, and what they are.
  var others: [String: String] = [:]
  /// Which of several candidates was taken, and which were not.
  var notes: [String] = []

  /// Keys under which training code keeps a model.
  static let wrappers = [
    "model", "module", "state_dict", "base_model", "model_state_dict", "model_state", "net", "network", "weights",
    "params",
  ]
  /// The most candidates that a message lists.
  static let listLimit = 12

  /// Finds the model's tensors.
  ///
  /// Without a key: averaged weights (`model_ema`, `state_dict_ema` and their kin) go before those under a wrapper's
  /// key, these before tensors at the top, these before tensors under any other key; what belongs to optimizers,
  /// schedulers, losses and callbacks is never taken. Candidates of equal right are an error, unless a convention
  /// decides (`WeightCandidates.Conventions`).
  ///
  /// - Parameter key: the path of a dictionary with tensors, `model_ema` or `ema.module`; or what the names of the
  ///   wanted tensors begin with, `teacher` for `teacher.blocks.0...`.
  /// - Throws: `CheckpointError.noTensors`, `.ambiguousTensors`, `.unknownWeights`, `.code`.
  /// - Complexity: O(pickle).
  static func find(in pickle: Pickle, key: String?, file: String) throws -> StateDictionary {
    guard case .dictionary(let root) = pickle.root else {
      try rejectUnknown(in: pickle, file: file)
      throw CheckpointError.noTensors(file: file, found: pickle.description(of: pickle.root))
    }
    let candidates = WeightCandidates(in: pickle, root: root)
    guard let key else {
      guard let choice = try candidates.choice(among: candidates.all, file: file) else {
        try rejectUnknown(in: pickle, file: file)
        let keys = pickle.dictionaries[root].prefix(listLimit).map { entry in
          if case .text(let name) = entry.key, name.count <= 256 { pickle.string(name) } else { "..." }
        }
        let list = keys.sorted().joined(separator: ", ")
        throw CheckpointError.noTensors(
          file: file, found: keys.isEmpty ? "an empty dictionary" : "a dictionary of \(list)")
      }
      var state = try StateDictionary(pickle, candidates, choice.taken, file: file)
      state.notes = choice.note.map { [$0] } ?? []
      return state
    }
    if let taken = candidates.all.first(where: { candidates.path(of: $0, is: key) }) {
      return try StateDictionary(pickle, candidates, taken, file: file)
    }
    let beneath = candidates.all.filter { candidates.path(of: $0, beginsWith: key + ".") }
    if let choice = try candidates.choice(among: beneath, file: file) {
      return try StateDictionary(pickle, candidates, choice.taken, file: file)
    }
    // The beginning of names: of the model's, or of those in a dictionary that the key begins with.
    let usual = try? candidates.choice(among: candidates.all, file: file)?.taken
    let places = candidates.all.compactMap { candidates.rest(of: key, after: $0) } + (usual.map { [($0, key)] } ?? [])
    for (candidate, prefix) in places {
      var state = try StateDictionary(pickle, candidates, candidate, file: file)
      if state.keepNames(under: prefix) { return state }
    }
    var known = candidates.all.prefix(listLimit).map { candidates.path(of: $0) }.filter { !$0.isEmpty }
    if let usual {
      known += try WeightKeys.prefixes(of: StateDictionary(pickle, candidates, usual, file: file).tensors.map(\.name))
    }
    throw CheckpointError.unknownWeights(file: file, key: key, known: known)
  }

  /// - Throws: `CheckpointError.duplicateName` for a text that is recalled as a second name;
  ///   `.malformedPickle` for a name of more than `JSONParser.longestName` bytes.
  private init(_ pickle: Pickle, _ candidates: WeightCandidates, _ candidate: Int, file: String) throws {
    path = candidates.path(of: candidate)
    var seen: Set<Range<Int>> = []
    for (key, value) in pickle.dictionaries[candidates.nodes[candidate].dictionary] {
      guard case .text(let name) = key else { continue }
      switch value {
      case .tensor, .array, .unreadable:
        guard seen.insert(name).inserted else {
          throw CheckpointError.duplicateName(file: file, name: String(pickle.string(name).prefix(256)))
        }
        guard name.count <= JSONParser.longestName else {
          throw CheckpointError.malformedPickle(
            file: file, offset: name.lowerBound,
            reason: "a tensor's name has \(name.count) bytes, the limit is \(JSONParser.longestName)")
        }
        tensors.append((pickle.string(name), value))
      // Wrappers and their like.
      case .dictionary: break
      default:
        guard others.count < 64, name.count <= 256 else { break }
        others[pickle.string(name)] = pickle.description(of: value)
      }
    }
  }

  /// Keeps tensors whose names begin with `prefix` and a dot; false, and no change, where none does.
  private mutating func keepNames(under prefix: String) -> Bool {
    let start = prefix.hasSuffix(".") ? prefix : prefix + "."
    let kept = tensors.filter { $0.name.hasPrefix(start) }
    guard !kept.isEmpty else { return false }
    tensors = kept
    others = others.filter { $0.key.hasPrefix(start) }
    path = path.isEmpty ? prefix : "\(path).\(prefix)"
    return true
  }

  /// Where no tensors are found, a class that is not known is the likely reason: a whole model was saved.
  private static func rejectUnknown(in pickle: Pickle, file: String) throws {
    if let unknown = pickle.globals.first(where: { $0.meaning == .unknown }) {
      throw CheckpointError.code(file: file, name: unknown.name)
    }
  }
}

/// Which weights a file has, for messages.
enum WeightKeys {
  /// What names begin with, before their first dot: at most `StateDictionary.listLimit`, sorted.
  static func prefixes(of names: some Sequence<String>) -> [String] {
    let heads = Set(names.lazy.filter { $0.contains(".") }.map { String($0.prefix(256).prefix { $0 != "." }) })
    return Array(heads.sorted().prefix(StateDictionary.listLimit))
  }
}
