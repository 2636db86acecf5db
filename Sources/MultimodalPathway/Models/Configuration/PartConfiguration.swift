/// The numbers of a head that names a part for every point of a cloud (Point-MAE's model for ShapeNetPart).
public struct PartConfiguration: Sendable, Equatable {
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

    /// The parts that it can have, of a head of `classCount`.
    public func parts(of classCount: Int) -> [Int] { parts.isEmpty ? Array(0..<classCount) : parts }
  }

  /// Blocks whose outputs the head reads.
  public var featureBlocks = [3, 7, 11]
  /// Channels of the category's embedding.
  public var categoryWidth = 64
  /// Channels of feature propagation's two layers; absent: 4C and 1,024.
  public var propagationWidths: [Int]?
  /// Channels of the per-point MLP before its last layer.
  public var pointWidths = [512, 256]
  /// The kinds of objects that the head knows, by index.
  public var categories: [Category] = []

  /// Point-MAE's numbers, without categories.
  public init() {}

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

extension PartConfiguration {
  /// - Throws: `ConfigurationError.invalid`, keys as in `config.json`.
  func validate(_ c: VisionTransformerConfiguration) throws {
    func require(_ holds: Bool, _ key: String, _ found: Any, _ expected: @autoclosure () -> String) throws {
      if !holds { throw ConfigurationError.invalid(key: key, found: "\(found)", expected: expected()) }
    }
    try PointConfiguration.validate(widths: [
      ("category_width", [categoryWidth], 1...1), ("propagation_widths", propagation(width: c.width), 2...2),
      ("point_widths", pointWidths, 2...2),
    ])
    try require(!c.hasClassToken, "class_token", true, "false for a per-point head")
    try require(c.classCount > 0, "num_classes", c.classCount, "at least one part for a per-point head")
    try require(
      !featureBlocks.isEmpty && featureBlocks.count <= 16 && featureBlocks == Array(Set(featureBlocks)).sorted()
        && featureBlocks.allSatisfy { (0..<c.depth).contains($0) },
      "points.feature_blocks", featureBlocks, "up to 16 ascending numbers of blocks, 0...\(c.depth - 1)")
    try require(
      (1...1 << 10).contains(categories.count), "points.categories", categories.count, "1...1024 of them")
    for category in categories {
      try require(
        category.parts.allSatisfy { (0..<c.classCount).contains($0) }, "points.categories", category.parts,
        "parts 0...\(c.classCount - 1)")
    }
  }
}
