/// Intersection over union of the parts of objects, the measure of ShapeNetPart (Yi et al. 2016).
///
/// The value of an object is the mean over the parts of its category of |actual and predicted| / |actual or predicted|,
/// 1 for a part that occurs in neither.
public struct PartIntersection: Sendable, Equatable {
  /// Values of objects by category.
  private var values: [Int: [Double]] = [:]
  /// By category and part, the sum over objects of the part's share.
  private var sums: [Int: [Int: Double]] = [:]
  private var points = 0
  private var rightPoints = 0

  /// Without objects.
  public init() {}

  /// Counts an object with the actual and the predicted part of each of its points; one without `parts` is skipped.
  ///
  /// - Parameter parts: the parts of the object's category.
  /// - Throws: `DataError.predictionCount`; then the object is not counted.
  public mutating func note(category: Int, parts: [Int], actual: [Int], predicted: [Int]) throws {
    try DataError.check(predictions: predicted.count, labels: actual.count)
    guard !parts.isEmpty else { return }
    let shares = parts.map { part in
      let points = zip(actual, predicted)
      let union = points.count { $0 == part || $1 == part }
      return union == 0 ? 1 : Double(points.count { $0 == part && $1 == part }) / Double(union)
    }
    values[category, default: []].append(shares.reduce(0, +) / Double(parts.count))
    for (part, share) in zip(parts, shares) { sums[category, default: [:]][part, default: 0] += share }
    points += actual.count
    rightPoints += zip(actual, predicted).count { $0 == $1 }
  }

  /// Number of objects.
  public var count: Int { values.reduce(0) { $0 + $1.value.count } }

  /// The mean over all objects; NaN without objects.
  public var instanceMean: Double { Self.mean(values.sorted { $0.key < $1.key }.flatMap(\.value)) }

  /// The mean over categories of the mean over the objects of a category; NaN without objects.
  public var categoryMean: Double { Self.mean(values.sorted { $0.key < $1.key }.map { Self.mean($0.value) }) }

  /// Share of points of all objects whose predicted part is the actual one; NaN without points.
  public var pointAccuracy: Double { Double(rightPoints) / Double(points) }

  /// Number of objects of a category.
  public func count(ofCategory category: Int) -> Int { values[category]?.count ?? 0 }

  /// The mean over the objects of a category; nil without objects.
  public func mean(ofCategory category: Int) -> Double? { values[category].map(Self.mean) }

  /// The mean over the objects of a category of a part's |actual and predicted| / |actual or predicted|; nil without
  /// objects, or for a part of another category.
  public func mean(ofPart part: Int, category: Int) -> Double? {
    sums[category]?[part].map { $0 / Double(count(ofCategory: category)) }
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
