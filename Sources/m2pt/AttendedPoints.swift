import Foundation
import MultimodalPathway
import PathwayMedia

/// A cloud's points and the groups that a model looks at, to colour the ones by the attention to the others.
struct AttendedPoints {
  /// The file's points, or those of its surface.
  let cloud: PointCloud
  /// Centres of the groups, in their order.
  let centers: PointCloud
  /// Of every point: the nearest centres, and weights whose sum is 1.
  private let nearest: [(center: Int, weight: Double)]

  init(_ prepared: PointPreprocessor.Result, _ points: PointConfiguration, engine: Engine) throws {
    cloud = prepared.source
    // The model chooses them by the same rule from the same points.
    let chosen = try PointSampling(PointCloud(coordinates: prepared.values), engine: engine)
      .farthest(points.groups, skippingOrigin: points.skipsOrigin).map { prepared.indices[$0] }
    centers = try prepared.source.points(chosen)
    // Scaled, no distance is too small for float32.
    let scaled = try cloud.normalized()
    let places = try scaled.points(chosen)
    let neighbours = try PointSampling(places, engine: engine).nearest(3, to: scaled)
    let count = neighbours.count / cloud.count
    nearest = (0..<cloud.count).flatMap { point in
      let own = neighbours[point * count..<(point + 1) * count]
      let squares = own.map { center in
        (0..<3).reduce(0.0) {
          let distance = Double(scaled.coordinates[3 * point + $1]) - Double(places.coordinates[3 * center + $1])
          return $0 + distance * distance
        }
      }
      // By inverse squared distance (Qi et al. 2017, PointNet++, equation 2), here as shares of the nearest's.
      let shares = squares.map { squares[0] > 0 ? squares[0] / $0 : $0 > 0 ? 0 : 1 }
      let total = shares.reduce(0, +)
      return zip(own, shares).map { (center: $0, weight: $1 / total) }
    }
  }

  /// A value of every group, (G), as a value of every point.
  func spread(_ groups: [Double]) -> [Double] {
    let count = nearest.count / cloud.count
    return (0..<cloud.count).map { point in
      nearest[point * count..<(point + 1) * count].reduce(0) { $0 + groups[$1.center] * $1.weight }
    }
  }

  /// Writes the points in the colours of their values over grey, and in a PLY file the values as `attention`.
  func write(
    _ groups: [Double], _ range: ClosedRange<Double>, opacity: Double, up: UpAxis, to file: URL
  ) throws {
    let values = spread(groups)
    let width = range.upperBound > range.lowerBound ? range.upperBound - range.lowerBound : 1
    let colors = values.map { value in
      let colour = HeatMap.inferno((value - range.lowerBound) / width).map { HeatMap.mixed(192, $0, opacity) }
      return PointColor(colour[0], colour[1], colour[2])
    }
    try PointPicture(cloud: cloud, colors: colors).write(
      .floats("attention", values.map { Float($0) }), up: up, to: file)
  }
}
