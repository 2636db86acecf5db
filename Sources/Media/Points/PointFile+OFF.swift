// OFF, Geomview's object file format, in its text form.

/// The first word of an OFF file: OFF, after letters for further properties of vertices, as in COFF and STCNOFF.
struct OFFHeader {
  let hasFourCoordinates: Bool
  let hasOtherDimension: Bool
  /// Digits that follow the keyword without a space, as in damaged files of ModelNet40: OFF490 518 0.
  let rest: ArraySlice<UInt8>

  init?(keyword: ArraySlice<UInt8>) {
    var text = keyword
    for prefix in ["ST", "C", "N"] where text.starts(with: prefix.utf8) { text = text.dropFirst(prefix.utf8.count) }
    hasFourCoordinates = text.first == UInt8(ascii: "4")
    if hasFourCoordinates { text = text.dropFirst() }
    hasOtherDimension = text.first == UInt8(ascii: "n")
    if hasOtherDimension { text = text.dropFirst() }
    guard text.starts(with: "OFF".utf8) else { return nil }
    rest = text.dropFirst(3)
    guard rest.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
  }
}

extension PointFile {
  static func readOFF(_ scanner: inout PointScanner) throws {
    func next(_ what: String) throws -> (columns: [ArraySlice<UInt8>], line: Int) {
      guard let line = scanner.nextColumns() else {
        throw PointFileError.truncated(file: scanner.file, finding: "it ends before \(what)")
      }
      return line
    }
    func malformed(_ line: Int, _ finding: String) -> PointFileError {
      .malformed(file: scanner.file, at: .line(line), finding: finding)
    }
    var (columns, line) = try next("its header")
    guard let header = OFFHeader(keyword: columns[0]) else { throw malformed(line, "it has no OFF header") }
    if header.hasFourCoordinates || header.hasOtherDimension || columns.dropFirst().first == ArraySlice("BINARY".utf8) {
      throw PointFileError.unsupportedVariant(
        file: scanner.file, finding: "OFF with four or another number of coordinates, or binary; write it as plain OFF")
    }
    columns = (header.rest.isEmpty ? [] : [header.rest]) + columns.dropFirst()
    if columns.isEmpty { (columns, line) = try next("its counts") }
    let counts = columns.prefix(2).map { PointScanner.integer($0) ?? -1 }
    guard counts.count == 2, counts.allSatisfy({ $0 >= 0 }) else {
      throw malformed(line, "expected the numbers of vertices, faces and edges")
    }
    try scanner.expect(points: counts[0], bytes: 6)
    var width: Int?
    for _ in 0..<counts[0] {
      let (columns, line) = try next("vertex \(scanner.pointCount) of \(counts[0])")
      guard columns.count >= 3 else {
        throw malformed(line, "\(columns.count) numbers, expected the three coordinates of a vertex")
      }
      if let width, columns.count != width {
        throw malformed(line, "a vertex of \(columns.count) numbers, expected \(width) as of the first one")
      }
      width = columns.count
      let values = try zip(columns, ["x", "y", "z"]).map { try scanner.coordinate($0, $1, line: line) }
      try scanner.add(values[0], values[1], values[2])
    }
    for face in 0..<counts[1] {
      let (columns, line) = try next("face \(face) of \(counts[1])")
      guard let corners = PointScanner.integer(columns[0]), corners >= 0, corners < columns.count else {
        throw malformed(line, "expected a face: the number of its vertices, and their indices")
      }
      let polygon = columns[1..<corners + 1].compactMap(PointScanner.integer)
      guard polygon.count == corners, polygon.allSatisfy((0..<counts[0]).contains) else {
        throw malformed(line, "a face with vertices outside 0..<\(counts[0])")
      }
      try scanner.add(polygon: polygon)
    }
    try scanner.expectEnd(after: "\(counts[0]) vertices and \(counts[1]) faces")
  }
}
