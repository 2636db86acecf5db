import Foundation

/// A safetensors file whose tensors are written row by row, in constant memory.
///
/// Every column becomes a tensor (rows, ...). The first column of the file is written to its final place at once. The
/// others are kept in unnamed files on the same disk, and are copied after it at the end, when the number of rows is
/// known. The header is written last, into space that was reserved for it; spaces fill the remainder, as the format
/// allows.
///
///     try SafetensorsStream.write(to: url, columns: [...], metadata: [:], mostRows: nil) { stream in
///       try stream.append([bytes of a row of every column])
///     }
package final class SafetensorsStream {
  /// A tensor of the file.
  package struct Column {
    package let name: String
    package let type: ElementType
    /// Shape of one row; nil: rows of any number of bytes, in one dimension.
    package let shape: [Int]?

    package init(_ name: String, _ type: ElementType, shape: [Int]?) {
      (self.name, self.type, self.shape) = (name, type, shape)
    }

    /// Bytes of a row; nil if rows differ.
    var rowBytes: Int? { shape.flatMap { type.byteCount(ofShape: $0) } }
  }

  /// A state to which `cut` returns.
  package struct Mark {
    fileprivate let rows: Int
    fileprivate let sizes: [Int]
  }

  private let file: AtomicFile
  private let path: String
  package let columns: [Column]
  private let metadata: [String: String]
  /// The column that is first in the file.
  private let direct: Int
  private let headerSize: Int
  /// Of the other columns.
  private var spools: [SpoolFile?]
  /// Bytes of every column.
  private var sizes: [Int]
  /// Rows so far.
  package private(set) var rows = 0

  /// Creates the file as `AtomicFile.write` does, lets `body` append rows, and completes it.
  ///
  /// - Parameters:
  ///   - columns: with different names; at least one has rows of one shape.
  ///   - mostRows: the most rows that there can be; nil if unknown.
  /// - Throws: `CheckpointError.unwritable`, and what `body` throws; then there is no file.
  package static func write(
    to url: URL, columns: [Column], metadata: [String: String], mostRows: Int? = nil,
    _ body: (SafetensorsStream) throws -> Void
  ) throws {
    try AtomicFile.write(to: url) { file in
      let stream = try SafetensorsStream(url, file, columns, metadata, mostRows)
      try body(stream)
      try stream.finish()
    }
  }

  private init(
    _ url: URL, _ file: AtomicFile, _ columns: [Column], _ metadata: [String: String], _ mostRows: Int?
  ) throws {
    (self.file, self.path, self.columns, self.metadata) = (file, url.path, columns, metadata)
    // The largest size of a file: it has the most digits that a number of the header can have.
    let largest = 1 << 60
    let perRow = max(1, columns.reduce(0) { $0 + min($1.rowBytes ?? 1, 1 << 40) })
    let rows = min(mostRows ?? .max, largest / perRow)
    let draft = try Self.plan(columns, rows: rows, sizes: columns.map { _ in largest }, metadata, url.path, 0)
    headerSize = draft.header.count
    let first = draft.names.first
    direct = columns.firstIndex { $0.name == first } ?? 0
    let folder = url.resolvingSymlinksInPath().deletingLastPathComponent()
    spools = try columns.map { try $0.name == first ? nil : SpoolFile(in: folder, for: url.path) }
    sizes = columns.map { _ in 0 }
  }

  private static func plan(
    _ columns: [Column], rows: Int, sizes: [Int], _ metadata: [String: String], _ path: String, _ headerSize: Int
  ) throws -> SafetensorsPlan {
    let shapes = zip(columns, sizes).map { column, size in
      (column.name, (type: column.type, shape: column.shape.map { [rows] + $0 } ?? [size]))
    }
    return try SafetensorsPlan(
      Dictionary(shapes) { first, _ in first }, metadata: metadata, file: path, headerSize: headerSize)
  }

  /// Adds rows.
  package func append(_ bytes: [UnsafeRawBufferPointer], rows: Int) throws {
    for (index, column) in columns.enumerated() {
      if let own = column.rowBytes {
        precondition(bytes[index].count == own * rows, "\(bytes[index].count) bytes are not \(rows) rows of \(own)")
      }
      if let spool = spools[index] {
        try spool.write(bytes[index], at: sizes[index])
      } else {
        try file.write(bytes[index], at: headerSize + sizes[index])
      }
      sizes[index] += bytes[index].count
    }
    self.rows += rows
  }

  package var mark: Mark { Mark(rows: rows, sizes: sizes) }

  /// Removes the rows that were appended after `mark` was taken.
  package func rewind(to mark: Mark) {
    (rows, sizes) = (mark.rows, mark.sizes)
    for (spool, size) in zip(spools, sizes) { spool?.cut(to: size) }
  }

  private func finish() throws {
    let plan = try Self.plan(columns, rows: rows, sizes: sizes, metadata, path, headerSize)
    for (index, column) in columns.enumerated() {
      guard let place = plan.offsets[column.name] else { continue }
      try spools[index]?.copy(to: file, at: place)
    }
    try plan.header.withUnsafeBytes { try file.write($0, at: 0) }
    // Rows that were removed may have made the file longer.
    try file.truncate(to: plan.header.count + sizes.reduce(0, +))
  }
}
