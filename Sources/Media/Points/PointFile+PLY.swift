// PLY, the Stanford polygon format (Turk 1994): text and both binary orders, with any elements and properties before
// the ones that are read. In text every element is a line, as in plyfile.

extension PointFile {
  static func readPLY(_ scanner: inout PointScanner) throws {
    let header = try PLYHeader(&scanner)
    guard let vertices = header.elements.firstIndex(where: { $0.name == "vertex" }) else {
      throw scanner.malformed("the header names no element 'vertex'")
    }
    let faces = header.elements.firstIndex { $0.name == "face" }
    var body = PLYBody(format: header.format)
    let last = max(vertices, faces ?? 0)
    for (index, element) in header.elements[...last].enumerated() where !element.properties.isEmpty {
      if index == vertices {
        try body.readVertices(element, &scanner)
      } else if index == faces {
        try body.readFaces(element, &scanner)
      } else {
        try body.skip(element, &scanner)
      }
    }
    // Later elements are not read: the rows agree with the header only if the last one that is read ends the file.
    if last == header.elements.count - 1 { try body.expectEnd(&scanner) }
  }
}

/// The rows of a PLY file.
private struct PLYBody {
  let format: PLYHeader.Format
  private var columns: [ArraySlice<UInt8>] = []
  private var column = 0

  init(format: PLYHeader.Format) { self.format = format }

  mutating func readVertices(_ element: PLYHeader.Element, _ scanner: inout PointScanner) throws {
    let places = try ["x", "y", "z"].map { name in
      guard let place = element.properties.firstIndex(where: { $0.name == name && $0.countType == nil }) else {
        throw scanner.malformed("the header gives vertices no number '\(name)'")
      }
      return place
    }
    let label = try scanner.labelColumn(in: element.properties.map { $0.countType == nil ? $0.name : "" })
    try scanner.expect(points: element.count, bytes: element.smallestSize(format))
    var values = [Double](repeating: 0, count: element.properties.count)
    for _ in 0..<element.count {
      for (index, property) in element.properties.enumerated() {
        if property.countType != nil {
          try forEachItem(property, &scanner) { _ in }
        } else {
          values[index] = try number(property.type, &scanner)
        }
      }
      try endRow(element, scanner)
      if format == .ascii, let missing = places.first(where: { !values[$0].isFinite }) {
        throw malformed(
          "the value of \(element.properties[missing].name) is missing; remove such points first", scanner)
      }
      try scanner.add(values[places[0]], values[places[1]], values[places[2]])
      if let label { try scanner.add(label: values[label], text: "\(values[label])") }
    }
  }

  mutating func readFaces(_ element: PLYHeader.Element, _ scanner: inout PointScanner) throws {
    let names = ["vertex_indices", "vertex_index"]
    let place = element.properties.firstIndex { names.contains($0.name) && $0.countType != nil }
    try check(element, scanner)
    for _ in 0..<element.count {
      var polygon: [Int] = []
      for (index, property) in element.properties.enumerated() {
        if property.countType == nil {
          _ = try number(property.type, &scanner)
          continue
        }
        try forEachItem(property, &scanner) { value in
          if index == place { polygon.append(Int(exactly: value) ?? -1) }
        }
      }
      try endRow(element, scanner)
      if let index = polygon.first(where: { !(0..<Int(UInt32.max)).contains($0) }) {
        throw malformed("a face of vertex \(index)", scanner)
      }
      try scanner.add(polygon: polygon)
    }
  }

  mutating func skip(_ element: PLYHeader.Element, _ scanner: inout PointScanner) throws {
    try check(element, scanner)
    for _ in 0..<element.count {
      for property in element.properties {
        if property.countType != nil {
          try forEachItem(property, &scanner) { _ in }
        } else {
          _ = try number(property.type, &scanner)
        }
      }
      try endRow(element, scanner)
    }
  }

  /// In text, a line is a row: it must not have more values than properties.
  private mutating func endRow(_ element: PLYHeader.Element, _ scanner: PointScanner) throws {
    guard format == .ascii else { return }
    guard column == columns.count else {
      throw malformed(
        "\(columns.count - column) values more than the \(element.properties.count) properties of '\(element.name)'",
        scanner)
    }
    (columns, column) = ([], 0)
  }

  /// Only line ends may follow the last row.
  mutating func expectEnd(_ scanner: inout PointScanner) throws {
    if format == .ascii { return try scanner.expectEnd(after: "the rows that the header declares") }
    let (place, left) = (scanner.position, scanner.remaining)
    guard scanner.take(left).contains(where: { $0 != 0x0A && $0 != 0x0D }) else { return }
    throw scanner.malformed(
      atByte: place,
      "\(left) bytes follow the rows that the header declares; its properties are not those of the rows")
  }

  private func check(_ element: PLYHeader.Element, _ scanner: PointScanner) throws {
    guard element.count <= (scanner.remaining + 1) / element.smallestSize(format) else {
      throw PointFileError.truncated(
        file: scanner.file,
        finding: "\(element.count) of '\(element.name)' are declared, but \(scanner.remaining) bytes are left")
    }
  }

  private mutating func forEachItem(
    _ property: PLYHeader.Property, _ scanner: inout PointScanner, _ body: (Double) -> Void
  ) throws {
    let count = try number(property.countType ?? property.type, &scanner)
    // Each item takes at least a byte.
    guard count >= 0, let items = Int(exactly: count), items <= scanner.remaining + columns.count else {
      throw malformed("a list '\(property.name)' of \(count) items", scanner)
    }
    for _ in 0..<items { body(try number(property.type, &scanner)) }
  }

  private mutating func number(_ type: PLYType, _ scanner: inout PointScanner) throws -> Double {
    guard format == .ascii else { return type.value(try scanner.unsigned(type.size, bigEndian: format == .big)) }
    while column == columns.count {
      if !columns.isEmpty {
        throw malformed("\(columns.count) values, fewer than the properties in the header", scanner)
      }
      guard let text = scanner.nextLine() else {
        throw PointFileError.truncated(file: scanner.file, finding: "it ends in line \(scanner.line)")
      }
      columns = text.split { $0 == 0x20 || $0 == 0x09 }
      column = 0
    }
    defer { column += 1 }
    guard let value = PointScanner.number(columns[column]) else {
      let text = String(decoding: columns[column].prefix(40), as: UTF8.self)
      throw PointFileError.malformed(
        file: scanner.file, at: .line(scanner.line - 1), finding: "found '\(text)', expected a number")
    }
    return value
  }

  private func malformed(_ finding: String, _ scanner: PointScanner) -> PointFileError {
    format == .ascii
      ? .malformed(file: scanner.file, at: .line(scanner.line - 1), finding: finding)
      : .malformed(file: scanner.file, at: .byte(scanner.position), finding: finding)
  }
}
