import Foundation
import MultimodalPathway

/// A number of every point, which a PLY file has in addition to its colour.
public struct PLYColumn: Sendable {
  let declaration: String
  /// The bits of each number.
  let words: [UInt32]

  /// `property float name`.
  public static func floats(_ name: String, _ values: [Float]) -> PLYColumn {
    PLYColumn(declaration: "float \(name)", words: values.map(\.bitPattern))
  }

  /// `property int name`.
  public static func integers(_ name: String, _ values: [Int32]) -> PLYColumn {
    PLYColumn(declaration: "int \(name)", words: values.map { UInt32(bitPattern: $0) })
  }
}

extension PointFile {
  /// Writes a binary PLY file of points with a colour and a number each, whole or not at all.
  ///
  /// Vertices are x, y, z in the coordinates that the cloud was made of, float, or double where it has an origin; uchar
  /// red, green, blue; and the column.
  ///
  /// - Parameters:
  ///   - colors: red, green and blue of every point.
  ///   - column: a number of every point.
  /// - Throws: `CheckpointError.unwritable`, also where a point has no colour or number.
  public static func writePLY(
    _ cloud: PointCloud, colors: [(UInt8, UInt8, UInt8)], column: PLYColumn, to file: URL
  ) throws {
    guard colors.count == cloud.count, column.words.count == cloud.count else {
      throw CheckpointError.unwritable(
        file: file.path,
        reason:
          "\(colors.count) colours and \(column.words.count) numbers for \(cloud.count) points; give every point one")
    }
    let isFar = cloud.origin != .zero
    let type = isFar ? "double" : "float"
    let header = """
      ply
      format binary_little_endian 1.0
      comment m2pt
      element vertex \(cloud.count)
      property \(type) x
      property \(type) y
      property \(type) z
      property uchar red
      property uchar green
      property uchar blue
      property \(column.declaration)
      end_header

      """
    var bytes = Array(header.utf8)
    bytes.reserveCapacity(bytes.count + (isFar ? 31 : 19) * cloud.count)
    for index in 0..<cloud.count {
      let position = cloud.position(index)
      for axis in 0..<3 {
        if isFar {
          withUnsafeBytes(of: position[axis].bitPattern.littleEndian) { bytes += $0 }
        } else {
          withUnsafeBytes(of: cloud.coordinates[3 * index + axis].bitPattern.littleEndian) { bytes += $0 }
        }
      }
      bytes += [colors[index].0, colors[index].1, colors[index].2]
      withUnsafeBytes(of: column.words[index].littleEndian) { bytes += $0 }
    }
    try AtomicFile.write(bytes, to: file)
  }
}
