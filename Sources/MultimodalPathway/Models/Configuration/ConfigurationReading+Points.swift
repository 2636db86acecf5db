// The object `m2pt.points` of a configuration file.

extension PointConfiguration {
  /// These numbers with those of a file in their place.
  ///
  /// - Throws: `ConfigurationError`, also for keys that are not known.
  func reading(_ object: JSONObject) throws -> PointConfiguration {
    let known = [
      "points", "groups", "group_size", "skips_origin", "encoder_widths", "position_width", "head_widths",
      "feature_blocks", "category_width", "propagation_widths", "point_widths", "categories",
    ]
    for key in object.values.keys.sorted() where !known.contains(key) {
      throw ConfigurationError.unsupported(
        file: object.file, key: object.name(key), found: object.values[key]?.summary ?? "",
        supported: known.joined(separator: ", "))
    }
    func numbers(_ key: String) throws -> [Int]? {
      guard let value = object.values[key] else { return nil }
      guard case .array(let items) = value else { throw object.badValue(key, expected: "a list of whole numbers") }
      return try object.integers(key, count: items.count)
    }
    var p = self
    p.points = try object.integer("points") ?? points
    p.groups = try object.integer("groups") ?? groups
    p.groupSize = try object.integer("group_size") ?? groupSize
    p.skipsOrigin = try object.boolean("skips_origin") ?? skipsOrigin
    p.encoderWidths = try numbers("encoder_widths") ?? encoderWidths
    p.positionWidth = try object.integer("position_width") ?? positionWidth
    p.headWidths = try numbers("head_widths") ?? headWidths
    p.featureBlocks = try numbers("feature_blocks") ?? featureBlocks
    p.categoryWidth = try object.integer("category_width") ?? categoryWidth
    p.propagationWidths = try numbers("propagation_widths") ?? propagationWidths
    p.pointWidths = try numbers("point_widths") ?? pointWidths
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
      guard case .array(let parts)? = entry.values["parts"] else { return Category(name: name) }
      return Category(name: name, parts: try entry.integers("parts", count: parts.count) ?? [])
    }
  }

  /// What `reading` reads back.
  var json: JSONValue {
    func numbers(_ values: [Int]) -> JSONValue { .array(values.map(JSONValue.integer)) }
    var members: [String: JSONValue] = [
      "points": .integer(points), "groups": .integer(groups), "group_size": .integer(groupSize),
      "skips_origin": .boolean(skipsOrigin), "encoder_widths": numbers(encoderWidths),
      "position_width": .integer(positionWidth), "head_widths": numbers(headWidths),
      "feature_blocks": numbers(featureBlocks), "category_width": .integer(categoryWidth),
      "point_widths": numbers(pointWidths),
      "categories": .array(
        categories.map { .object(["name": .string($0.name), "parts": numbers($0.parts)]) }),
    ]
    if let propagationWidths { members["propagation_widths"] = numbers(propagationWidths) }
    return .object(members)
  }
}
