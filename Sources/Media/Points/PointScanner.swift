import MultimodalPathway

/// The state of reading a file of points: its bytes, a position in them, and the points, labels and triangles so far.
struct PointScanner {
  let file: String
  let limits: PointLimits
  /// Whether every point needs a label.
  let wantsLabels: Bool
  private let bytes: [UInt8]
  private(set) var position = 0
  /// The bytes that are read: those of the file, or of an array in it.
  private var range: Range<Int>
  /// The line of text that `position` is in, from 1.
  private(set) var line = 1
  private var coordinates: [Double] = []
  private var triangles: [UInt32] = []
  /// A label for every point so far, if they are wanted and the format has them.
  private(set) var labels: [Int] = []
  /// Notes on the file.
  private(set) var notes: [String] = []

  /// - Parameter start: the first byte that is read: 3 after a byte-order mark.
  init(_ bytes: [UInt8], from start: Int = 0, file: String, limits: PointLimits, wantsLabels: Bool = false) {
    self.bytes = bytes
    self.wantsLabels = wantsLabels
    position = min(start, bytes.count)
    range = 0..<bytes.count
    self.file = file
    self.limits = limits
  }

  /// The first byte of what is read.
  var start: Int { range.lowerBound }
  var remaining: Int { range.upperBound - position }
  var pointCount: Int { coordinates.count / 3 }

  /// An error in the line that was read last.
  func malformed(_ finding: String) -> PointFileError {
    .malformed(file: file, at: .line(max(1, line - 1)), finding: finding)
  }
  func malformed(atByte byte: Int, _ finding: String) -> PointFileError {
    .malformed(file: file, at: .byte(byte), finding: finding)
  }

  // MARK: - Points and triangles

  /// Makes room for `count` points that the file declares, each with at least `bytes` bytes of the file.
  ///
  /// - Throws: `PointFileError.limitExceeded`, `.truncated`.
  mutating func expect(points count: Int, bytes: Int) throws {
    guard count <= limits.points else {
      throw PointFileError.limitExceeded(file: file, quantity: .points, found: count, limit: limits.points)
    }
    // The last number may have no separator after it.
    guard count <= (remaining + 1) / max(1, bytes) else {
      throw PointFileError.truncated(
        file: file, finding: "\(count) points are declared, but \(remaining) bytes are left")
    }
    coordinates.reserveCapacity(3 * count)
  }

  mutating func add(_ x: Double, _ y: Double, _ z: Double) throws {
    guard pointCount < limits.points else {
      throw PointFileError.limitExceeded(
        file: file, quantity: .points, found: pointCount + 1, limit: limits.points)
    }
    coordinates.append(x)
    coordinates.append(y)
    coordinates.append(z)
  }

  mutating func note(_ text: String) { notes.append(text) }

  /// Adds the label of the next point without one.
  ///
  /// - Parameter value: nil for text that is no number.
  /// - Throws: `PointFileError.badLabel` unless it is a whole number.
  mutating func add(label value: Double?, text: @autoclosure () -> String) throws {
    guard let label = value.flatMap({ Int(exactly: $0) }) else {
      throw PointFileError.badLabel(file: file, point: labels.count, found: text())
    }
    labels.append(label)
  }

  /// The finite number in a field of text.
  ///
  /// - Parameter name: the name of the column in errors.
  func coordinate(_ field: ArraySlice<UInt8>, _ name: String, line: Int) throws -> Double {
    if let value = Self.number(field), value.isFinite { return value }
    let text = String(decoding: field.prefix(40), as: UTF8.self)
    let missing = ["", "-", "?", "na", "n/a", "nan", "-nan", "null", "none", "nil", "inf", "-inf", "+inf", "infinity"]
    let hasComma = field.contains(0x2C) && Self.number(ArraySlice(field.map { $0 == 0x2C ? 0x2E : $0 })) != nil
    let finding =
      missing.contains(text.lowercased())
      ? "the value of \(name) is missing ('\(text)'); remove such points first"
      : hasComma
        ? "\(name) is '\(text)', with a decimal comma; write decimal points"
        : "\(name) is '\(text)', expected a number: the three coordinates of a point"
    throw PointFileError.malformed(file: file, at: .line(line), finding: finding)
  }

  /// Adds a polygon as a fan of triangles; one of fewer than three corners has none.
  mutating func add(polygon: [Int]) throws {
    guard polygon.count >= 3 else { return }
    for index in polygon where !(0..<Int(UInt32.max)).contains(index) {
      throw malformed("a face of point \(index)")
    }
    let found = triangles.count / 3 + polygon.count - 2
    guard found <= limits.triangles else {
      throw PointFileError.limitExceeded(file: file, quantity: .triangles, found: found, limit: limits.triangles)
    }
    for corner in 2..<polygon.count {
      triangles += [polygon[0], polygon[corner - 1], polygon[corner]].map { UInt32($0) }
    }
  }

  /// - Throws: `PointFileError.noCloud`.
  func cloud() throws -> PointCloud {
    do {
      return try PointCloud(positions: coordinates, triangles: triangles)
    } catch let error as PointCloudError {
      throw PointFileError.noCloud(file: file, reason: error)
    }
  }

  // MARK: - Bytes

  /// The next `count` bytes. Callers have checked their number.
  mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// Moves to the first of these bytes of the file, and reads them alone.
  mutating func enter(_ range: Range<Int>) {
    self.range = range
    position = range.lowerBound
  }

  mutating func seek(to byte: Int) { position = min(byte, bytes.count) }

  /// A whole number of `size` bytes, up to 8.
  mutating func unsigned(_ size: Int, bigEndian: Bool) throws -> UInt64 {
    guard size <= remaining else {
      throw PointFileError.truncated(
        file: file, finding: "a number of \(size) bytes begins \(remaining) bytes before the end")
    }
    var value: UInt64 = 0
    for index in 0..<size {
      let byte = UInt64(bytes[position + index])
      value |= byte << UInt64(8 * (bigEndian ? size - 1 - index : index))
    }
    position += size
    return value
  }

  // MARK: - Text

  /// The next line without its end, \n, \r\n or \r; nil at the end of the file.
  mutating func nextLine() -> ArraySlice<UInt8>? {
    guard position < bytes.count else { return nil }
    let start = position
    while position < bytes.count, bytes[position] != 0x0A, bytes[position] != 0x0D { position += 1 }
    let text = bytes[start..<position]
    if position < bytes.count {
      if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A { position += 1 }
      position += 1
    }
    line += 1
    return text
  }

  /// The words of the next line that has any before a `#`, and its number; nil at the end of the file.
  mutating func nextColumns() -> (columns: [ArraySlice<UInt8>], line: Int)? {
    while let text = nextLine() {
      let columns = text.prefix { $0 != UInt8(ascii: "#") }.split { Self.isSeparator($0) }
      if !columns.isEmpty { return (columns, line - 1) }
    }
    return nil
  }

  static func isSeparator(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20, 0x09, 0x0B, 0x0C: true
    default: false
    }
  }

  /// The remaining lines must be empty.
  mutating func expectEnd(after what: String) throws {
    if let (columns, line) = nextColumns() {
      let text = String(decoding: columns[0].prefix(20), as: UTF8.self)
      throw PointFileError.malformed(
        file: file, at: .line(line), finding: "'\(text)...' follows \(what), expected the end of the file")
    }
  }

  /// A decimal number, or nan or inf as in C; nil for anything else.
  ///
  /// Up to 15 digits, and powers of ten to 22, are exact in a Double, so that their quotient is rounded once (Clinger
  /// 1990). Other numbers are parsed by the standard library.
  static func number(_ text: ArraySlice<UInt8>) -> Double? {
    var (digits, count, exponent, index) = (Int64(0), 0, 0, text.startIndex)
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { index += 1 }
    var hasPoint = false
    while index < text.endIndex {
      let byte = text[index]
      if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else if byte >= 0x30, byte <= 0x39, count < 15 {
        digits = digits * 10 + Int64(byte - 0x30)
        count += 1
        if hasPoint { exponent -= 1 }
      } else {
        return Double(String(decoding: text, as: UTF8.self))
      }
      index += 1
    }
    guard count > 0 else { return nil }
    let value = exponent == 0 ? Double(digits) : Double(digits) / powers[-exponent]
    return isNegative ? -value : value
  }

  /// 10^0 to 10^15.
  private static let powers: [Double] = (0...15).map { (0..<$0).reduce(1.0) { value, _ in value * 10 } }

  /// A whole number in decimal.
  static func integer(_ text: ArraySlice<UInt8>) -> Int? { Int(String(decoding: text, as: UTF8.self)) }
}
