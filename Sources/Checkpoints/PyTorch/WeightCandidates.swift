/// The dictionaries with tensors in a pickle, and the choice of the model among them.
struct WeightCandidates {
  /// The rank of a candidate by its path, in ascending order of preference.
  enum Rank: Int, Comparable {
    /// The state of optimizers and similar: used only if it is named by its key.
    case never
    case other
    case top
    case model
    case averaged

    static func < (a: Rank, b: Rank) -> Bool { a.rawValue < b.rawValue }
  }

  /// A dictionary under one of its paths. Paths are chains of nodes, because many of them could repeat a long text.
  struct Node {
    var parent: Int?
    /// A text in the pickle.
    var key: Range<Int>
    /// In `Pickle.dictionaries`.
    var dictionary: Int
    var rank: Rank
    var depth: Int
  }

  private let pickle: Pickle
  private(set) var nodes: [Node] = []
  /// Indices of nodes whose dictionaries have tensors, in the order of the file.
  private(set) var all: [Int] = []
  private let conventions: Conventions

  /// The deepest nesting of dictionaries.
  private static let depthLimit = 8
  /// The most nodes: a dictionary may have any number of names.
  private static let nodeLimit = 1 << 16

  /// - Complexity: O(pickle): every dictionary is searched once, however many paths it has.
  init(in pickle: Pickle, root: Int) {
    self.pickle = pickle
    conventions = Conventions(pickle, root)
    var hasTensors: [Int: Bool] = [:]
    nodes.append(Node(parent: nil, key: 0..<0, dictionary: root, rank: .top, depth: 0))
    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      if let known = hasTensors[node.dictionary] {
        // Another path of a dictionary whose entries have nodes already.
        if known { all.append(next) }
        next += 1
        continue
      }
      var found = false
      for (key, value) in pickle.dictionaries[node.dictionary] {
        guard case .text(let name) = key else { continue }
        switch value {
        case .tensor, .unreadable: found = true
        // Training code saves arrays of all kinds; those of a model are under the keys of models.
        case .array: found = found || node.rank > .other
        case .dictionary(let inner) where node.depth < Self.depthLimit && nodes.count < Self.nodeLimit:
          nodes.append(
            Node(
              parent: next, key: name, dictionary: inner, rank: rank(of: name, in: node), depth: node.depth + 1))
        default: break
        }
      }
      hasTensors[node.dictionary] = found
      if found { all.append(next) }
      next += 1
    }
  }

  private func rank(of key: Range<Int>, in parent: Node) -> Rank {
    let kind = conventions.kind(of: key.count <= 64 ? pickle.string(key) : "", atTop: parent.depth == 0)
    if parent.rank == .never || kind == .never { return .never }
    if parent.rank == .averaged || kind == .averaged { return .averaged }
    return kind == .model && parent.rank != .other ? .model : .other
  }

  // MARK: - Paths

  /// Keys joined by dots, each cut to 256 bytes: no key that matters is longer.
  func path(of node: Int) -> String {
    keys(of: node).map { pickle.string($0.lowerBound..<min($0.upperBound, $0.lowerBound + 256)) }.joined(separator: ".")
  }

  func path(of node: Int, is text: String) -> Bool { length(of: node) == text.utf8.count && path(of: node) == text }

  func path(of node: Int, beginsWith text: String) -> Bool {
    length(of: node) > text.utf8.count && path(of: node).utf8.starts(with: text.utf8)
  }

  /// The part of a key after the path of a candidate and a dot; nil if the key begins otherwise.
  func rest(of key: String, after node: Int) -> (node: Int, rest: String)? {
    guard length(of: node) > 0, length(of: node) < key.utf8.count else { return nil }
    let start = path(of: node) + "."
    return key.hasPrefix(start) ? (node, String(key.dropFirst(start.count))) : nil
  }

  private func keys(of node: Int) -> [Range<Int>] {
    var keys: [Range<Int>] = []
    var place = node
    while let parent = nodes[place].parent {
      keys.append(nodes[place].key)
      place = parent
    }
    return keys.reversed()
  }

  private func length(of node: Int) -> Int { keys(of: node).reduce(-1) { $0 + $1.count + 1 } }

  private func isAncestor(_ node: Int, of other: Int) -> Bool {
    var place = nodes[other].parent
    while let parent = place {
      if parent == node { return true }
      place = nodes[parent].parent
    }
    return false
  }

  // MARK: - Choice

  /// The candidate of the highest rank, with a note if others are not used; nil if there are no candidates.
  ///
  /// - Throws: `CheckpointError.ambiguousTensors` if several candidates have that rank.
  func choice(among candidates: [Int], file: String) throws -> (taken: Int, note: String?)? {
    var byDictionary: [Int: Int] = [:]
    for node in candidates where nodes[node].rank != .never {
      let known = byDictionary[nodes[node].dictionary]
      if known.map({ nodes[$0].rank < nodes[node].rank }) ?? true { byDictionary[nodes[node].dictionary] = node }
    }
    let distinct = byDictionary.values.sorted()
    guard let best = distinct.map({ nodes[$0].rank }).max() else { return nil }
    var first = distinct.filter { nodes[$0].rank == best }
    // A wrapper within a wrapper holds the model; the other entries of the outer one are something else.
    if first.count > 1, first.count <= StateDictionary.listLimit {
      first = first.filter { node in !first.contains { isAncestor(node, of: $0) } }
      first = first.enumerated().filter { index, node in !first[..<index].contains { hasSameTensors(node, $0) } }
        .map(\.element)
    }
    if first.count == 2, let preferred = conventions.preferred(among: first.map { path(of: $0) }) {
      first = [first[preferred]]
    }
    guard first.count == 1, let taken = first.first else {
      throw CheckpointError.ambiguousTensors(
        file: file, keys: first.prefix(StateDictionary.listLimit).map { shown($0) }.sorted())
    }
    let passed = distinct.filter { node in
      node != taken && !hasSameTensors(node, taken) && (!isAncestor(node, of: taken) || namesAlike(node, taken))
    }
    return (taken, note(taken, passed, file: file))
  }

  private func shown(_ node: Int) -> String { nodes[node].parent == nil ? "(the top)" : path(of: node) }

  private func note(_ taken: Int, _ passed: [Int], file: String) -> String? {
    guard !passed.isEmpty else { return nil }
    let others = passed.prefix(4).map { "'\(shown($0))'" }.joined(separator: ", ") + (passed.count > 4 ? ", ..." : "")
    let kind = nodes[taken].rank == .averaged ? "averaged weights" : "weights"
    let reason = conventions.reason(path(of: taken)).map { " (\($0))" } ?? ""
    return "\(file): the \(kind) under '\(shown(taken))' are used\(reason), those under \(others) are not".onOneLine()
  }

  /// Whether two dictionaries have the same tensors: a model that was saved under two keys.
  private func hasSameTensors(_ first: Int, _ second: Int) -> Bool {
    let (a, b) = (pickle.dictionaries[nodes[first].dictionary], pickle.dictionaries[nodes[second].dictionary])
    guard a.count == b.count else { return false }
    return zip(a, b).allSatisfy { isSame($0.key, $1.key) && isSame($0.value, $1.value) }
  }

  /// Whether two dictionaries have a tensor of the same name. A dictionary around a model may have loose tensors of its
  /// own; with names of the model, it is another model that is not used. Long names are not compared.
  private func namesAlike(_ first: Int, _ second: Int) -> Bool {
    func names(_ node: Int) -> Set<String> {
      Set(
        pickle.dictionaries[nodes[node].dictionary].compactMap { key, value in
          guard case .tensor = value, case .text(let name) = key, name.count <= 256 else { return nil }
          return pickle.string(name)
        })
    }
    return !names(first).isDisjoint(with: names(second))
  }

  private func isSame(_ first: PickleValue, _ second: PickleValue) -> Bool {
    switch (first, second) {
    case (.text(let a), .text(let b)):
      // Long texts are not compared: they could be repeated many times.
      return a == b || a.count == b.count && a.count <= 256 && pickle.bytes[a].elementsEqual(pickle.bytes[b])
    case (.tensor(let a), .tensor(let b)):
      let (a, b) = (pickle.tensors[a], pickle.tensors[b])
      let (c, d) = (pickle.storages[a.storage], pickle.storages[b.storage])
      return a.type == b.type && a.offset == b.offset && a.isNegative == b.isNegative && c.count == d.count
        && isSame(.text(c.key), .text(d.key)) && pickle.integers(a.shape) == pickle.integers(b.shape)
        && pickle.integers(a.strides) == pickle.integers(b.strides)
    case (.array(let a), .array(let b)): return a == b
    case (.dictionary(let a), .dictionary(let b)): return a == b
    case (.tensor, _), (_, .tensor), (.array, _), (_, .array), (.dictionary, _), (_, .dictionary): return false
    // Numbers and other values are not weights.
    default: return true
    }
  }
}
