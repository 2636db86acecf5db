import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// The choice of the columns x, y and z in a text, and everything that could shift columns.
@Suite struct PointTableTests {
  private static let points: [Float] = [1.5, 2.25, 3, -4.5, 0.5, 6]

  private static func read(_ text: String) throws -> (points: [Float], notes: [MediaNote]) {
    var notes: [MediaNote] = []
    let cloud = try PointFile.decode(Data(text.utf8), name: "cloud") { notes.append($0) }
    return (cloud.coordinates, notes)
  }

  @Test(arguments: [
    "id,x,y,z\n7,1.5,2.25,3\n8,-4.5,0.5,6\n", ",x,y,z\n0,1.5,2.25,3\n1,-4.5,0.5,6\n",
    "z,y,x\n3,2.25,1.5\n6,0.5,-4.5\n", "X Y Z R G B\n1.5 2.25 3 255 0 0\n-4.5 0.5 6 0 0 0\n",
    "\"x\",\"y\",\"z\"\n1.5,2.25,3\n-4.5,0.5,6\n", "\"1.5\",\"2.25\",\"3\"\n\"-4.5\",\"0.5\",\"6\"\n",
    "# z y x\n3 2.25 1.5\n6 0.5 -4.5\n", "# id x y z\n7 1.5 2.25 3\n8 -4.5 0.5 6\n",
    "//X Y Z R\n1.5 2.25 3 9\n-4.5 0.5 6 9\n", "//Z Y X\n2\n3 2.25 1.5\n6 0.5 -4.5\n",
    "label;z;x;y\nchair leg;3;1.5;2.25\n;6;-4.5;0.5\n", "name\tx\ty\tz\na chair\t1.5\t2.25\t3\n\t-4.5\t0.5\t6\n",
    "X [m], Y [m], Z [m]\n1.5,2.25,3\n-4.5,0.5,6\n", "Easting;Northing;Height\n1.5;2.25;3\n-4.5;0.5;6\n",
    "\"Points:2\",\"Points:0\",\"Points:1\"\n3,1.5,2.25\n6,-4.5,0.5\n", "x y z\n1.5,2.25,3\n-4.5,0.5,6\n",
    "1.5,2.25,3,\n-4.5,0.5,6,\n", "1.5 2.25 3 255,0,0\n-4.5 0.5 6 0,255,0\n",
    "\u{FEFF}z,y,x\r\n3,2.25,1.5\r\n6,0.5,-4.5\r\n",
    "\u{FEFF}1.5 2.25 3\n-4.5 0.5 6\n", "# rotated about z, then y and x\n1.5 2.25 3\n-4.5 0.5 6\n",
    "northing,easting,z,intensity\n2.25,1.5,3,\n0.5,-4.5,6,\n", "nx,ny,nz,x,y,z\n0,0,1,1.5,2.25,3\n0,0,1,-4.5,0.5,6\n",
  ])
  func namesDecide(_ text: String) throws {
    let found = try Self.read(text)
    #expect(found.points == Self.points && found.notes.isEmpty, "\(text)")
  }

  @Test(arguments: [
    ("id,x,y,z\n7,1,2,3\n8,1,,3\n", 3), ("x,y,z\n1,2,3\n1,nan,3\n", 3), ("x y z\nNA 2 3\n", 2), ("1,2,\n", 1),
    ("1 2 3\n4 nan 6\n", 2), ("1 2 3\n4 inf 6\n", 2), ("1\t2\t3\t4\n1\t\t3\t4\n", 2), ("1\t\t3\t4\n", 1),
    ("1,5;2,5;3,5\n", 1), ("x;y;z\n1,5;2,5;3,5\n", 2), ("1,5 2,5 3,5\n", 1), ("1,5\t2,5\t3,5\n", 1),
    ("\"1,5\",\"2,5\",\"3,5\"\n", 1), ("1,5, 2,5, 3,5\n", 1), ("1 2 3\n1 2,5 3\n", 2), ("v 1,5 2,5 3,5\n", 1),
    ("OFF\n1 0 0\n0,5 0,5 0,5\n", 3), ("1 2 3 4 5 6\n1 3 4 5 6\n", 2), ("1 2 3\n1 2 3 4\n", 2),
    ("id,x,y,z\n1,2,3\n", 2), ("x,y,z\n7,1,2,3\n", 2), ("# x y z r g b\n1 2 3\n", 2),
    ("\"x\" \"y\" \"z\"\n\"1\" 1 2 3\n", 2),
    ("a,b,c\n1,2,3\n", 1), ("x,y\n1,2\n", 1), ("x,x,y,z\n1,2,3,4\n", 1), ("lat,lon,alt\n1,2,3\n", 1),
    (",0,1,2\n0,1,2,3\n", 1),
    ("1,234,567.5 2 3\n", 1), ("OFF\n2 0 0\n0 0 0\n1 1 1 255\n", 4), ("OFF\n1 0 0\n0 0 0\n1 1 1\n", 4),
    ("v 1 2 3 4 5\n", 1), ("v 1 nan 3\n", 1), ("1;2;3\n4;;6\n", 2),
  ])
  func shiftedColumnsAreAnErrorWithItsLine(_ text: String, _ line: Int) throws {
    do {
      let found = try Self.read(text)
      Issue.record("\(text) is read as \(found.points)")
    } catch PointFileError.malformed(_, let place, _) {
      #expect(place == .line(line), "\(text)")
    }
  }

  /// Coordinates in three long rows, as numpy.savetxt writes an array (3, N).
  @Test func transposedTablesAreRefused() throws {
    let row = (0..<40).map { "\($0).5" }.joined(separator: " ")
    guard
      case .malformed(_, .line(1), let finding)? = #expect(
        throws: PointFileError.self,
        performing: {
          try Self.read("\(row)\n\(row)\n\(row)\n")
        })
    else {
      Issue.record("no line")
      return
    }
    #expect(finding.contains("transpose"))
  }

  /// A table of pandas without names, but with its index.
  @Test func columnsThatCountLinesAreRefused() throws {
    let lines = (0..<9).map { "\($0),\(Double($0) * 0.25 + 1.125),2.5,-0.75" }
    guard
      case .malformed(_, .line(1), let finding)? = #expect(
        throws: PointFileError.self,
        performing: {
          try Self.read(lines.joined(separator: "\n"))
        })
    else {
      Issue.record("no line")
      return
    }
    #expect(finding.contains("counts the lines"))
    #expect(try Self.read("n,x,y,z\n" + lines.joined(separator: "\n")).points.count == 27)
    // A header says that the column is x; in a table of few lines, or of three columns, it may be x.
    #expect(try Self.read("x,y,z,i\n" + lines.prefix(7).joined(separator: "\n")).points.count == 21)
    #expect(try Self.read(lines.prefix(7).joined(separator: "\n")).points.count == 21)
    #expect(try Self.read((0..<9).map { "\($0) 0.5 1.5" }.joined(separator: "\n")).points.count == 27)
  }

  /// A part of such a table, in any order, and numbers with other steps.
  @Test(arguments: [
    Array(50..<60), Array(0..<10).reversed(), [3, 1, 4, 0, 5, 9, 2, 6, 8, 7], Array(stride(from: 10, to: 110, by: 10)),
  ])
  func columnsThatCountOtherwiseAreRefused(_ numbers: [Int]) throws {
    let lines = numbers.map { "\($0) \(Double($0 * $0 % 7) * 0.25 + 0.125) 2.5 -0.75" }
    guard
      case .malformed(_, .line(1), let finding)? = #expect(
        throws: PointFileError.self,
        performing: {
          try Self.read(lines.joined(separator: "\n"))
        })
    else {
      Issue.record("no line")
      return
    }
    #expect(finding.contains("counts the lines"))
  }

  /// Times, numbers next to whole coordinates, and distinct whole numbers.
  @Test func columnsThatMayCountLinesGiveANote() throws {
    let tables = [
      (0..<9).map { "\(Double($0) / 10),\($0 * $0 % 5),2.5,-0.75" }, (0..<9).map { "\($0),\($0 * $0 % 5),2,-7" },
      [4, 90, 17, 3, 55, 21, 8, 70, 12].map { "\($0),\(Double($0 * $0 % 7) + 0.5),2.5,-0.75" },
    ]
    for lines in tables {
      let found = try Self.read(lines.joined(separator: "\n"))
      #expect(
        found.points.count == 27 && found.notes.count == 1 && found.notes[0].text.contains("read as x"), "\(lines)")
    }
    // x that repeats, or has no constant step.
    for numbers in [[1, 1, 2, 2, 3, 3, 4, 4, 5], [5, 1, 5, 2, 5, 3, 5, 4, 5]] {
      let lines = numbers.map { "\($0),\(Double($0 * $0 % 7) + 0.5),2.5,-0.75" }
      #expect(try Self.read(lines.joined(separator: "\n")).notes.isEmpty)
    }
  }

  @Test func decimalCommasWithoutBlanksAreRefused() throws {
    for text in ["0,1257,-0,1321,0,3202\n1,5,2,25,3,1\n", "1,5,2,05,3,1\n1,5,2,25,3,1\n", "0,1257 -0,1321 0,3202\n"] {
      guard
        case .malformed(_, .line(1), let finding)? = #expect(
          throws: PointFileError.self,
          performing: {
            try Self.read(text)
          })
      else {
        Issue.record("\(text)")
        continue
      }
      #expect(finding.contains("decimal commas"))
    }
    // Whole coordinates and colours.
    #expect(try Self.read("1,-5,2,255,0,7\n3,4,0,10,128,0\n").points == [1, -5, 2, 3, 4, 0])
    #expect(try Self.read("1,5,2,255,0,7\n3,4,0,10,128,0\n").points == [1, 5, 2, 3, 4, 0])
  }

  @Test func anglesAreNotLengths() throws {
    for text in [
      "lat,lon,alt\n47,8,500\n", "# lon lat h\n8 47 500\n8.1 47.1 501\n", "Longitude;Latitude;z\n8;47;500\n",
    ] {
      guard
        case .malformed(_, .line(1), let finding)? = #expect(
          throws: PointFileError.self,
          performing: {
            try Self.read(text)
          })
      else {
        Issue.record("\(text)")
        continue
      }
      #expect(finding.contains("angles"))
    }
    #expect(try Self.read("lat,lon,x,y,z\n47,8,1.5,2.25,3\n47,8,-4.5,0.5,6\n").points == Self.points)
    #expect(try Self.read("X_m;Z_m;Y_m\n1.5;3;2.25\n-4.5;6;0.5\n").points == Self.points)
  }

  /// Homogeneous coordinates or normals in rows; few points in three lines.
  @Test func shortTablesOfLongLinesAreRefusedOrGiveANote() throws {
    let row = (0..<17).map { "\($0 * $0).5" }.joined(separator: ",")
    for count in [1, 2, 3, 4, 6, 16] {
      let text = [String](repeating: row, count: count).joined(separator: "\n")
      let error = #expect(throws: PointFileError.self) { try Self.read(text) }
      #expect("\(String(describing: error))".contains("transpose"))
    }
    let short = try Self.read("1,2,9,4,5\n6,7,8,9,1\n2,3,4,5,7\n")
    #expect(short.points.count == 9 && short.notes.count == 1)
    for rows in [1, 4, 6, 16] {
      let error = #expect(throws: PointFileError.self) {
        try Self.npy("'<f4'", "(\(rows), 200)", Data(count: 800 * rows))
      }
      #expect("\(String(describing: error))".contains("transpose"))
    }
    let values = (0..<60).map { Float($0 * $0 % 17) }
    #expect(try Self.npy("'<f4'", "(6, 10)", Self.floats(values)).notes.count == 1)
    #expect(try Self.npy("'<f4'", "(10, 6)", Self.floats(values)).notes.isEmpty)
    let counted = (0..<40).map { (index: Int) -> Float in
      let value = index % 4 == 0 ? index / 4 : index * index % 17
      return Float(value)
    }
    #expect(try Self.npy("'<f4'", "(10, 4)", Self.floats(counted)).notes.map(\.text.isEmpty) == [false])
  }

  /// float32 has steps of half a metre at a northing of 5,412,345 m.
  @Test func shapesThatWereRoundedBeforeTheyWereSavedGiveANote() throws {
    let far = try Self.npy(
      "'<f4'", "(4, 3)",
      Self.floats([5e5, 5_412_345.5, 1, 500_001, 5_412_345, 2, 5e5, 5_412_346, 2.5, 5e5, 5_412_347, 1]))
    #expect(far.notes.count == 1 && far.notes[0].text.contains("steps of 0.5"))
    #expect(try Self.npy("'<f4'", "(2, 3)", Self.floats([0, 0, 0.25, 5e5, 5_412_345, 2])).notes.isEmpty)
  }

  @Test func numbersThatMayBeNamesGiveANote() throws {
    let found = try Self.read("0,1,2\n1.5,2.5,3.5\n")
    #expect(found.points == [0, 1, 2, 1.5, 2.5, 3.5] && found.notes.count == 1)
  }

  @Test func utf16IsRefused() {
    for bytes in [[0xFF, 0xFE, 0x31, 0, 0x20, 0], [0xFE, 0xFF, 0, 0x31, 0, 0x20]] as [[UInt8]] {
      guard
        case .unsupportedVariant(_, let finding)? = #expect(
          throws: PointFileError.self,
          performing: {
            try PointFile.decode(Data(bytes), name: "cloud")
          })
      else {
        Issue.record("read")
        continue
      }
      #expect(finding.contains("UTF-16"))
    }
  }

  // MARK: PLY

  private static func ply(_ properties: [String], _ rows: String) -> String {
    "ply\nformat ascii 1.0\nelement vertex 2\n" + properties.map { "property \($0)\n" }.joined() + "end_header\n" + rows
  }

  @Test func plyPropertiesComeInAnyOrder() throws {
    #expect(
      try Self.read(Self.ply(["float z", "float y", "float x"], "3 2.25 1.5\n6 0.5 -4.5\n")).points == Self.points)
    let list = Self.ply(["list uchar int tags", "float x", "float y", "float z"], "2 8 9 1.5 2.25 3\n\n0 -4.5 0.5 6\n")
    #expect(try Self.read(list).points == Self.points)
    #expect(try Self.read("\u{FEFF}" + list).points == Self.points)
  }

  /// As in plyfile, a row is a line, with a value for every property.
  @Test(arguments: [
    ("1 2 3 4\n5 6 7 8\n", 8), ("1.5 2 3\n5 6.25\n", 9), ("1 2\n3 4 5\n6\n", 8), ("1 2 3\n4 5 6\n7 8 9\n", 10),
    ("1 2 3 4 5 6\n", 8), ("1 nan 3\n4 5 6\n", 8), ("1,5 2 3\n4 5 6\n", 8),
  ])
  func plyRowsHaveTheColumnsOfTheHeader(_ rows: String, _ line: Int) throws {
    do {
      _ = try Self.read(Self.ply(["float x", "float y", "float z"], rows))
      Issue.record("\(rows) is read")
    } catch PointFileError.malformed(_, let place, _) {
      #expect(place == .line(line), "\(rows)")
    }
  }

  @Test func binaryPLYEndsWithItsRows() throws {
    let header =
      "ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
      + "property float z\nend_header\n"
    let row = Data(
      [Float](arrayLiteral: 1, 2, 3).flatMap { value in withUnsafeBytes(of: value.bitPattern) { Array($0) } })
    #expect(try PointFile.decode(Data(header.utf8) + row, name: "cloud").coordinates == [1, 2, 3])
    #expect(throws: PointFileError.self) { try PointFile.decode(Data(header.utf8) + row + row, name: "cloud") }
    let twice = header.replacingOccurrences(of: "property float z", with: "property float x")
    #expect(throws: PointFileError.self) { try PointFile.decode(Data(twice.utf8) + row, name: "cloud") }
  }

  // MARK: NPY

  private static func npy(_ descr: String, _ shape: String, _ values: Data) throws -> (
    points: [Float], notes: [MediaNote]
  ) {
    let header = "{'descr': \(descr), 'fortran_order': False, 'shape': \(shape), }"
    var notes: [MediaNote] = []
    let cloud = try PointFile.decode(PointFileTests.npy(header, values), name: "cloud") { notes.append($0) }
    return (cloud.coordinates, notes)
  }

  private static func floats(_ values: [Float]) -> Data {
    values.reduce(into: Data()) { data, value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
  }

  @Test func transposedNPYIsRefused() throws {
    for columns in [4, 6, 1024, 100_000] {
      guard
        case .malformed(_, _, let finding)? = #expect(
          throws: PointFileError.self,
          performing: {
            try Self.npy("'<f4'", "(3, \(columns))", Data(count: 12 * columns))
          })
      else { continue }
      #expect(finding.contains("transpose"))
    }
    let square = try Self.npy("'<f4'", "(3, 3)", Self.floats([1, 2, 3, 4, 5, 6, 7, 8, 9]))
    #expect(square.points == [1, 2, 3, 4, 5, 6, 7, 8, 9] && square.notes.count == 1)
    #expect(try Self.npy("'<f4'", "(4, 3)", Data(count: 48)).notes.isEmpty)
  }

  @Test func npyRecordsAreReadByName() throws {
    let row: (Float, Float, Float) -> Data = { Self.floats([$2]) + Data([1, 2, 3]) + Self.floats([$0, $1]) }
    let records = row(1.5, 2.25, 3) + row(-4.5, 0.5, 6)
    let found = try Self.npy("[('z', '<f4'), ('rgb', '|u1', (3,)), ('x', '<f4'), ('y', '<f4')]", "(2,)", records)
    #expect(found.points == Self.points)
    for descr in [
      "[('a', '<f4'), ('b', '<f4'), ('c', '<f4')]", "[('x', '<f4', (2,)), ('y', '<f4'), ('z', '<f4')]",
      "[('x', '|O'), ('y', '<f4'), ('z', '<f4')]",
    ] {
      #expect(throws: PointFileError.self, "\(descr)") { try Self.npy(descr, "(2,)", Data(count: 64)) }
    }
  }

  @Test func bytesAfterAnArrayAreRefused() {
    #expect(throws: PointFileError.self) { try Self.npy("'<f4'", "(2, 3)", Data(count: 48)) }
  }

  // MARK: Far from zero

  /// A shape of 1 m, in Double, moved by each offset through every reader that has the digits.
  @Test(arguments: [[691_234.5, 5_412_345.25, 103.5], [-2_694_045.875, -4_266_910.5, 3_886_012.125], [0, 5e7, 0]])
  func cloudsFarFromZeroKeepTheirShape(_ offset: [Double]) throws {
    var random = SeededGenerator(seed: 7)
    let shape = (0..<300).map { _ in Double.random(in: 0...1, using: &random) }
    let places = shape.enumerated().map { $1 + offset[$0 % 3] }
    let near = try PointCloud(coordinates: shape.map { Float($0) })
    let lines = (0..<100).map { row in places[3 * row..<3 * row + 3].map { "\($0)" }.joined(separator: " ") }
    let doubles = places.reduce(into: Data()) { data, value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    let header = "element vertex 100\nproperty double x\nproperty double y\nproperty double z\nend_header\n"
    let files: [String: Data] = [
      "xyz": Data(lines.joined(separator: "\n").utf8),
      "off": Data("OFF\n100 0 0\n\(lines.joined(separator: "\n"))\n".utf8),
      "obj": Data(lines.map { "v \($0)\n" }.joined().utf8),
      "ascii ply": Data("ply\nformat ascii 1.0\n\(header)\(lines.joined(separator: "\n"))\n".utf8),
      "binary ply": Data("ply\nformat binary_little_endian 1.0\n\(header)".utf8) + doubles,
      "npy": PointFileTests.npy("{'descr': '<f8', 'fortran_order': False, 'shape': (100, 3), }", doubles),
    ]
    let first = try near.normalized().coordinates
    for (name, data) in files {
      let cloud = try PointFile.decode(data, name: name)
      #expect(cloud.origin != .zero)
      for index in 0..<100 {
        let position = cloud.position(index)
        for axis in 0..<3 {
          // Compared with the same object at 0, in metres; and in the coordinates of the file.
          let moved = Double(cloud.coordinates[3 * index + axis]) + cloud.origin[axis] - offset[axis]
          #expect(abs(moved - shape[3 * index + axis]) < 1e-6, "\(name) point \(index)")
          #expect(abs(position[axis] - places[3 * index + axis]) < 1e-6, "\(name) point \(index)")
        }
      }
      let normalized = try cloud.normalized()
      #expect(normalized.origin == .zero)
      for (a, b) in zip(normalized.coordinates, first) { #expect(abs(a - b) < 1e-6, "\(name)") }
    }
  }

  @Test func cloudsNearZeroAreRoundedInPlace() throws {
    // Digits that float32 cannot represent, at up to 8 times the extent; and numbers far away that it can.
    let near = try PointCloud(positions: [6.7, 0.1, 0.3, 8.1, 0.2, 0.7])
    #expect(near.origin == .zero && near.coordinates == [6.7, 0.1, 0.3, 8.1, 0.2, 0.7])
    let exact = try PointCloud(positions: [5_412_345, 1, 2, 5_412_346, 3.5, 2])
    #expect(exact.origin == .zero && exact.coordinates == [5_412_345, 1, 2, 5_412_346, 3.5, 2])
    #expect(try PointCloud(positions: [1e9 + 0.1, 2, 3]).origin == .zero)
    #expect(throws: PointCloudError.self) { try PointCloud(positions: [.nan, 5_412_345.1, 2]) }
    #expect(throws: PointCloudError.self) { try PointCloud(positions: [1e300, 5_412_345.1, 2]) }
  }

  @Test func pointsFarFromZeroAreWrittenWhereTheyWere() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".ply")
    defer { try? FileManager.default.removeItem(at: file) }
    let cloud = try PointCloud(positions: [691_234.123, 5_412_345.456, 103.789, 691_234.723, 5_412_345.956, 104.289])
    let colors = [PointColor](repeating: PointColor(1, 2, 3), count: 2)
    try PointFile.writePLY(cloud, colors: colors, column: .integers("label", [4, 5]), to: file)
    let again = try PointFile.read(file)
    #expect(again == cloud)
    #expect(abs(again.position(1).y - 5_412_345.956) < 1e-6)
    #expect(
      cloud.digits(0).compactMap { Double($0) } == [cloud.position(0).x, cloud.position(0).y, cloud.position(0).z])
    #expect(try cloud.points([1]).position(0) == cloud.position(1))
  }
}
