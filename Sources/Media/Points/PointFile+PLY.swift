// PLY, the Stanford polygon format (Turk 1994): text and both binary orders, any element and property before the ones
// that are looked for.

/// A number format of PLY.
enum PLYType {
  case signed(Int)
  case unsigned(Int)
  case real(Int)

  init?(_ name: String) {
    switch name {
    case "char", "int8": self = .signed(1)
    case "uchar", "uint8": self = .unsigned(1)
    case "short", "int16": self = .signed(2)
    case "ushort", "uint16": self = .unsigned(2)
    case "int", "int32": self = .signed(4)
    case "uint", "uint32": self = .unsigned(4)
    case "float", "float32": self = .real(4)
    case "double", "float64": self = .real(8)
    default: return nil
    }
  }

  var size: Int {
    switch self {
    case .signed(let size), .unsigned(let size), .real(let size): size
    }
  }

  /// The number that `bits` are.
  func value(_ bits: UInt64) -> Double {
    switch self {
    case .signed(1): Double(Int8(truncatingIfNeeded: bits))
    case .signed(2): Double(Int16(truncatingIfNeeded: bits))
    case .signed: Double(Int32(truncatingIfNeeded: bits))
    case .unsigned: Double(bits)
    case .real(4): Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .real: Double(bitPattern: bits)
    }
  }
}

/// What a PLY file's first lines say.
struct PLYHeader {
  enum Format: String {
    case ascii
    case little = "binary_little_endian"
    case big = "binary_big_endian"
  }

  struct Property {
    let name: String
    let type: PLYType
    /// The format of the count that stands before the items of a list.
    let countType: PLYType?
  }

  struct Element {
    let name: String
    let count: Int
    var properties: [Property] = []

    /// The fewest bytes that one of it takes.
    func smallestSize(_ format: Format) -> Int {
      properties.reduce(0) { $0 + (format == .ascii ? 2 : ($1.countType ?? $1.type).size) }
    }
  }

  let format: Format
  let elements: [Element]

  init(_ scanner: inout PointScanner) throws {
    var format: Format?
    var elements: [Element] = []
    _ = scanner.nextLine()
    while true {
      guard let text = scanner.nextLine() else {
        throw PointFileError.truncated(file: scanner.file, finding: "the header has no end_header")
      }
      let words = text.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
      func malformed(_ expected: String) -> PointFileError {
        .malformed(
          file: scanner.file, at: .line(scanner.line - 1),
          finding: "'\(words.joined(separator: " ").prefix(60))', expected \(expected)")
      }
      switch words.first {
      case nil, "comment", "obj_info": continue
      case "end_header":
        guard let format else { throw malformed("a format before it") }
        self.format = format
        self.elements = elements
        return
      case "format":
        guard words.count == 3, format == nil, let known = Format(rawValue: words[1]), words[2] == "1.0" else {
          throw malformed("'format ascii 1.0', binary_little_endian or binary_big_endian, once")
        }
        format = known
      case "element":
        guard words.count == 3, let count = Int(words[2]), count >= 0 else {
          throw malformed("'element NAME COUNT'")
        }
        guard elements.count < 64 else { throw malformed("no more than 64 elements") }
        elements.append(Element(name: words[1], count: count))
      case "property":
        let isList = words.count == 5 && words[1] == "list"
        guard let name = words.last, words.count == 3 || isList, !elements.isEmpty,
          let type = PLYType(words[isList ? 3 : 1])
        else { throw malformed("'property TYPE NAME' or 'property list TYPE TYPE NAME' behind an element") }
        let countType = isList ? PLYType(words[2]) : nil
        if isList, countType == nil { throw malformed("a known type of a list's count") }
        guard elements[elements.count - 1].properties.count < 1024 else {
          throw malformed("no more than 1024 properties")
        }
        elements[elements.count - 1].properties.append(Property(name: name, type: type, countType: countType))
      default: throw malformed("format, element, property, comment, obj_info or end_header")
      }
    }
  }
}

extension PointFile {
  static func readPLY(_ scanner: inout PointScanner) throws {
    let header = try PLYHeader(&scanner)
    guard let vertices = header.elements.firstIndex(where: { $0.name == "vertex" }) else {
      throw scanner.malformed("the header names no element 'vertex'")
    }
    let faces = header.elements.firstIndex { $0.name == "face" }
    var body = PLYBody(format: header.format)
    for (index, element) in header.elements[...max(vertices, faces ?? 0)].enumerated() where !element.properties.isEmpty
    {
      if index == vertices {
        try body.readVertices(element, &scanner)
      } else if index == faces {
        try body.readFaces(element, &scanner)
      } else {
        try body.skip(element, &scanner)
      }
    }
  }
}

/// What follows a PLY file's header.
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
      try scanner.add(values[places[0]], values[places[1]], values[places[2]])
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
    }
  }

  private func check(_ element: PLYHeader.Element, _ scanner: PointScanner) throws {
    guard element.count <= (scanner.remaining + 1) / element.smallestSize(format) else {
      throw PointFileError.truncated(
        file: scanner.file,
        finding: "\(element.count) of '\(element.name)' are announced and \(scanner.remaining) bytes left")
    }
  }

  private mutating func forEachItem(
    _ property: PLYHeader.Property, _ scanner: inout PointScanner, _ body: (Double) -> Void
  ) throws {
    let count = try number(property.countType ?? property.type, &scanner)
    // Each item takes a byte, or more.
    guard count >= 0, let items = Int(exactly: count), items <= scanner.remaining + columns.count else {
      throw malformed("a list '\(property.name)' of \(count) items", scanner)
    }
    for _ in 0..<items { body(try number(property.type, &scanner)) }
  }

  private mutating func number(_ type: PLYType, _ scanner: inout PointScanner) throws -> Double {
    guard format == .ascii else { return type.value(try scanner.unsigned(type.size, bigEndian: format == .big)) }
    while column == columns.count {
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
        file: scanner.file, at: .line(scanner.line - 1), finding: "'\(text)' where a number was expected")
    }
    return value
  }

  private func malformed(_ finding: String, _ scanner: PointScanner) -> PointFileError {
    format == .ascii
      ? .malformed(file: scanner.file, at: .line(scanner.line - 1), finding: finding)
      : .malformed(file: scanner.file, at: .byte(scanner.position), finding: finding)
  }
}
