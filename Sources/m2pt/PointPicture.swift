import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

/// The axis that points up in a picture.
package enum UpAxis: String, ExpressibleByArgument, CaseIterable, Sendable {
  case y, z
}

/// Coloured points, as a file of points or as a picture of them.
package struct PointPicture {
  let cloud: PointCloud
  /// One for every point.
  let colors: [PointColor]

  /// - Parameter colors: one for every point.
  package init(cloud: PointCloud, colors: [PointColor]) {
    (self.cloud, self.colors) = (cloud, colors)
  }

  /// Pixels down and across.
  static let size = 512
  /// The camera's angles in degrees: around the upright axis, and above the horizon.
  private static let (azimuth, elevation) = (35.0, 20.0)

  /// - Throws: `ToolError` for a name that ends neither in .png nor in .ply.
  static func checkName(_ file: URL) throws {
    guard ["png", "ply"].contains(file.pathExtension.lowercased()) else {
      throw ToolError("\(file.relativePath): points are written as .ply or .png; give the file such a name")
    }
  }

  /// Writes what the file's name asks for.
  ///
  /// - Parameter column: a number of every point, for PLY.
  /// - Throws: as `checkName(_:)`; `MediaError` and `CheckpointError` where the file cannot be written.
  func write(_ column: PLYColumn, up: UpAxis, to file: URL) throws {
    try Self.checkName(file)
    if file.pathExtension.lowercased() == "png" {
      try ImageFile.writePNG(drawn(up: up), to: file)
    } else {
      try PointFile.writePLY(cloud, colors: colors, column: column, to: file)
    }
  }

  /// The points as dots on white, seen from far away, a little from the right and from above; nearer ones cover those
  /// behind them, which are paler.
  ///
  /// - Complexity: O(points); the fewer they are, the larger the dots.
  package func drawn(up: UpAxis) throws -> PixelImage {
    let size = Self.size
    let places = seen(up: up)
    let radius = places.reduce(0) { max($0, ($1.x * $1.x + $1.y * $1.y + $1.depth * $1.depth).squareRoot()) }
    let dot = min(8, max(1, Int(0.6 * Double(size) / Double(cloud.count).squareRoot())))
    let scale = radius > 0 ? Double(size / 2 - dot - 1) / radius : 0
    var nearest = [Double](repeating: -.infinity, count: size * size)
    var rgb = [UInt8](repeating: 255, count: 3 * size * size)
    for (place, color) in zip(places, colors) {
      let column = Int((Double(size) / 2 + place.x * scale).rounded())
      let row = Int((Double(size) / 2 - place.y * scale).rounded())
      let fog = radius > 0 ? 0.4 * (0.5 - place.depth / radius / 2) : 0
      let pixel = [color.red, color.green, color.blue].map { HeatMap.mixed($0, 255, fog) }
      for y in max(0, row - dot)...min(size - 1, row + dot) {
        for x in max(0, column - dot)...min(size - 1, column + dot) {
          let (down, across) = (y - row, x - column)
          guard down * down + across * across <= dot * dot, place.depth > nearest[y * size + x] else { continue }
          nearest[y * size + x] = place.depth
          for channel in 0..<3 { rgb[3 * (y * size + x) + channel] = pixel[channel] }
        }
      }
    }
    return try PixelImage(extent: Extent(square: size), rgb: rgb)
  }

  /// Points as the camera has them: to the right, up and towards it, from the middle of the box around them.
  private func seen(up: UpAxis) -> [(x: Double, y: Double, depth: Double)] {
    let middle = (0..<3).map { axis in
      let values = stride(from: axis, to: cloud.coordinates.count, by: 3).lazy.map { Double(cloud.coordinates[$0]) }
      return ((values.min() ?? 0) + (values.max() ?? 0)) / 2
    }
    let (around, above) = (Self.azimuth * .pi / 180, Self.elevation * .pi / 180)
    return (0..<cloud.count).map { index in
      let point = (0..<3).map { Double(cloud.coordinates[3 * index + $0]) - middle[$0] }
      // Right-handed both: x to the right; y up and z to the front, or z up and y to the back.
      let (right, upright, front) = up == .y ? (point[0], point[1], point[2]) : (point[0], point[2], -point[1])
      let (x, turned) = (right * cos(around) - front * sin(around), right * sin(around) + front * cos(around))
      return (x, upright * cos(above) - turned * sin(above), upright * sin(above) + turned * cos(above))
    }
  }
}
