import Foundation
import MultimodalPathway

/// The colour of a point in a PLY file, 0...255 for each channel.
public struct PointColor: Sendable, Hashable {
  /// Red.
  public var red: UInt8
  /// Green.
  public var green: UInt8
  /// Blue.
  public var blue: UInt8

  /// A colour of three channels.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }
}

/// One number per point, which a PLY file stores after the colour.
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
  /// Writes a binary PLY file with a colour and a number for every point, whole or not at all.
  ///
  /// A vertex is x, y, z in the coordinates of the file that the cloud was read from, as float, or as double if the
  /// cloud has an origin; red, green, blue as uchar; and the column.
  ///
  /// - Parameters:
  ///   - colors: one for every point.
  ///   - column: one number for every point.
  /// - Throws: `CheckpointError.unwritable`, also if a point has no colour or number.
  public static func writePLY(
    _ cloud: PointCloud, colors: [PointColor], column: PLYColumn, to file: URL
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
      bytes += [colors[index].red, colors[index].green, colors[index].blue]
      withUnsafeBytes(of: column.words[index].littleEndian) { bytes += $0 }
    }
    try AtomicFile.write(bytes, to: file)
  }
}
