/// The dictionary of the model's tensors in a checkpoint, without optimizers and other state.
struct StateDictionary {
  /// Its path, such as `model` or `checkpoint.state_dict`; empty at the top.
  var path: String
  /// Names and values: tensors, NumPy arrays, and tensors of kinds that are not supported.
  var tensors: [(name: String, value: PickleValue)] = []
  /// Other entries, with a description of each.
  var others: [String: String] = [:]
  /// Which of several candidates is used, and which are not.
  var notes: [String] = []

  /// Keys under which training code saves a model.
  static let wrappers = [
    "model", "module", "state_dict", "base_model", "model_state_dict", "model_state", "net", "network", "weights",
    "params",
  ]
  /// The most candidates that a message lists.
  static let listLimit = 12

  /// Finds the model's tensors.
  ///
  /// Without a key, the order of preference is: averaged weights (`model_ema`, `state_dict_ema` and similar keys),
  /// those under the key of a wrapper, tensors at the top, tensors under any other key. The state of optimizers,
  /// schedulers, losses and callbacks is never used. Several candidates of one rank are an error, unless a convention
  /// decides (`WeightCandidates.Conventions`).
  ///
  /// - Parameter key: the path of a dictionary with tensors, `model_ema` or `ema.module`; or a prefix of names,
  ///   `teacher` for `teacher.blocks.0...`.
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
    // A prefix of names: of the model, or of a dictionary whose path the key begins with.
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
            reason: "the name of a tensor has \(name.count) bytes, the limit is \(JSONParser.longestName)")
        }
        tensors.append((pickle.string(name), value))
      // Wrappers and other nested dictionaries.
      case .dictionary: break
      default:
        guard others.count < 64, name.count <= 256 else { break }
        others[pickle.string(name)] = pickle.description(of: value)
      }
    }
  }

  /// Keeps tensors whose names begin with `prefix` and a dot; returns false, and changes nothing, if there are none.
  private mutating func keepNames(under prefix: String) -> Bool {
    let start = prefix.hasSuffix(".") ? prefix : prefix + "."
    let kept = tensors.filter { $0.name.hasPrefix(start) }
    guard !kept.isEmpty else { return false }
    tensors = kept
    others = others.filter { $0.key.hasPrefix(start) }
    path = path.isEmpty ? prefix : "\(path).\(prefix)"
    return true
  }

  /// If no tensors are found, an unknown class is the likely reason: a whole model was saved.
  private static func rejectUnknown(in pickle: Pickle, file: String) throws {
    if let unknown = pickle.globals.first(where: { $0.meaning == .unknown }) {
      throw CheckpointError.code(file: file, name: unknown.name)
    }
  }
}

/// The sets of weights in a file, for messages.
enum WeightKeys {
  /// The parts of names before their first dot, sorted: at most `StateDictionary.listLimit`.
  static func prefixes(of names: some Sequence<String>) -> [String] {
    let heads = Set(names.lazy.filter { $0.contains(".") }.map { String($0.prefix(256).prefix { $0 != "." }) })
    return Array(heads.sorted().prefix(StateDictionary.listLimit))
  }
}
