import PathwayCheckpoints

/// A checkpoint's tensors under timm's names, and where each came from.
public struct RenamedTensors: Sendable {
  /// Tensors by timm's names; other names stay, without the prefix.
  public var tensors: [String: Tensor] = [:]
  /// The origin's names by timm's: one where a tensor was only renamed, several where tensors were put together.
  public var sources: [String: [String]] = [:]
  /// The origin's names of what a model has no use for.
  public var dropped: [String] = []
}

extension CheckpointLayout {
  /// All `tensors` under timm's names as far as this layout has them; other names stay, without `prefix`.
  ///
  /// Pure: tensors are views, and only what has to be joined (query, key and value; DINOv2's class token and its
  /// position; M2PT's two branches) is copied, as float32. A missing bias of query, key or value next to a present one
  /// is zeros: Whisper's key has none.
  ///
  /// - Throws: `CheckpointLayoutError`; `CheckpointError.notFloatingPoint`.
  public func renamed(_ tensors: [String: Tensor], prefix: String = "") throws -> [String: Tensor] {
    try renaming(tensors, prefix: prefix).tensors
  }

  /// The same with an account of it; names in it are sorted.
  ///
  /// - Throws: as `renamed`.
  public func renaming(_ tensors: [String: Tensor], prefix: String = "") throws -> RenamedTensors {
    var result = RenamedTensors()
    var parts: [String: [(source: String, tensor: Tensor)?]] = [:]
    func add(_ name: String, _ source: String, _ tensor: Tensor) throws {
      if let others = result.sources[name] {
        throw CheckpointLayoutError.duplicate(name: name, sources: (others + [source]).sorted())
      }
      result.tensors[name] = tensor
      result.sources[name] = [source]
    }
    for (source, tensor) in tensors {
      let name = source.hasPrefix(prefix) ? String(source.dropFirst(prefix.count)) : source
      if drops(name, after: prefix, of: source) {
        result.dropped.append(source)
        continue
      }
      guard let (block, rest) = Self.split(name, after: names.block) else {
        try add(Self.rename(name, names.outside) ?? name, source, tensor)
        continue
      }
      let (module, parameter) = Self.module(rest)
      if let slot = names.qkv.firstIndex(of: module) {
        let target = "blocks.\(block).attn.qkv\(parameter)"
        if let other = parts[target]?[slot]?.source {
          throw CheckpointLayoutError.duplicate(name: "a part of \(target)", sources: [other, source].sorted())
        }
        parts[target, default: [nil, nil, nil]][slot] = (source, tensor)
      } else if let target = Self.rename(rest, names.inBlock) {
        try add("blocks.\(block).\(target)", source, tensor)
      } else {
        try add(name, source, tensor)
      }
    }
    for (name, three) in parts {
      try add(name, name, Self.stacked(three.map { $0?.tensor }, name: name, names))
      result.sources[name] = three.compactMap { $0?.source }
    }
    if [.m2pt, .pointMAE].contains(self) { try Self.fold(&result) }
    try Self.splitRegisters(&result)
    try Self.nameHeads(&result)
    result.dropped.sort()
    return result
  }

  /// Whether a model has no use for a tensor: `name` is what remains of `source` without `prefix`.
  func drops(_ name: String, after prefix: String, of source: String) -> Bool {
    if names.droppedEndings.contains(where: { name.hasSuffix($0) }) { return true }
    let outer = Self.outerPrefixes(of: prefix)
    return names.dropped.contains { start in
      name.hasPrefix(start) || outer.contains { source.hasPrefix($0 + start) }
    }
  }

  /// "blocks.12.attn.proj.weight" after "blocks." is 12 and "attn.proj.weight".
  private static func split(_ name: String, after block: String) -> (block: Int, rest: String)? {
    guard name.hasPrefix(block) else { return nil }
    let pieces = name.dropFirst(block.count).split(separator: ".", maxSplits: 1)
    guard pieces.count == 2, pieces[0].utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(pieces[0]) else {
      return nil
    }
    return (number, String(pieces[1]))
  }

  /// A name as its module and ".weight" or ".bias", where it ends so.
  private static func module(_ name: String) -> (String, parameter: String) {
    for parameter in [".weight", ".bias"] where name.hasSuffix(parameter) {
      return (String(name.dropLast(parameter.count)), parameter)
    }
    return (name, "")
  }

  private static func rename(_ name: String, _ names: [String: String]) -> String? {
    let (module, parameter) = module(name)
    return names[module].map { $0 + parameter }
  }

  /// Rows of query, key and value, one below the other, as float32.
  private static func stacked(_ parts: [Tensor?], name: String, _ names: LayoutNames) throws -> Tensor {
    let block = name.dropLast(name.hasSuffix(".weight") ? ".attn.qkv.weight".count : ".attn.qkv.bias".count)
    let sources = names.qkv.map { "\(names.block)\(block.dropFirst("blocks.".count)).\($0)" }
    guard let index = parts.firstIndex(where: { $0 != nil }), let some = parts[index] else {
      return Tensor([], shape: [0])
    }
    if name.hasSuffix(".weight"), let absent = parts.firstIndex(where: { $0 == nil }) {
      throw CheckpointLayoutError.missing(tensor: sources[absent] + ".weight", requiredBy: sources[index] + ".weight")
    }
    let shapes = parts.map { $0?.shape ?? some.shape }
    guard shapes.allSatisfy({ $0 == some.shape }), let rows = some.shape.first else {
      throw CheckpointLayoutError.shapes(tensors: sources, shapes: shapes)
    }
    let values = try parts.flatMap { try $0?.float32() ?? [Float](repeating: 0, count: some.count) }
    return Tensor(values, shape: [3 * rows] + some.shape.dropFirst())
  }

  /// DINOv2 with registers keeps a position for the class token but none for the registers, which stand between. timm's
  /// twin has positions for patches alone: the class token's is added to it once and for all.
  private static func splitRegisters(_ result: inout RenamedTensors) throws {
    let tensors = result.tensors
    guard let registers = tensors["register_tokens"] else { return }
    result.tensors["register_tokens"] = nil
    result.tensors["reg_token"] = registers
    result.sources["reg_token"] = result.sources.removeValue(forKey: "register_tokens")
    guard let token = tensors["cls_token"], let positions = tensors["pos_embed"], let width = token.shape.last,
      positions.shape.count == 3, positions.shape[0] == 1, positions.shape[1] > 1, positions.shape[2] == width,
      token.count == width
    else {
      throw CheckpointLayoutError.shapes(
        tensors: ["cls_token", "pos_embed"],
        shapes: [tensors["cls_token"]?.shape ?? [], tensors["pos_embed"]?.shape ?? []])
    }
    let all = try positions.float32()
    result.tensors["cls_token"] = Tensor(zip(try token.float32(), all).map { $0 + $1 }, shape: token.shape)
    result.tensors["pos_embed"] = Tensor(Array(all[width...]), shape: [1, positions.shape[1] - 1, width])
    result.sources["cls_token", default: []] += result.sources["pos_embed"] ?? []
  }
}
