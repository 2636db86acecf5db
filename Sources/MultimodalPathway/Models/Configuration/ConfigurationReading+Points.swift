// The object `m2pt.points` of a configuration file: the numbers of the tokenizer and of the head.

extension PointConfiguration {
  /// Keys of the heads, in the same object.
  private static let headKeys = [VisionTransformerConfiguration.HeadKind.pointClasses, .parts(PartConfiguration())]
    .reduce(into: Set<String>()) { $0.formUnion($1.pointKeys) }

  /// These numbers with those of a file in their place.
  ///
  /// - Throws: `ConfigurationError`, also for unknown keys.
  func reading(_ object: JSONObject) throws -> PointConfiguration {
    let known = Set(json.keys).union(Self.headKeys)
    for key in object.values.keys.sorted() where !known.contains(key) {
      throw ConfigurationError.unsupported(
        file: object.file, key: object.name(key), found: object.values[key]?.summary ?? "",
        supported: known.sorted().joined(separator: ", "))
    }
    var p = self
    p.points = try object.integer("points") ?? points
    p.groups = try object.integer("groups") ?? groups
    p.groupSize = try object.integer("group_size") ?? groupSize
    p.skipsOrigin = try object.boolean("skips_origin") ?? skipsOrigin
    p.encoderWidths = try object.integers("encoder_widths") ?? encoderWidths
    p.positionWidth = try object.integer("position_width") ?? positionWidth
    return p
  }

  /// What `reading` reads back.
  var json: [String: JSONValue] {
    [
      "points": .integer(points), "groups": .integer(groups), "group_size": .integer(groupSize),
      "skips_origin": .boolean(skipsOrigin), "encoder_widths": .integers(encoderWidths),
      "position_width": .integer(positionWidth),
    ]
  }
}

extension VisionTransformerConfiguration.HeadKind {
  /// This head with the numbers of `m2pt.points` in the place of its own. Earlier versions wrote the usual numbers of
  /// every head there: what belongs to another head than this one must be that.
  ///
  /// - Throws: `ConfigurationError`.
  func reading(points object: JSONObject) throws -> Self {
    for other in [Self.pointClasses, .parts(PartConfiguration())] {
      let usual = other.pointJSON
      for key in other.pointKeys.sorted() where !pointKeys.contains(key) {
        guard let found = object.values[key], found != usual[key] else { continue }
        throw ConfigurationError.unsupported(
          file: object.file, key: object.name(key), found: found.summary,
          supported: "\(pointKeys.sorted().joined(separator: ", ")) for this head")
      }
    }
    switch self {
    case .points(let hiddenWidths):
      return .points(hiddenWidths: try object.integers("head_widths") ?? hiddenWidths)
    case .parts(let numbers): return .parts(try numbers.reading(object))
    case .linear, .distilled, .pooler: return self
    }
  }

  /// Keys of `m2pt.points` that belong to this head.
  fileprivate var pointKeys: Set<String> {
    switch self {
    case .points: ["head_widths"]
    case .parts: ["feature_blocks", "category_width", "propagation_widths", "point_widths", "categories"]
    case .linear, .distilled, .pooler: []
    }
  }

  /// What `reading(points:)` reads back.
  var pointJSON: [String: JSONValue] {
    switch self {
    case .points(let hiddenWidths): ["head_widths": .integers(hiddenWidths)]
    case .parts(let numbers): numbers.json
    case .linear, .distilled, .pooler: [:]
    }
  }
}

extension PartConfiguration {
  fileprivate func reading(_ object: JSONObject) throws -> PartConfiguration {
    var p = self
    p.featureBlocks = try object.integers("feature_blocks") ?? featureBlocks
    p.categoryWidth = try object.integer("category_width") ?? categoryWidth
    p.propagationWidths = try object.integers("propagation_widths") ?? propagationWidths
    p.pointWidths = try object.integers("point_widths") ?? pointWidths
    p.categories = try Self.categories(object) ?? categories
    return p
  }

  private static func categories(_ object: JSONObject) throws -> [Category]? {
    guard let value = object.values["categories"] else { return nil }
    guard case .array(let items) = value else { throw object.badValue("categories", expected: "a list of objects") }
    return try items.enumerated().map { index, item in
      guard case .object(let members) = item else {
        throw object.badValue("categories", expected: "a list of objects {\"name\": ..., \"parts\": [...]}")
      }
      let entry = JSONObject(file: object.file, path: object.name("categories") + ".\(index).", values: members)
      let name = try entry.required("name", entry.string("name"))
      return Category(name: name, parts: try entry.integers("parts") ?? [])
    }
  }

  fileprivate var json: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "feature_blocks": .integers(featureBlocks), "category_width": .integer(categoryWidth),
      "point_widths": .integers(pointWidths),
      "categories": .array(categories.map { .object(["name": .string($0.name), "parts": .integers($0.parts)]) }),
    ]
    if let propagationWidths { members["propagation_widths"] = .integers(propagationWidths) }
    return members
  }
}
