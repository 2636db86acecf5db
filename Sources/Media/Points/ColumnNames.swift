import Foundation
import MultimodalPathway

/// The names of the columns of a table.
struct ColumnNames {
  let names: [String]

  private static let axes: [[String]] = [
    ["x", "px", "posx", "positionx", "coordx", "xcoord", "xcoordinate", "pointx", "pointsx", "east", "easting"],
    ["y", "py", "posy", "positiony", "coordy", "ycoord", "ycoordinate", "pointy", "pointsy", "north", "northing"],
    [
      "z", "pz", "posz", "positionz", "coordz", "zcoord", "zcoordinate", "pointz", "pointsz", "elevation", "altitude",
      "height",
    ],
  ]
  /// Other names in tables of points.
  private static let others: Set<String> = [
    "", "id", "index", "n", "r", "g", "b", "a", "red", "green", "blue", "alpha", "rgb", "nx", "ny", "nz", "i",
    "intensity", "label", "class", "classification", "curvature", "scalar", "confidence", "quality", "t", "time",
  ]

  init(_ fields: [ArraySlice<UInt8>]) {
    // A separator may end the line.
    let named = fields.last?.isEmpty == true ? fields.dropLast() : fields[...]
    names = named.map { field in
      let text = String(decoding: field.prefix(Self.longestName), as: UTF8.self)
      return field.count > Self.longestName || text.hasTooManyCombiningMarks ? "?" : Self.plain(text)
    }
  }

  /// Bytes of the longest name that is read.
  private static let longestName = 256

  /// Without quotes, unit, case and punctuation; ParaView's `Points:0` becomes `pointsx`.
  static func plain(_ name: String) -> String {
    let start = name.drop { "\"' ".contains($0) }.prefix { !"[(".contains($0) }.lowercased()
    let parts = start.split { "_ ".contains($0) }
    if parts.count == 2, ["m", "mm", "cm", "km", "ft", "in"].contains(parts[1]) { return String(parts[0]) }
    var name = start.filter { $0.isLetter || $0.isNumber || $0 == ":" }
    for (suffix, axis) in [(":0", "x"), (":1", "y"), (":2", "z")] where name.hasSuffix(suffix) {
      name = name.hasPrefix("points") ? "points" + axis : name
    }
    return name
  }

  /// The columns of x, y and z; nil unless each is named once, by its letter or, if no column has that, by another of
  /// its usual names.
  var coordinates: [Int]? {
    let places = Self.axes.map { known -> Int? in
      let exact = names.indices.filter { names[$0] == known[0] }
      let found = exact.isEmpty ? names.indices.filter { known.contains(names[$0]) } : exact
      return found.count == 1 ? found[0] : nil
    }
    let found = places.compactMap { $0 }
    return found.count == 3 ? found : nil
  }

  /// Whether there are columns of latitude and longitude.
  var isGeographic: Bool {
    names.contains { ["lat", "latitude"].contains($0) }
      && names.contains { ["lon", "lng", "long", "longitude"].contains($0) }
  }

  /// The error text for such columns without x, y and z.
  static let anglesFinding =
    "latitude and longitude are angles, not lengths; project them first, to UTM or to Earth-centred x, y and z"

  /// Whether every word is the name of a column.
  var areAllKnown: Bool {
    names.allSatisfy { name in Self.others.contains(name) || Self.axes.contains { $0.contains(name) } }
  }
}

/// The separator of columns in a text table.
enum ColumnSeparator: UInt8, CaseIterable {
  case semicolon = 0x3B
  case tab = 0x09
  case comma = 0x2C
  /// Any number of spaces and tabs.
  case space = 0x20

  /// The separator of a header: the first of these that it contains.
  init(header: ArraySlice<UInt8>) {
    self = Self.allCases.first { header.contains($0.rawValue) } ?? .space
  }

  /// The separator of a row: the first that gives three numbers, else as for a header.
  init(row: ArraySlice<UInt8>) {
    self =
      Self.allCases.first { $0.fields(row).count { PointScanner.number($0) != nil } >= 3 } ?? Self(header: row)
  }

  /// The fields of a line, without surrounding blanks and quotes. A separator at the end makes an empty one.
  func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    if self == .space { return line.split { PointScanner.isSeparator($0) }.map(Self.unquoted) }
    var fields: [ArraySlice<UInt8>] = []
    var (start, isQuoted) = (line.startIndex, false)
    for index in line.indices {
      if line[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard line[index] == rawValue, !isQuoted else { continue }
      fields.append(Self.unquoted(Self.trimmed(line[start..<index])))
      start = index + 1
    }
    return fields + [Self.unquoted(Self.trimmed(line[start...]))]
  }

  static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    while let first = text.first, PointScanner.isSeparator(first) { text = text.dropFirst() }
    while let last = text.last, PointScanner.isSeparator(last) { text = text.dropLast() }
    return text
  }

  private static func unquoted(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let quote = UInt8(ascii: "\"")
    return text.count >= 2 && text.first == quote && text.last == quote ? text.dropFirst().dropLast() : text
  }
}
