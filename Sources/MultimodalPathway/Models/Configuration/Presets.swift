// timm's architectures that are plain vision transformers with the exact GELU, by name; TimmArchitectures.swift has the
// data, read off timm's own models.

extension VisionTransformerConfiguration {
  /// timm's names that this engine knows, in alphabetical order.
  public static let architectures: [String] = table.keys.sorted()

  /// The configuration of a timm architecture name, or of one of AudioMAE's (Presets+Audio.swift) or Point-MAE's.
  ///
  /// timm's prefixes of names (`timm/`, `hf_hub:timm/`, `hf-hub:timm/`) are ignored; names of timm before 0.9 are those
  /// of today. A `.tag` after the name chooses among timm's weights of that name: their image size and number of
  /// classes.
  ///
  /// - Throws: `ConfigurationError.lacking` where timm has the name and its model needs what this engine lacks;
  ///   `.unknownArchitecture` with the nearest names; `.unknownTag` with the known ones.
  public static func preset(_ architecture: String) throws -> VisionTransformerConfiguration {
    let name = timmName(architecture).name
    if let preset = table[name] ?? audioPresets[name] ?? pointTable[name] { return try preset.tagged(architecture) }
    if let features = refused[name] { throw ConfigurationError.lacking(architecture: name, features: features) }
    throw ConfigurationError.unknownArchitecture(
      architecture, nearest: nearest(to: name, among: architectures + pointTable.keys))
  }

  /// A name as timm's `create_model` takes it, in its parts: `hf_hub:timm/vit_base_patch16_224.augreg_in21k` is
  /// vit_base_patch16_224 with the tag augreg_in21k.
  static func timmName(_ architecture: String) -> (name: String, tag: String?) {
    var rest = Substring(architecture)
    for scheme in ["hf_hub:", "hf-hub:"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    if rest.hasPrefix("timm/") { rest = rest.dropFirst("timm/".count) }
    let parts = (renamed[String(rest)].map { Substring($0) } ?? rest).split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false
    ).map(String.init)
    return (parts.first ?? "", parts.count > 1 ? parts[1] : nil)
  }

  /// This architecture as the weights of `NAME.TAG` have it.
  private func tagged(_ architecture: String) throws -> VisionTransformerConfiguration {
    guard Self.timmName(architecture).tag != nil, let recipe = try TimmRecipe.named(architecture) else { return self }
    var c = self
    (c.tag, c.imageSize, c.classCount) = (recipe.tag, recipe.preprocessing.size, recipe.classCount)
    c.vocabulary = c.knownVocabulary(architecture: architecture, tag: nil, ofAnyTag: false)
    return c
  }

  /// What names of timm before 0.9 are called now.
  private static let renamed: [String: String] =
    TimmArchitectures.renamed.split(separator: "\n").reduce(into: [:]) { names, line in
      let words = line.split(separator: " ").map(String.init)
      if words.count == 2 { names[words[0]] = words[1] }
    }

  private static let table: [String: VisionTransformerConfiguration] =
    TimmArchitectures.plain.split(separator: "\n").reduce(into: [:]) { table, line in
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().prefix(7).compactMap { Int($0) }
      guard let name = words.first.map(String.init), numbers.count == 7 else { return }
      var c = VisionTransformerConfiguration(
        architecture: name, imageSize: Extent(square: numbers[0]), patchSize: Extent(square: numbers[1]),
        width: numbers[2], depth: numbers[3], heads: numbers[4], hiddenWidth: numbers[5])
      c.classCount = numbers[6]
      for word in words.dropFirst(8) { c.apply(word) }
      table[name] = c
    }

  /// One departure from a plain ViT; a word that is not known would show in the comparison with timm's models.
  private mutating func apply(_ word: Substring) {
    let parts = word.split(separator: "=", maxSplits: 1)
    let value = parts.count > 1 ? String(parts[1]) : ""
    switch parts.first {
    case "distilled": makeDistilled()
    case "pool": pooling = Pooling(rawValue: value) ?? pooling
    case "no-class-token": hasClassToken = false
    case "registers": registerTokens = Int(value) ?? 0
    case "positions-of-patches": positionCoversPrefix = false
    case "layer-scale": hasLayerScale = true
    case "no-qkv-bias": qkvBias = .none
    case "pre-norm": hasPreNorm = true
    case "fc-norm": normalizesAfterPooling = true
    case "no-norm": hasFinalNorm = false
    case "epsilon": epsilon = Float(value) ?? epsilon
    default: break
    }
  }

  /// What the engine lacks for a model of timm, by its name.
  static let refused: [String: String] =
    TimmArchitectures.refused.split(separator: "\n").reduce(into: [:]) { names, line in
      guard let colon = line.lastIndex(of: ":") else { return }
      for name in line[line.index(after: colon)...].split(separator: " ") {
        names[String(name)] = String(line[..<colon])
      }
    }
}
