import PathwayKernels

/// Points in space, and the triangles between them where they are a mesh's.
public struct PointCloud: Sendable, Equatable {
  /// x, y, z of every point relative to `origin`, one after the other.
  public let coordinates: [Float]
  /// What was subtracted from the coordinates before they were rounded to float32; `position(_:)` adds it again. Zero
  /// unless the points are far away compared with their extent (`init(positions:triangles:)`).
  public let origin: SIMD3<Double>
  /// Three indices of points for every triangle.
  public let triangles: [UInt32]

  /// The largest magnitude of a coordinate: squared distances stay finite.
  public static let largestCoordinate: Float = 0x1p60

  /// Number of points.
  public var count: Int { coordinates.count / 3 }

  /// A cloud of points relative to `origin`, (`count`, 3), with the triangles of a mesh, three indices each.
  ///
  /// - Throws: `PointCloudError` for no points, coordinates that are not finite or too large, and triangles of points
  ///   that there are not.
  public init(coordinates: [Float], triangles: [UInt32] = [], origin: SIMD3<Double> = .zero) throws {
    guard coordinates.count >= 3, coordinates.count % 3 == 0, triangles.count % 3 == 0 else {
      throw PointCloudError.empty(values: coordinates.count)
    }
    if let index = coordinates.firstIndex(where: { !(abs($0) <= Self.largestCoordinate) }) {
      throw PointCloudError.notFinite(point: index / 3, found: coordinates[index])
    }
    let count = UInt32(clamping: coordinates.count / 3)
    if let index = triangles.firstIndex(where: { $0 >= count }) {
      throw PointCloudError.noSuchPoint(triangle: index / 3, found: Int(triangles[index]), count: Int(count))
    }
    self.coordinates = coordinates
    self.triangles = triangles
    self.origin = origin
  }

  /// x, y, z of a point relative to `origin`.
  public subscript(_ index: Int) -> SIMD3<Float> {
    SIMD3(coordinates[3 * index], coordinates[3 * index + 1], coordinates[3 * index + 2])
  }
}

/// Why numbers are no point cloud, or none for a model.
public enum PointCloudError: CodedError, Equatable {
  /// A number of values that is not three for each of at least one point or triangle.
  case empty(values: Int)
  /// A coordinate that is NaN, infinite or above `PointCloud.largestCoordinate`.
  case notFinite(point: Int, found: Float)
  /// A triangle, from 0, of a point that the cloud does not have.
  case noSuchPoint(triangle: Int, found: Int, count: Int)
  /// A cloud without an extent to scale by.
  case singlePlace(points: Int)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .empty: "points.empty"
    case .notFinite: "points.not-finite"
    case .noSuchPoint: "points.no-such-point"
    case .singlePlace: "points.single-place"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String {
    switch self {
    case .empty(let values): "\(values) numbers are no points, expected three for each of at least one"
    case .notFinite(let point, let found):
      "point \(point) has the coordinate \(found), expected finite numbers of at most 2^60; remove such points first"
    case .noSuchPoint(let triangle, let found, let count):
      "triangle \(triangle) is of point \(found), expected one of 0..<\(count)"
    case .singlePlace(1): "one point alone has no size to scale by"
    case .singlePlace(let points): "all \(points) points are in one place, which has no size to scale by"
    }
  }
}

extension PointCloud {
  /// Moved so that the mean is at the origin, then scaled so that the farthest point is at distance 1: what models were
  /// trained on. Means and lengths are taken in Double; the result has no origin.
  ///
  /// - Throws: `PointCloudError.singlePlace` where there is no distance to scale.
  public func normalized() throws -> PointCloud {
    var mean = [0.0, 0.0, 0.0]
    for index in coordinates.indices { mean[index % 3] += Double(coordinates[index]) }
    for axis in 0..<3 { mean[axis] /= Double(count) }
    var largest = 0.0
    for index in 0..<count {
      let length = (0..<3).reduce(0.0) {
        let distance = Double(coordinates[3 * index + $1]) - mean[$1]
        return $0 + distance * distance
      }
      largest = max(largest, length)
    }
    guard largest > 0 else { throw PointCloudError.singlePlace(points: count) }
    let scale = 1 / largest.squareRoot()
    return try PointCloud(
      coordinates: coordinates.indices.map { Float((Double(coordinates[$0]) - mean[$0 % 3]) * scale) },
      triangles: triangles)
  }

  /// `count` points of the surface, as many on every triangle as its share of the area asks for, by SplitMix64 from
  /// `seed`: same mesh and seed, same points. Points alone, or triangles without an area, give the points themselves.
  /// Points far from zero have an origin, as those of `init(positions:triangles:)`.
  ///
  /// - Throws: `PointCloudError`, as `init(coordinates:triangles:origin:)`.
  /// - Complexity: O(triangles + count log triangles).
  public func sampledSurface(_ count: Int, seed: UInt64) throws -> PointCloud {
    var total = 0.0
    let sums = (0..<triangles.count / 3).map { index in
      total += area(index)
      return total
    }
    guard total > 0, total.isFinite, count > 0 else {
      return try PointCloud(coordinates: coordinates, origin: origin)
    }
    var random = SplitMix64(seed: seed)
    var result: [Double] = []
    result.reserveCapacity(3 * count)
    for _ in 0..<count {
      let wanted = random.nextUnit() * total
      var (low, high) = (0, sums.count - 1)
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] > wanted { high = middle } else { low = middle + 1 }
      }
      // Uniform in a triangle: the square root makes up for its getting wider (Osada et al. 2002).
      let (root, share) = (random.nextUnit().squareRoot(), random.nextUnit())
      let weights = [1 - root, root * (1 - share), root * share]
      for axis in 0..<3 {
        result.append(
          (0..<3).reduce(0.0) { $0 + weights[$1] * Double(coordinates[3 * Int(triangles[3 * low + $1]) + axis]) })
      }
    }
    // Corners may be whole numbers, which float32 holds far from zero; points between them are not.
    return try origin == .zero
      ? PointCloud(positions: result) : PointCloud(coordinates: result.map { Float($0) }, origin: origin)
  }

  private func area(_ triangle: Int) -> Double {
    func edge(_ corner: Int) -> [Double] {
      let (from, to) = (3 * Int(triangles[3 * triangle]), 3 * Int(triangles[3 * triangle + corner]))
      return (0..<3).map { Double(coordinates[to + $0]) - Double(coordinates[from + $0]) }
    }
    let (a, b) = (edge(1), edge(2))
    let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    return 0.5 * (cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]).squareRoot()
  }
}
