/// The numbers and choices that make one vision transformer, with the meanings timm's `VisionTransformer` gives them.
///
/// Letters used throughout: B images, N tokens, C channels (`width`), H heads, D head size, M hidden width.
public struct VisionTransformerConfiguration: Sendable, Equatable {
  /// What the head reads of the final features.
  public enum Pooling: String, Sendable {
    /// The class token.
    case token
    /// Mean of the patch tokens.
    case mean = "avg"
    /// Half the sum of mean and maximum of the patch tokens.
    case averageMaximum = "avgmax"
    /// Maximum of the patch tokens.
    case maximum = "max"
  }

  /// Which of Q, K and V have a bias.
  public enum QKVBias: Sendable {
    case none
    /// `attn.qkv.bias`, (3C).
    case full
    /// `attn.q_bias` and `attn.v_bias`, (C) each; K has none (BEiT, VideoMAE).
    case queryAndValue
  }

  /// timm's name, without a tag.
  public var architecture: String
  public var imageSize: Extent
  public var patchSize: Extent
  public var channels = 3
  public var width: Int
  public var depth: Int
  public var heads: Int
  public var hiddenWidth: Int
  public var hasClassToken = true
  public var registerTokens = 0
  /// Whether `pos_embed` has rows for class and register tokens too (timm: `not no_embed_class`).
  public var positionCoversPrefix = true
  public var pooling = Pooling.token
  /// LayerNorm before the first block (`norm_pre`), as in CLIP.
  public var hasPreNorm = false
  /// LayerNorm after pooling (`fc_norm`) instead of before (`norm`).
  public var normalizesAfterPooling = false
  public var hasLayerScale = false
  public var qkvBias = QKVBias.full
  public var epsilon: Float = 1e-6
  /// Classes of the head; 0: no head, logits are the pooled features.
  public var classCount = 1000
  /// Class names, in order, where the configuration file has them.
  public var labels: [String]?

  /// The largest C; beyond any model, and small enough that no product of sizes overflows.
  public static let largestWidth = 1 << 14

  /// - Parameter hiddenWidth: M; absent: 4 C.
  public init(
    architecture: String, imageSize: Extent, patchSize: Extent, width: Int, depth: Int, heads: Int,
    hiddenWidth: Int? = nil
  ) {
    self.architecture = architecture
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.width = width
    self.depth = depth
    self.heads = heads
    // Wrapping: `validate` refuses such a width, and must be reached to do so.
    self.hiddenWidth = hiddenWidth ?? width &* 4
  }

  /// D: channels of a head.
  public var headSize: Int { width / heads }
  /// Patches down and across.
  public var grid: Extent { Extent(height: imageSize.height / patchSize.height, width: imageSize.width / patchSize.width) }
  /// Tokens before the patches: class token, then registers.
  public var prefixTokens: Int { (hasClassToken ? 1 : 0) + registerTokens }
  /// N: tokens of an image.
  public var tokenCount: Int { prefixTokens + grid.height * grid.width }
  /// Values of a flattened patch: channels x patch height x patch width.
  public var patchValues: Int { channels * patchSize.height * patchSize.width }

  /// Checks that the numbers make a transformer that fits memory's arithmetic.
  ///
  /// - Throws: `ConfigurationError.invalid`, naming the first number that does not fit.
  public func validate() throws {
    func require(_ holds: Bool, _ reason: @autoclosure () -> String) throws {
      if !holds { throw ConfigurationError.invalid(reason()) }
    }
    for (name, value, limit) in [
      ("img_size", imageSize.height, 1 << 14), ("img_size", imageSize.width, 1 << 14),
      ("patch_size", patchSize.height, 1 << 10), ("patch_size", patchSize.width, 1 << 10),
      ("in_chans", channels, 1 << 10), ("embed_dim", width, Self.largestWidth), ("depth", depth, 1 << 10),
      ("num_heads", heads, 1 << 10), ("hidden width", hiddenWidth, 1 << 16),
    ] {
      try require((1...limit).contains(value), "\(name) is \(value), expected 1...\(limit)")
    }
    try require(width % heads == 0, "embed_dim \(width) is not a multiple of num_heads \(heads)")
    try require(headSize <= 256, "head size \(headSize) is over 256; use more heads")
    try require(
      imageSize.height >= patchSize.height && imageSize.width >= patchSize.width,
      "the image (\(imageSize.height) x \(imageSize.width)) is smaller than a patch")
    try require((0...1024).contains(registerTokens), "reg_tokens is \(registerTokens), expected 0...1024")
    try require((0...1 << 20).contains(classCount), "num_classes is \(classCount), expected 0...1048576")
    try require(pooling != .token || hasClassToken, "global_pool is 'token' but there is no class token")
    try require(epsilon > 0 && epsilon < 1, "the LayerNorm epsilon is \(epsilon), expected between 0 and 1")
    if let labels {
      try require(labels.count == classCount, "\(labels.count) label names for \(classCount) classes")
    }
  }
}

/// Why a configuration cannot be used.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  case invalid(String)
  case unknownArchitecture(String, nearest: [String])
  case malformed(file: String, reason: String)
  case unsupported(file: String, feature: String)

  public var description: String {
    switch self {
    case .invalid(let reason): "the configuration is not possible: \(reason)"
    case .unknownArchitecture(let name, let nearest):
      "architecture '\(name)' is not known; did you mean \(nearest.joined(separator: ", "))?"
    case .malformed(let file, let reason): "\(file): \(reason)"
    case .unsupported(let file, let feature): "\(file): \(feature) is not supported by this engine"
    }
  }
}
