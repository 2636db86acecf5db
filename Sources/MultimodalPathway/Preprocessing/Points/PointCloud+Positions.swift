extension PointCloud {
  /// Points whose coordinates are in Double: x, y, z of each, one after the other.
  ///
  /// float32 has 24 bits, which is half a metre at a UTM northing of 5,412,345 m. Where rounding would cost the cloud
  /// its shape, an origin is subtracted in Double first. It is zero, and coordinates are rounded as they are, where
  /// float32 holds all of them exactly, or where no coordinate is larger than 8 times the extent: rounding then
  /// moves a point by at most 2^-21 of the extent. Otherwise it is the middle of the box around the points, rounded to
  /// a multiple of the power of two that is not below the extent.
  ///
  /// - Throws: `PointCloudError`, as `init(coordinates:triangles:origin:)`.
  /// - Complexity: O(points).
  public init(positions: [Double], triangles: [UInt32] = []) throws {
    let origin = Self.origin(positions)
    try self.init(
      coordinates: positions.indices.map { Float(positions[$0] - origin[$0 % 3]) }, triangles: triangles, origin: origin
    )
  }

  private static func origin(_ positions: [Double]) -> SIMD3<Double> {
    var (lowest, highest) = ([Double](repeating: .infinity, count: 3), [Double](repeating: -.infinity, count: 3))
    var isExact = true
    for (index, value) in positions.enumerated() {
      guard value.magnitude <= Double(largestCoordinate) else { return .zero }
      lowest[index % 3] = min(lowest[index % 3], value)
      highest[index % 3] = max(highest[index % 3], value)
      isExact = isExact && Double(Float(value)) == value
    }
    guard !isExact, positions.count >= 3 else { return .zero }
    let extent = (0..<3).reduce(0.0) { max($0, highest[$1] - lowest[$1]) }
    let largest = (0..<3).reduce(0.0) { max($0, lowest[$1].magnitude, highest[$1].magnitude) }
    guard extent > 0, largest > 8 * extent else { return .zero }
    let step = extent.significand == 1 ? extent : 2 * extent.binade
    func middle(_ axis: Int) -> Double { ((lowest[axis] + highest[axis]) / 2 / step).rounded() * step }
    return SIMD3(middle(0), middle(1), middle(2))
  }

  /// Where a point is in the coordinates that the cloud was made of.
  public func position(_ index: Int) -> SIMD3<Double> {
    SIMD3<Double>(self[index]) + origin
  }

  /// The points of these indices, in their order, without triangles.
  ///
  /// - Throws: `PointCloudError` if there is no point.
  public func points(_ indices: [Int]) throws -> PointCloud {
    try PointCloud(coordinates: indices.flatMap { coordinates[3 * $0..<3 * $0 + 3] }, origin: origin)
  }

  /// x, y, z of a point, as `position(_:)`, with the shortest digits that give the numbers again.
  package func digits(_ index: Int) -> [String] {
    let point = self[index]
    if origin == .zero { return ["\(point.x)", "\(point.y)", "\(point.z)"] }
    let position = position(index)
    return ["\(position.x)", "\(position.y)", "\(position.z)"]
  }
}
