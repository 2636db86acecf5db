// timm's architectures that are plain vision transformers with the exact GELU, by name. Names are built from their
// parts: family _ patchP _ variant _ image, as in vit_base_patch16_clip_224; the numbers are those of timm 1.0.31.

extension VisionTransformerConfiguration {
  /// timm's names that this engine knows, in alphabetical order.
  public static let architectures: [String] = table.keys.sorted()

  /// The configuration of a timm architecture name, or of one of AudioMAE's (Presets+Audio.swift). A `.tag` after it
  /// chooses among timm's weights of that name: their image size and number of classes.
  ///
  /// - Throws: `ConfigurationError.unknownArchitecture` with the nearest names, `.unknownTag` with the known ones.
  public static func preset(_ architecture: String) throws -> VisionTransformerConfiguration {
    let name = String(architecture.prefix { $0 != "." })
    if let preset = table[name] ?? audioPresets[name] ?? pointTable[name] { return try preset.tagged(architecture) }
    throw ConfigurationError.unknownArchitecture(
      architecture, nearest: nearest(to: name, among: architectures + pointTable.keys))
  }

  /// This architecture as the weights of `NAME.TAG` have it.
  private func tagged(_ architecture: String) throws -> VisionTransformerConfiguration {
    guard architecture.contains("."), let recipe = try TimmRecipe.named(architecture) else { return self }
    var c = self
    (c.tag, c.imageSize, c.classCount) = (recipe.tag, recipe.preprocessing.size, recipe.classCount)
    return c
  }

  private struct Family {
    let name: String
    let width: Int
    let depth: Int
    let heads: Int
    /// Absent: four times the width.
    var hidden: Int?
  }

  /// What distinguishes the architectures of a family beside patch and image.
  private enum Variant {
    case plain
    case layerScale(String)
    /// LayerNorm before the blocks and epsilon 1e-5.
    case clip
    /// 518 pixels, LayerScale, no head; registers stand outside the position embedding.
    case dinov2(registers: Int)
    /// LayerScale, and a class token outside the position embedding.
    case deit3
    /// Mean of the patch tokens, no class token; `norm` before pooling.
    case gap
    /// The same with LayerScale and no qkv bias.
    case gapLayerScale
    /// Mean of the patch tokens, registers outside the position embedding, `fc_norm`.
    case registers(Int, layerScale: Bool)
    case so150m
    case so150m2
    case miil

    /// Between patch and image in the name.
    var infix: String {
      switch self {
      case .plain, .deit3, .miil: ""
      case .layerScale(let name): name.isEmpty ? "" : "_\(name)"
      case .clip: "_clip"
      case .dinov2(let registers): registers == 0 ? "_dinov2" : "_reg\(registers)_dinov2"
      case .gap, .gapLayerScale: "_gap"
      case .registers(let count, _): "_reg\(count)_gap"
      case .so150m: "_reg4_gap"
      case .so150m2: "_reg1_gap"
      }
    }

    func apply(to c: inout VisionTransformerConfiguration) {
      switch self {
      case .plain: break
      case .layerScale: c.hasLayerScale = true
      case .clip:
        c.hasPreNorm = true
        c.epsilon = 1e-5
      case .dinov2(let registers):
        c.hasLayerScale = true
        c.classCount = 0
        c.registerTokens = registers
        c.positionCoversPrefix = registers == 0
      case .deit3:
        c.hasLayerScale = true
        c.positionCoversPrefix = false
      case .gap, .gapLayerScale:
        c.hasClassToken = false
        c.pooling = .mean
        if case .gapLayerScale = self {
          c.hasLayerScale = true
          c.qkvBias = .none
        }
      case .registers(let count, let layerScale):
        c.hasClassToken = false
        c.pooling = .mean
        c.normalizesAfterPooling = true
        c.registerTokens = count
        c.positionCoversPrefix = false
        c.hasLayerScale = layerScale
      case .so150m:
        c.hasClassToken = false
        c.pooling = .mean
        c.registerTokens = 4
      case .so150m2:
        c.hasClassToken = false
        c.pooling = .mean
        c.normalizesAfterPooling = true
        c.registerTokens = 1
        c.hasLayerScale = true
        c.qkvBias = .none
      case .miil: c.qkvBias = .none
      }
    }
  }

  private static let table: [String: VisionTransformerConfiguration] = {
    var table: [String: VisionTransformerConfiguration] = [:]
    /// Images with the number of classes that timm's usual weights have.
    func add(_ family: Family, _ patch: Int, _ variant: Variant, _ images: [Int: Int], suffix: String = "") {
      for (image, classes) in images {
        var size = "_\(image)"
        if case .dinov2 = variant { size = "" }
        let name = "\(family.name)_patch\(patch)\(variant.infix)\(size)\(suffix)"
        var c = VisionTransformerConfiguration(
          architecture: name, imageSize: Extent(square: image), patchSize: Extent(square: patch), width: family.width,
          depth: family.depth, heads: family.heads, hiddenWidth: family.hidden)
        c.classCount = classes
        variant.apply(to: &c)
        table[name] = c
      }
    }
    let tiny = Family(name: "vit_tiny", width: 192, depth: 12, heads: 3)
    let small = Family(name: "vit_small", width: 384, depth: 12, heads: 6)
    let medium = Family(name: "vit_medium", width: 512, depth: 12, heads: 8)
    let base = Family(name: "vit_base", width: 768, depth: 12, heads: 12)
    let large = Family(name: "vit_large", width: 1024, depth: 24, heads: 16)
    let huge = Family(name: "vit_huge", width: 1280, depth: 32, heads: 16)
    let giant = Family(name: "vit_giant", width: 1408, depth: 40, heads: 16, hidden: 6144)
    let gigantic = Family(name: "vit_gigantic", width: 1664, depth: 48, heads: 16, hidden: 8192)

    add(tiny, 16, .plain, [224: 1000, 384: 1000])
    add(small, 8, .plain, [224: 0])
    add(small, 16, .plain, [224: 1000, 384: 1000])
    add(small, 32, .plain, [224: 1000, 384: 1000])
    add(base, 8, .plain, [224: 1000])
    add(base, 16, .plain, [224: 1000, 384: 1000])
    add(base, 32, .plain, [224: 1000, 384: 1000])
    add(base, 16, .miil, [224: 11221], suffix: "_miil")
    add(large, 14, .plain, [224: 1000])
    add(large, 16, .plain, [224: 1000, 384: 1000])
    add(large, 32, .plain, [224: 0, 384: 1000])
    add(huge, 14, .plain, [224: 0])
    add(giant, 14, .plain, [224: 1000])
    add(gigantic, 14, .plain, [224: 1000])

    for family in [small, base, large] {
      add(family, 14, .dinov2(registers: 0), [518: 0])
      add(family, 14, .dinov2(registers: 4), [518: 0])
    }

    add(Family(name: "vit_xsmall", width: 256, depth: 10, heads: 4), 16, .clip, [224: 512])
    add(medium, 16, .clip, [224: 512])
    add(medium, 32, .clip, [224: 512])
    add(Family(name: "vit_betwixt", width: 640, depth: 12, heads: 10), 32, .clip, [224: 512])
    add(base, 16, .clip, [224: 1000, 384: 1000])
    add(base, 32, .clip, [224: 1000, 256: 512, 384: 1000, 448: 1000])
    add(large, 14, .clip, [224: 1000, 336: 1000])
    add(huge, 14, .clip, [224: 1000, 336: 1000, 378: 1024])
    add(giant, 14, .clip, [224: 1024])
    add(gigantic, 14, .clip, [224: 1280, 378: 1280])

    let deit = ["tiny": tiny, "small": small, "base": base]
    for (name, f) in deit {
      add(
        Family(name: "deit_\(name)", width: f.width, depth: f.depth, heads: f.heads), 16, .plain,
        name == "base" ? [224: 1000, 384: 1000] : [224: 1000])
    }
    for (name, f, patch, images) in [
      ("small", small, 16, [224, 384]), ("medium", medium, 16, [224]), ("base", base, 16, [224, 384]),
      ("large", large, 16, [224, 384]), ("huge", huge, 14, [224]),
    ] {
      add(
        Family(name: "deit3_\(name)", width: f.width, depth: f.depth, heads: f.heads), patch, .deit3,
        Dictionary(uniqueKeysWithValues: images.map { ($0, 1000) }))
    }

    let plus = Family(name: "vit_base", width: 896, depth: 12, heads: 14)
    add(plus, 16, .layerScale("plus"), [240: 1000])
    add(plus, 32, .layerScale("plus"), [256: 1000])
    add(Family(name: "vit_small", width: 384, depth: 36, heads: 6), 16, .layerScale("36x1"), [224: 1000])

    let betwixt = Family(name: "vit_betwixt", width: 640, depth: 12, heads: 10)
    add(Family(name: "vit_base", width: 768, depth: 12, heads: 16), 16, .gap, [224: 1000])
    add(huge, 14, .gap, [224: 0])
    add(huge, 16, .gap, [448: 0])
    add(giant, 16, .gap, [224: 0])
    add(medium, 16, .gapLayerScale, [240: 11821, 256: 1000, 384: 1000])
    add(betwixt, 16, .gapLayerScale, [256: 1000])
    add(base, 16, .registers(4, layerScale: false), [256: 1000])
    for (family, registers, images) in [
      (Family(name: "vit_wee", width: 256, depth: 14, heads: 4, hidden: 1280), 1, [256]),
      (Family(name: "vit_little", width: 320, depth: 14, heads: 5, hidden: 1792), 1, [256]),
      (Family(name: "vit_little", width: 320, depth: 14, heads: 5, hidden: 1792), 4, [256]),
      (medium, 1, [256]), (medium, 4, [256]), (betwixt, 1, [256]), (betwixt, 4, [256, 384]),
      (Family(name: "vit_mediumd", width: 512, depth: 20, heads: 8), 4, [256, 384]),
    ] {
      add(
        family, 16, .registers(registers, layerScale: true),
        Dictionary(uniqueKeysWithValues: images.map { ($0, 1000) }))
    }
    add(Family(name: "vit_so150m", width: 896, depth: 18, heads: 14, hidden: 2304), 16, .so150m, [256: 1000, 384: 1000])
    add(
      Family(name: "vit_so150m2", width: 832, depth: 21, heads: 13, hidden: 2176), 16, .so150m2,
      [256: 1000, 384: 1000, 448: 1000])
    return table
  }()
}
