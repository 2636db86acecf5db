import Foundation
import MultimodalPathway
import PathwayLoops

// NPY, NumPy's array format: an array (N, 3 or more) of numbers, or (N) of records with the fields x, y and z.

extension PointFile {
  /// Reads an array from the position of the scanner on.
  ///
  /// - Parameter hasLabels: whether its columns may have labels.
  static func readNPY(_ scanner: inout PointScanner, hasLabels: Bool = true) throws {
    let header = try npyHeader(&scanner)
    let layout =
      try header.fields.isEmpty
      ? plain(header, &scanner, hasLabels: hasLabels) : records(header, &scanner, hasLabels: hasLabels)
    let start = scanner.position
    guard scanner.remaining >= layout.rows * layout.rowBytes else {
      throw PointFileError.truncated(
        file: scanner.file, finding: "\(layout.rows) points are declared, but \(scanner.remaining) bytes are left")
    }
    var counter = LineCounter()
    for row in 0..<layout.rows {
      var values = (0.0, 0.0, 0.0)
      values.0 = try value(&scanner, at: start + row * layout.rowStride, layout.x)
      values.1 = try value(&scanner, at: start + row * layout.rowStride, layout.y)
      values.2 = try value(&scanner, at: start + row * layout.rowStride, layout.z)
      try scanner.add(values.0, values.1, values.2)
      if let place = layout.label {
        let label = try value(&scanner, at: start + row * layout.rowStride, place)
        try scanner.add(label: label, text: "\(label)")
      }
      if layout.hasMore { counter.add(values.0) }
    }
    if counter.isProgression { scanner.note("the first column counts the rows; it is read as x") }
    scanner.seek(to: start + layout.rows * layout.rowBytes)
    guard scanner.remaining == 0 else {
      throw scanner.malformed(
        atByte: scanner.position, "\(scanner.remaining) bytes follow the array; save one array per file")
    }
  }

  /// The header of an array; the scanner is then at its first number.
  private static func npyHeader(_ scanner: inout PointScanner) throws -> NPYHeader {
    guard scanner.remaining >= 12 else {
      throw PointFileError.truncated(file: scanner.file, finding: "it has no header")
    }
    let magic = [UInt8](scanner.take(8))
    guard magic.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw scanner.malformed(atByte: scanner.start, "it is no array of NumPy")
    }
    let version = magic[6]
    guard (1...3).contains(version) else {
      throw PointFileError.unsupportedVariant(file: scanner.file, finding: "NPY version \(version), expected 1, 2 or 3")
    }
    let length = Int(try scanner.unsigned(version == 1 ? 2 : 4, bigEndian: false))
    guard length <= min(scanner.remaining, 1 << 16) else {
      throw scanner.malformed(atByte: scanner.start + 8, "a header of \(length) bytes, with \(scanner.remaining) left")
    }
    // The names x, y and z are ASCII; other characters would only cost time.
    let text = String(decoding: scanner.take(length).map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    guard let header = NPYHeader(text) else {
      throw scanner.malformed(
        atByte: scanner.start + 10,
        "the header is '\(text.prefix(80))', expected {'descr': ..., 'fortran_order': ..., 'shape': ...}")
    }
    return header
  }

  /// Reads labels, an array (N) or (N, 1) from the position of the scanner on, one for every point that it has.
  ///
  /// - Throws: `PointFileError.labelCount`, `.badLabel`, and the errors of an array.
  static func readLabels(_ scanner: inout PointScanner) throws {
    let header = try npyHeader(&scanner)
    guard header.fields.isEmpty, let type = numberType(header.type) else { throw unsupported(header.type, scanner) }
    let shape = header.shape.count == 2 && header.shape[1] == 1 ? [header.shape[0]] : header.shape
    guard shape.count == 1 else {
      throw scanner.malformed(
        atByte: scanner.start + 10, "the shape of the labels is \(header.shape), expected (points)")
    }
    guard shape[0] == scanner.pointCount else {
      throw PointFileError.labelCount(file: scanner.file, found: shape[0], points: scanner.pointCount)
    }
    let (start, bytes) = (scanner.position, shape[0] * type.size)
    guard scanner.remaining == bytes else {
      throw scanner.malformed(atByte: start, "the labels have \(scanner.remaining) bytes, expected \(bytes)")
    }
    for row in 0..<shape[0] {
      let label = try value(&scanner, at: start + row * type.size, (0, type))
      try scanner.add(label: label, text: "\(label)")
    }
  }

  private struct NumberType {
    let kind: Character
    let size: Int
    let isBigEndian: Bool
  }

  /// A number in a row: its type and its first byte from the beginning of the row.
  private typealias Place = (offset: Int, type: NumberType)

  private struct Layout {
    let rows: Int
    /// Bytes of the file for each row.
    let rowBytes: Int
    /// Bytes from one row to the next; less if columns are contiguous.
    let rowStride: Int
    let x, y, z: Place
    /// nil: labels are not wanted.
    let label: Place?
    /// Whether unnamed columns are more than three.
    let hasMore: Bool
  }

  private static func plain(
    _ header: NPYHeader, _ scanner: inout PointScanner, hasLabels: Bool
  ) throws -> Layout {
    guard let type = numberType(header.type) else { throw unsupported(header.type, scanner) }
    guard header.shape.count == 2, header.shape[1] >= 3, header.shape[1] <= 1 << 16 || header.shape[0] == 3 else {
      throw scanner.malformed(atByte: scanner.start + 10, "the shape is \(header.shape), expected (points, 3 or more)")
    }
    let (rows, columns) = (header.shape[0], header.shape[1])
    guard rows != 3 || columns == 3 else {
      throw scanner.malformed(
        atByte: scanner.start + 10,
        "the shape is (3, \(columns)), expected (points, 3 or more); transpose it: numpy.save(FILE, points.T)")
    }
    // (4, N) are homogeneous coordinates, (6, N) coordinates and normals.
    guard rows > 16 || columns <= 16 else {
      throw scanner.malformed(
        atByte: scanner.start + 10,
        "the shape is (\(rows), \(columns)), expected (points, 3 or more); transpose it: numpy.save(FILE, points.T)")
    }
    if rows < columns, rows > 3 {
      scanner.note("the shape is (\(rows), \(columns)): rows are read as points, the first 3 columns as x, y and z")
    }
    if rows == 3 { scanner.note("the shape is (3, 3): rows are read as points, columns as x, y and z") }
    let rowBytes = columns * type.size
    try scanner.expect(points: rows, bytes: rowBytes)
    let step = header.isFortranOrder ? rows * type.size : type.size
    let label = hasLabels ? try scanner.labelColumn(ofUnnamed: columns) : nil
    return Layout(
      rows: rows, rowBytes: rowBytes, rowStride: header.isFortranOrder ? type.size : rowBytes, x: (0, type),
      y: (step, type), z: (2 * step, type), label: label.map { ($0 * step, type) }, hasMore: columns > 3)
  }

  /// Records with the fields x, y and z.
  private static func records(
    _ header: NPYHeader, _ scanner: inout PointScanner, hasLabels: Bool
  ) throws -> Layout {
    guard header.shape.count == 1 else {
      throw scanner.malformed(atByte: scanner.start + 10, "records of shape \(header.shape), expected (points)")
    }
    let names = header.fields.map { $0.count == 1 ? $0.name : "" }
    let labelColumn = hasLabels ? try scanner.labelColumn(in: names) : nil
    var places: [String: Place] = [:]
    var label: Place?
    var offset = 0
    for (index, field) in header.fields.enumerated() {
      let (name, size) = (field.name.lowercased(), fieldSize(field.type))
      guard let size, field.count <= (1 << 24) / max(1, size) else { throw unsupported(field.type, scanner) }
      if ["x", "y", "z"].contains(name) {
        guard field.count == 1, places[name] == nil, let type = numberType(field.type) else {
          throw unsupported("\(field.name): \(field.type)", scanner)
        }
        places[name] = (offset, type)
      }
      if index == labelColumn {
        guard let type = numberType(field.type) else { throw unsupported("\(field.name): \(field.type)", scanner) }
        label = (offset, type)
      }
      offset += size * field.count
    }
    guard let x = places["x"], let y = places["y"], let z = places["z"] else {
      let names = header.fields.prefix(12).map { "'\($0.name)'" }.joined(separator: ", ")
      throw scanner.malformed(
        atByte: scanner.start + 10, "records with the fields \(names), expected x, y and z among them")
    }
    try scanner.expect(points: header.shape[0], bytes: offset)
    return Layout(
      rows: header.shape[0], rowBytes: offset, rowStride: offset, x: x, y: y, z: z, label: label, hasMore: false)
  }

  private static func unsupported(_ type: String, _ scanner: PointScanner) -> PointFileError {
    .unsupportedVariant(
      file: scanner.file,
      finding: "numbers of type '\(type.prefix(20))', expected f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 or u8")
  }

  /// Bytes of an element of a field of any type: the number in the type, times 4 for Unicode text.
  private static func fieldSize(_ type: String) -> Int? {
    guard let first = type.first, let size = Int(type.drop { !$0.isNumber }), size <= 1 << 20 else { return nil }
    guard "<>|=".contains(first), !type.contains("O") else { return nil }
    return type.contains("U") ? 4 * size : size
  }

  /// NumPy's type string: byte order, kind, size.
  private static func numberType(_ text: String) -> NumberType? {
    let parts = Array(text)
    guard parts.count == 3, let size = parts[2].wholeNumberValue, "<>|=".contains(parts[0]) else { return nil }
    let sizes: [Character: [Int]] = ["f": [2, 4, 8], "i": [1, 2, 4, 8], "u": [1, 2, 4, 8]]
    guard sizes[parts[1]]?.contains(size) == true else { return nil }
    return NumberType(kind: parts[1], size: size, isBigEndian: parts[0] == ">")
  }

  private static func value(_ scanner: inout PointScanner, at row: Int, _ place: Place) throws -> Double {
    let type = place.type
    scanner.seek(to: row + place.offset)
    let bits = try scanner.unsigned(type.size, bigEndian: type.isBigEndian)
    switch (type.kind, type.size) {
    case ("f", 2): return Double(FloatBits.single(half: UInt16(truncatingIfNeeded: bits)))
    case ("f", 4): return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case ("f", _): return Double(bitPattern: bits)
    case ("i", let size):
      // Shifts the sign bit to the top and back, which extends it.
      let shift = 64 - 8 * size
      return Double(Int64(bitPattern: bits << UInt64(shift)) >> Int64(shift))
    default: return Double(bits)
    }
  }
}
