/// The numbers of a point transformer in addition to those of its blocks (Point-MAE; Pang et al. 2022, arXiv
/// 2203.06604).
///
/// Letters: P points of a cloud, G groups, K neighbours of a group's centre. A group is a token; a class token may
/// stand before them.
public struct PointConfiguration: Sendable, Equatable {
  /// A kind of object and the parts that it can have: part segmentation is told the one and answers with the other.
  public struct Category: Sendable, Equatable {
    /// The kind's name.
    public var name: String
    /// Classes of the head that belong to it; empty: all may.
    public var parts: [Int]

    /// A kind of object; without parts, all classes may belong to it.
    public init(name: String, parts: [Int] = []) {
      self.name = name
      self.parts = parts
    }
  }

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
  /// Channels of the class head before its last layer.
  public var headWidths = [256, 256]

  // MARK: - Part segmentation

  /// Blocks whose outputs the per-point head reads.
  public var featureBlocks = [3, 7, 11]
  /// Channels of the category's embedding.
  public var categoryWidth = 64
  /// Channels of feature propagation's two layers; absent: 4C and 1,024.
  public var propagationWidths: [Int]?
  /// Channels of the per-point MLP before its last layer.
  public var pointWidths = [512, 256]
  /// The kinds of objects that a per-point head knows, by index; empty for other heads.
  public var categories: [Category] = []

  /// The numbers of Point-MAE's models of 1,024 points.
  public init() {}

  /// `skipsOrigin` as the squared distance up to which points are left out.
  var excludedNorm: Float { skipsOrigin ? 1e-3 : -1 }

  func propagation(width: Int) -> [Int] { propagationWidths ?? [4 * width, 1024] }

  /// ShapeNetPart's 16 categories and 50 parts (Yi et al. 2016), in the order of its published models.
  public static let shapeNetPart: [Category] = {
    let counts = [
      ("Airplane", 4), ("Bag", 2), ("Cap", 2), ("Car", 4), ("Chair", 4), ("Earphone", 3), ("Guitar", 3), ("Knife", 2),
      ("Lamp", 4), ("Laptop", 2), ("Motorbike", 6), ("Mug", 2), ("Pistol", 3), ("Rocket", 3), ("Skateboard", 3),
      ("Table", 3),
    ]
    var next = 0
    return counts.map { name, count in
      defer { next += count }
      return Category(name: name, parts: Array(next..<next + count))
    }
  }()
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
    for (key, widths, count) in [
      ("encoder_widths", encoderWidths, 3...3), ("position_width", [positionWidth], 1...1),
      ("head_widths", headWidths, 0...8), ("category_width", [categoryWidth], 1...1),
      ("propagation_widths", propagation(width: c.width), 2...2), ("point_widths", pointWidths, 2...2),
    ] {
      try require(
        count.contains(widths.count) && widths.allSatisfy { (1...1 << 16).contains($0) }, key, widths,
        "\(count.upperBound) numbers of 1...65536")
    }
    try require(c.channels == 3, "in_chans", c.channels, "3 coordinates")
    try require(c.registerTokens == 0, "reg_tokens", c.registerTokens, "0")
    try require(!c.hasPreNorm, "pre_norm", true, "false")
    try require(c.hasFinalNorm && !c.normalizesAfterPooling, "fc_norm", true, "false: the norm comes before the head")
    guard c.task == .perPoint else { return }
    try require(!c.hasClassToken, "class_token", true, "false for a per-point head")
    try require(c.classCount > 0, "num_classes", c.classCount, "at least one part for a per-point head")
    try require(
      !featureBlocks.isEmpty && featureBlocks.count <= 16 && featureBlocks == Array(Set(featureBlocks)).sorted()
        && featureBlocks.allSatisfy { (0..<c.depth).contains($0) },
      "feature_blocks", featureBlocks, "up to 16 ascending numbers of blocks, 0...\(c.depth - 1)")
    try require(groups >= 3, "groups", groups, "at least 3: features come from the 3 nearest")
    try require((1...1 << 10).contains(categories.count), "categories", categories.count, "1...1024 of them")
    for category in categories {
      try require(
        category.parts.allSatisfy { (0..<c.classCount).contains($0) }, "categories", category.parts,
        "parts 0...\(c.classCount - 1)")
    }
  }
}
