extension VisionTransformerConfiguration {
  private struct Preset {
    let width: Int
    let depth: Int
    let heads: Int
  }

  private static let sizes = [
    "tiny": Preset(width: 192, depth: 12, heads: 3), "small": Preset(width: 384, depth: 12, heads: 6),
    "base": Preset(width: 768, depth: 12, heads: 12), "large": Preset(width: 1024, depth: 24, heads: 16),
  ]

  /// timm's names this engine knows by themselves.
  public static let architectures: [String] = {
    var names: [String] = []
    for size in ["tiny", "small", "base", "large"] {
      for image in [224, 384] {
        for patch in size == "tiny" ? [16] : [8, 16, 32] { names.append("vit_\(size)_patch\(patch)_\(image)") }
      }
      if size != "tiny" {
        names += ["vit_\(size)_patch14_dinov2", "vit_\(size)_patch14_reg4_dinov2"]
      }
    }
    return names
  }()

  /// The configuration of a timm architecture name; a `.tag` behind it is ignored.
  ///
  /// - Throws: `ConfigurationError.unknownArchitecture` with the nearest names.
  public static func preset(_ architecture: String) throws -> VisionTransformerConfiguration {
    let name = String(architecture.prefix { $0 != "." })
    let parts = name.split(separator: "_")
    guard architectures.contains(name), parts.count >= 4, let size = sizes[String(parts[1])],
      let patch = Int(parts[2].dropFirst("patch".count))
    else {
      throw ConfigurationError.unknownArchitecture(architecture, nearest: nearest(to: name, among: architectures))
    }
    let image = Int(parts[3]) ?? 518
    var configuration = VisionTransformerConfiguration(
      architecture: name, imageSize: Extent(height: image, width: image), patchSize: Extent(height: patch, width: patch),
      width: size.width, depth: size.depth, heads: size.heads)
    if name.hasSuffix("dinov2") {
      configuration.hasLayerScale = true
      configuration.classCount = 0
      if name.contains("reg4") {
        configuration.registerTokens = 4
        configuration.positionCoversPrefix = false
      }
    }
    return configuration
  }
}

/// The three names of least edit distance (Levenshtein) to `name`, nearest first.
func nearest(to name: String, among names: [String]) -> [String] {
  let target = Array(name.utf8)
  func distance(_ other: [UInt8]) -> Int {
    var row = Array(0...other.count)
    for (i, a) in target.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in other.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(row[j] + 1, above + 1, diagonal + (a == b ? 0 : 1))
        diagonal = above
      }
    }
    return row[other.count]
  }
  return names.map { (distance(Array($0.utf8)), $0) }.sorted { $0 < $1 }.prefix(3).map(\.1)
}
