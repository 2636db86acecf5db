/// The numbers of a point transformer in addition to those of its blocks (Point-MAE; Pang et al. 2022, arXiv
/// 2203.06604).
///
/// Letters: P points of a cloud, G groups, K neighbours of a group's centre. A group is a token; a class token may
/// stand before them.
public struct PointConfiguration: Sendable, Equatable {
  /// P: points that a cloud is brought to.
  public var points = 1024
  /// G.
  public var groups = 64
  /// K.
  public var groupSize = 32
  /// Whether points within about 0.03 of the origin, x^2 + y^2 + z^2 <= 0.001, are no centres: the CUDA sampler that
  /// published models were trained with leaves them out.
  public var skipsOrigin = true
  /// Channels of the mini-PointNet before its last layer, which has C: 3 - [0] - [1] | max, concatenated - [2] - C.
  public var encoderWidths = [128, 256, 512]
  /// Channels between the two layers of the position's MLP.
  public var positionWidth = 128

  /// The numbers of Point-MAE's models of 1,024 points.
  public init() {}

  /// `skipsOrigin` as the squared distance up to which points are left out.
  var excludedNorm: Float { skipsOrigin ? 1e-3 : -1 }
}

extension PointConfiguration {
  /// - Throws: `ConfigurationError.invalid`, keys as in `config.json`.
  func validate(_ c: VisionTransformerConfiguration) throws {
    func require(_ holds: Bool, _ key: String, _ found: Any, _ expected: @autoclosure () -> String) throws {
      if !holds { throw ConfigurationError.invalid(key: "points." + key, found: "\(found)", expected: expected()) }
    }
    try require((1...1 << 20).contains(points), "points", points, "1...\(1 << 20)")
    try require((1...min(points, 1 << 14)).contains(groups), "groups", groups, "1...\(min(points, 1 << 14))")
    try require(
      (1...min(points, 1 << 10)).contains(groupSize), "group_size", groupSize, "1...\(min(points, 1 << 10))")
    try Self.validate(widths: [
      ("encoder_widths", encoderWidths, 3...3), ("position_width", [positionWidth], 1...1),
    ])
    try require(c.channels == 3, "in_chans", c.channels, "3 coordinates")
    try require(c.registerTokens == 0, "reg_tokens", c.registerTokens, "0")
    try require(!c.hasPreNorm, "pre_norm", true, "false")
    try require(c.hasFinalNorm && !c.normalizesAfterPooling, "fc_norm", true, "false: the norm comes before the head")
    switch c.head {
    case .points(let hiddenWidths): try Self.validate(widths: [("head_widths", hiddenWidths, 0...8)])
    case .parts(let parts):
      try parts.validate(c)
      try require(groups >= 3, "groups", groups, "at least 3: features come from the 3 nearest")
    case .linear, .distilled, .pooler: break
    }
  }

  /// - Throws: `ConfigurationError.invalid` for a list of channels that has another length, or other numbers than
  ///   channels can have.
  static func validate(widths lists: [(key: String, widths: [Int], count: ClosedRange<Int>)]) throws {
    for (key, widths, count) in lists
    where !count.contains(widths.count) || !widths.allSatisfy((1...1 << 16).contains) {
      throw ConfigurationError.invalid(
        key: "points." + key, found: "\(widths)", expected: "\(count.upperBound) numbers of 1...65536")
    }
  }
}
