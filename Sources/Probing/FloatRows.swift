import Foundation
import MultimodalPathway

/// Rows of floats, (count, width), in memory, or on a disk where they may be too many for it.
package final class FloatRows {
  package let width: Int
  package private(set) var count = 0
  private var values: [Float] = []
  /// The folder whose disk they are on; absent: they are in memory.
  private let folder: URL?
  private var file: SpoolFile?

  /// In memory.
  package init(_ values: [Float] = [], width: Int) {
    (self.width, self.values, folder) = (width, values, nil)
    count = values.count / max(1, width)
  }

  /// On the disk of `folder`, in a file without a name that is gone with this object.
  ///
  /// - Throws: `CheckpointError.unwritable`.
  package init(width: Int, onDiskOf folder: URL) throws {
    (self.width, self.folder) = (width, folder)
    file = try SpoolFile(in: folder, for: folder.path)
  }

  /// As many zeros of another width, in the same kind of place.
  func zeros(width: Int) throws -> FloatRows {
    guard let folder else { return FloatRows([Float](repeating: 0, count: count * width), width: width) }
    let rows = try FloatRows(width: width, onDiskOf: folder)
    let zeros = [Float](repeating: 0, count: width)
    for _ in 0..<count { try rows.append(zeros) }
    return rows
  }

  /// Adds whole rows.
  package func append(_ rows: [Float]) throws {
    if let file {
      try rows.withUnsafeBytes { try file.write($0) }
    } else {
      values += rows
    }
    count += rows.count / max(1, width)
  }

  /// Replaces a row.
  func write(_ row: Int, _ new: ArraySlice<Float>) throws {
    if let file {
      try new.withUnsafeBytes { try file.write($0, at: row * width * 4) }
    } else {
      values.replaceSubrange(row * width..<(row + 1) * width, with: new)
    }
  }

  /// Copies `target.count / width` rows from `row` on.
  func read(_ row: Int, into target: UnsafeMutableBufferPointer<Float>) throws {
    if let file {
      try file.read(at: row * width * 4, into: UnsafeMutableRawBufferPointer(target))
    } else {
      _ = target.update(fromContentsOf: values[row * width..<row * width + target.count])
    }
  }

  /// Rows of a piece that `forEachPiece` reads at once.
  static let pieceRows = 256

  /// Calls `body` with all rows in order, a piece at a time: the place of the first, and their values.
  package func forEachPiece(_ body: (Int, [Float]) throws -> Void) throws {
    for start in stride(from: 0, to: count, by: Self.pieceRows) {
      let rows = min(Self.pieceRows, count - start)
      try body(
        start,
        [Float](unsafeUninitializedCapacity: rows * width) { buffer, filled in
          try read(start, into: UnsafeMutableBufferPointer(rebasing: buffer[..<(rows * width)]))
          filled = rows * width
        })
    }
  }
}
