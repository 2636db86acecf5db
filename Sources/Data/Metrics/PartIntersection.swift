/// Intersection over union of the parts of objects, the measure of ShapeNetPart (Yi et al. 2016).
///
/// The value of an object is the mean over the parts of its category of |actual and predicted| / |actual or predicted|,
/// 1 for a part that occurs in neither.
public struct PartIntersection: Sendable {
  /// Values of objects by category.
  private var values: [Int: [Double]] = [:]

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
  }

  /// The mean over all objects; NaN without objects.
  public var instanceMean: Double { Self.mean(values.sorted { $0.key < $1.key }.flatMap(\.value)) }

  /// The mean over categories of the mean over the objects of a category; NaN without objects.
  public var categoryMean: Double { Self.mean(values.sorted { $0.key < $1.key }.map { Self.mean($0.value) }) }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
