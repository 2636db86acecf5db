import Foundation
import MultimodalPathway

extension PointFile {
  /// Writes a binary PLY file of points with a colour and a number each, whole or not at all.
  ///
  /// Vertices are float x, y, z; uchar red, green, blue; int label.
  ///
  /// - Parameters:
  ///   - colors: red, green and blue of every point.
  ///   - labels: a number of every point.
  /// - Throws: `CheckpointError.unwritable`.
  public static func writePLY(
    _ cloud: PointCloud, colors: [(UInt8, UInt8, UInt8)], labels: [Int32], to file: URL
  ) throws {
    precondition(colors.count == cloud.count && labels.count == cloud.count, "one colour and label for every point")
    let header = """
      ply
      format binary_little_endian 1.0
      element vertex \(cloud.count)
      property float x
      property float y
      property float z
      property uchar red
      property uchar green
      property uchar blue
      property int label
      end_header

      """
    var bytes = Array(header.utf8)
    bytes.reserveCapacity(bytes.count + 19 * cloud.count)
    for index in 0..<cloud.count {
      for axis in 0..<3 {
        withUnsafeBytes(of: cloud.coordinates[3 * index + axis].bitPattern.littleEndian) { bytes += $0 }
      }
      bytes += [colors[index].0, colors[index].1, colors[index].2]
      withUnsafeBytes(of: labels[index].littleEndian) { bytes += $0 }
    }
    try AtomicFile.write(to: file) { target in try bytes.withUnsafeBytes { try target.append($0) } }
  }
}
