import Foundation
import MultimodalPathway

// NPY, NumPy's array format, versions 1 to 3 (numpy/lib/format.py): an array (N, 3 or more) of numbers.

/// What an NPY file's header says. It is read as the text that NumPy writes; nothing in it is evaluated.
struct NPYHeader {
  var type = ""
  var isFortranOrder = false
  var shape: [Int] = []

  /// A dictionary of the keys `descr`, `fortran_order` and `shape`, each once; nil for anything else.
  init?(_ text: String) {
    var rest = Substring(text)
    var seen: Set<String> = []
    func skip(_ token: String) -> Bool {
      rest = rest.drop { $0 == " " || $0 == "\n" }
      guard rest.hasPrefix(token) else { return false }
      rest = rest.dropFirst(token.count)
      return true
    }
    func quoted() -> String? {
      guard skip("'") || skip("\"") else { return nil }
      let value = rest.prefix { $0 != "'" && $0 != "\"" }
      rest = rest.dropFirst(value.count)
      guard !rest.isEmpty else { return nil }
      rest = rest.dropFirst()
      return String(value)
    }
    func numbers() -> [Int]? {
      guard skip("(") else { return nil }
      var values: [Int] = []
      while !skip(")") {
        _ = skip(" ")
        let digits = rest.prefix { ("0"..."9").contains($0) }
        guard let value = Int(digits), values.count < 8 else { return nil }
        rest = rest.dropFirst(digits.count)
        _ = skip("L")
        values.append(value)
        if !skip(",") {
          guard skip(")") else { return nil }
          return values
        }
      }
      return values
    }
    guard skip("{") else { return nil }
    while !skip("}") {
      guard let key = quoted(), seen.insert(key).inserted, skip(":") else { return nil }
      switch key {
      case "descr":
        guard let value = quoted() else { return nil }
        type = value
      case "fortran_order":
        let isTrue = skip("True")
        guard isTrue || skip("False") else { return nil }
        isFortranOrder = isTrue
      case "shape":
        guard let value = numbers() else { return nil }
        shape = value
      default: return nil
      }
      _ = skip(",")
    }
    guard seen.count == 3 else { return nil }
  }
}

extension PointFile {
  static func readNPY(_ scanner: inout PointScanner) throws {
    guard scanner.remaining >= 12 else {
      throw PointFileError.truncated(file: scanner.file, finding: "it has no header")
    }
    let version = [UInt8](scanner.take(8))[6]
    guard (1...3).contains(version) else {
      throw PointFileError.unsupportedVariant(file: scanner.file, finding: "NPY version \(version), expected 1, 2 or 3")
    }
    let length = Int(try scanner.unsigned(version == 1 ? 2 : 4, bigEndian: false))
    guard length <= min(scanner.remaining, 1 << 16) else {
      throw scanner.malformed(atByte: 8, "a header of \(length) bytes, with \(scanner.remaining) left")
    }
    let text = String(decoding: scanner.take(length), as: UTF8.self)
    guard let header = NPYHeader(text) else {
      throw scanner.malformed(
        atByte: 10, "the header is '\(text.prefix(80))', expected {'descr': ..., 'fortran_order': ..., 'shape': ...}")
    }
    guard let type = numberType(header.type) else {
      throw PointFileError.unsupportedVariant(
        file: scanner.file,
        finding: "numbers of type '\(header.type.prefix(20))', expected f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 or u8")
    }
    guard header.shape.count == 2, header.shape[1] >= 3, header.shape[1] <= 1 << 16 else {
      throw scanner.malformed(atByte: 10, "the shape is \(header.shape), expected (points, 3 or more)")
    }
    let (rows, columns) = (header.shape[0], header.shape[1])
    try scanner.expect(points: rows, bytes: columns * type.size)
    let (rowStride, columnStride) =
      header.isFortranOrder ? (type.size, rows * type.size) : (columns * type.size, type.size)
    let start = scanner.position
    for row in 0..<rows {
      var values = (0.0, 0.0, 0.0)
      values.0 = try value(&scanner, at: start + row * rowStride, type)
      values.1 = try value(&scanner, at: start + row * rowStride + columnStride, type)
      values.2 = try value(&scanner, at: start + row * rowStride + 2 * columnStride, type)
      try scanner.add(values.0, values.1, values.2)
    }
  }

  private struct NumberType {
    let kind: Character
    let size: Int
    let isBigEndian: Bool
  }

  /// NumPy's type string: byte order, kind, size.
  private static func numberType(_ text: String) -> NumberType? {
    let parts = Array(text)
    guard parts.count == 3, let size = parts[2].wholeNumberValue, "<>|=".contains(parts[0]) else { return nil }
    let sizes: [Character: [Int]] = ["f": [2, 4, 8], "i": [1, 2, 4, 8], "u": [1, 2, 4, 8]]
    guard sizes[parts[1]]?.contains(size) == true else { return nil }
    return NumberType(kind: parts[1], size: size, isBigEndian: parts[0] == ">")
  }

  private static func value(_ scanner: inout PointScanner, at byte: Int, _ type: NumberType) throws -> Double {
    scanner.seek(to: byte)
    let bits = try scanner.unsigned(type.size, bigEndian: type.isBigEndian)
    switch (type.kind, type.size) {
    case ("f", 2): return Double(FloatBits.single(half: UInt16(truncatingIfNeeded: bits)))
    case ("f", 4): return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case ("f", _): return Double(bitPattern: bits)
    case ("i", let size):
      // The sign bit to the top, and back with copies of it.
      let shift = 64 - 8 * size
      return Double(Int64(bitPattern: bits << UInt64(shift)) >> Int64(shift))
    default: return Double(bits)
    }
  }
}
