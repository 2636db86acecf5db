// XYZ, TXT, PTS, CSV: a point a line, three or more columns.

extension PointFile {
  /// Columns are separated by spaces, tabs, commas or semicolons; `#` begins a comment. The first line may name the
  /// columns, or be the number of points.
  static func readColumns(_ scanner: inout PointScanner) throws {
    var announced: (count: Int, line: Int)?
    var isFirst = true
    while let (columns, line) = scanner.nextColumns() {
      defer { isFirst = false }
      if isFirst, columns.count == 1, let count = PointScanner.integer(columns[0]), count >= 0 {
        try scanner.expect(points: count, bytes: 5)
        announced = (count, line)
        continue
      }
      let values = columns.prefix(3).compactMap(PointScanner.number)
      if isFirst, values.isEmpty, columns.count >= 3 { continue }
      guard values.count == 3 else {
        let text = columns.prefix(3).map { String(decoding: $0.prefix(20), as: UTF8.self) }.joined(separator: " ")
        throw PointFileError.malformed(
          file: scanner.file, at: .line(line), finding: "'\(text)', expected the three coordinates of a point")
      }
      try scanner.add(values[0], values[1], values[2])
    }
    if let announced, announced.count != scanner.pointCount {
      throw PointFileError.malformed(
        file: scanner.file, at: .line(announced.line),
        finding: "\(announced.count) points are announced, \(scanner.pointCount) follow")
    }
  }
}
