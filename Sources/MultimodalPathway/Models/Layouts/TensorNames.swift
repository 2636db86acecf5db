import PathwayCheckpoints

/// A checkpoint's names without what PyTorch's wrappers put into them, and with the blocks numbered throughout.
///
/// `torch.compile`, FSDP and activation checkpointing wrap a module, whole models as well as single blocks, and add a
/// component to its tensors' names (`_orig_mod.blocks.0`, `blocks.0._checkpoint_wrapped_module.attn`). DINOv2's
/// `block_chunks` puts the blocks into chunks: `blocks.1.3` is block 3, the first of chunk 1.
struct TensorNames {
  /// Components that PyTorch reserves for its wrappers.
  private static let wrapped = [
    "_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module",
  ]

  /// Tidy names, in the order of the file's.
  private(set) var tidy: [String] = []
  /// The file's name by the tidy one.
  private(set) var origins: [String: String] = [:]
  /// What was done, for a person.
  private(set) var notes: [String] = []

  /// - Throws: `CheckpointLayoutError.duplicate`, `.chunks`.
  init(_ names: some Sequence<String>) throws {
    let names = Array(names)
    var found: Set<String> = []
    var result = names.map { Self.unwrapped($0, &found) }
    for part in Self.wrapped where found.contains(part) {
      notes.append("'\(part).', which PyTorch's wrappers add, is taken out of the tensors' names")
    }
    try Self.renumber(&result, &notes)
    for (new, old) in zip(result, names) {
      if let other = origins.updateValue(old, forKey: new) {
        throw CheckpointLayoutError.duplicate(name: new, sources: [other, old].sorted())
      }
    }
    tidy = result
  }

  private static func unwrapped(_ name: String, _ found: inout Set<String>) -> String {
    // A look at bytes first: nearly no component begins with an underscore.
    var (previous, mayBe) = (UInt8(ascii: "."), false)
    for byte in name.utf8 {
      if byte == UInt8(ascii: "_"), previous == UInt8(ascii: ".") { mayBe = true }
      previous = byte
    }
    guard mayBe else { return name }
    return name.split(separator: ".", omittingEmptySubsequences: false).filter { component in
      guard let part = wrapped.first(where: { $0 == component }) else { return true }
      found.insert(part)
      return false
    }
    .joined(separator: ".")
  }

  // MARK: - Chunks

  private static let headLimit = 16
  private static let firstChunk = "blocks.0.0.attn.qkv.weight"

  /// A block in a chunk: `head` ends in `blocks.`.
  private struct Place {
    var head: Substring
    var chunk: Int
    var inner: Int
    var rest: Substring
  }

  private static func place(_ name: String, _ heads: Set<Substring>) -> Place? {
    guard let head = heads.first(where: { name.hasPrefix($0) }) else { return nil }
    let pieces = name.dropFirst(head.count).split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard pieces.count == 3, let chunk = number(pieces[0]), let inner = number(pieces[1]) else { return nil }
    return Place(head: head, chunk: chunk, inner: inner, rest: pieces[2])
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.count <= 6, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(text)
  }

  /// DINOv2 counts blocks through all chunks; other code counts within each. Both are told by the numbers.
  private static func renumber(_ names: inout [String], _ notes: inout [String]) throws {
    let heads = Set(
      names.filter { name in
        name.hasSuffix(firstChunk) && (name.count == firstChunk.count || name.dropLast(firstChunk.count).hasSuffix("."))
      }
      .map { $0.dropLast(firstChunk.count - "blocks.".count) })
    guard !heads.isEmpty else { return }
    // More than a few are no model, and would cost their number times that of the names.
    guard heads.count <= headLimit else {
      throw CheckpointLayoutError.ambiguous(prefixes: heads.map { String($0.dropLast("blocks.".count)) }.sorted())
    }
    let places = names.map { place($0, heads) }
    for head in heads.sorted() {
      let pairs = Set(places.compactMap { $0?.head == head ? [$0?.chunk ?? 0, $0?.inner ?? 0] : nil })
        .sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
      let counted = Array(pairs.indices)
      var numbers: [[Int]: Int] = [:]
      if pairs.map({ $0[1] }) == counted {
        for pair in pairs { numbers[pair] = pair[1] }
      } else {
        let chunks = Dictionary(grouping: pairs) { $0[0] }
        let isPlain =
          chunks.keys.sorted() == Array(0..<chunks.count)
          && chunks.values.allSatisfy { $0.map { $0[1] } == Array(0..<$0.count) }
        guard isPlain else {
          throw CheckpointLayoutError.chunks(block: "\(head)", found: pairs.map { "\($0[0]).\($0[1])" })
        }
        for (index, pair) in pairs.enumerated() { numbers[pair] = index }
      }
      for (index, place) in places.enumerated() {
        guard let place, place.head == head, let number = numbers[[place.chunk, place.inner]] else { continue }
        names[index] = "\(head)\(number).\(place.rest)"
      }
      notes.append("the \(pairs.count) blocks of '\(head)', which are in chunks, are numbered throughout")
    }
  }
}
