import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Labels of points in files.
@Suite struct PointLabelTests {
  private static let points: [Float] = [1.5, 2.25, 3, -4.5, 0.5, 6]

  private static func read(_ data: Data) throws -> (points: LabelledPoints, notes: [String]) {
    var notes: [String] = []
    return (try PointFile.decodeLabelled(data, name: "cloud") { notes.append($0.text) }, notes)
  }

  /// A PLY file of two points, whose properties after x, y and z are given with the bytes, or the words, of each point.
  private static func ply(_ properties: [String], _ format: String, _ rows: [Data]) -> Data {
    let names = ["float x", "float y", "float z"] + properties
    let header = "ply\nformat \(format) 1.0\nelement vertex 2\n" + names.map { "property \($0)\n" }.joined()
    return Data((header + "end_header\n").utf8) + rows.reduce(Data(), +)
  }

  private static func bytes<Number: FixedWidthInteger>(_ values: [Number]) -> Data {
    values.reduce(into: Data()) { data, value in withUnsafeBytes(of: value) { data += $0 } }
  }

  private static func row(_ point: Int) -> [UInt32] { points[3 * point..<3 * point + 3].map(\.bitPattern) }

  @Test(arguments: ["label", "labels", "part", "seg", "segmentation", "class", "classification", "Label", "part_"])
  func aTextOfAPLYFileHasThemUnderAnyOfTheirNames(_ name: String) throws {
    for type in ["int", "uchar", "float"] {
      let rows = ["1.5 2.25 3 7 40\n", "-4.5 0.5 6 8 3\n"].map { Data($0.utf8) }
      let found = try Self.read(Self.ply(["uchar red", "\(type) \(name)"], "ascii", rows))
      #expect(found.points.cloud.coordinates == Self.points && found.points.labels == [40, 3] && found.notes.isEmpty)
    }
  }

  @Test func bothBinaryOrdersOfPLYHaveThem() throws {
    let labels: [Int16] = [-300, 7]
    let little = (0..<2).map { Self.bytes(Self.row($0).map(\.littleEndian)) + Self.bytes([labels[$0].littleEndian]) }
    let big = (0..<2).map { Self.bytes(Self.row($0).map(\.bigEndian)) + Self.bytes([labels[$0].bigEndian]) }
    for (format, rows) in [("binary_little_endian", little), ("binary_big_endian", big)] {
      let found = try Self.read(Self.ply(["short part"], format, rows))
      #expect(found.points.labels == [-300, 7] && found.points.cloud.coordinates == Self.points)
    }
  }

  @Test func aFileThatWePaintedHasThem() throws {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).ply")
    defer { try? FileManager.default.removeItem(at: place) }
    let cloud = try PointCloud(coordinates: Self.points)
    try PointFile.writePLY(
      cloud, colors: [PointColor(1, 2, 3), PointColor(4, 5, 6)], column: .integers("label", [2, 49]), to: place)
    #expect(try PointFile.readLabelled(place) == LabelledPoints(cloud: cloud, labels: [2, 49]))
  }

  @Test(arguments: [
    "1.5 2.25 3 40\n-4.5 0.5 6 3\n", "1.5 2.25 3 0 0 1 40.000000\n-4.5 0.5 6 0 1 0 3.000000\n",
    "x,y,z,seg\n1.5,2.25,3,40\n-4.5,0.5,6,3\n", "Label;z;y;x\n40;3;2.25;1.5\n3;6;0.5;-4.5\n",
    "//X Y Z R G B Classification\n1.5 2.25 3 9 9 9 40\n-4.5 0.5 6 9 9 9 3\n",
    "# x y z class id\n1.5 2.25 3 40 1\n-4.5 0.5 6 3 2\n", "2\n1.5 2.25 3 40\n-4.5 0.5 6 3\n",
  ])
  func columnsOfTextHaveThem(_ text: String) throws {
    let found = try Self.read(Data(text.utf8))
    #expect(found.points.cloud.coordinates == Self.points && found.points.labels == [40, 3], "\(text)")
    #expect(found.notes.isEmpty, "\(text)")
  }

  @Test func arraysHaveThemAsAFieldOrTheLastColumn() throws {
    func npy(_ descr: String, _ shape: String, _ data: Data, order: String = "False") -> Data {
      PointFileTests.npy("{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }", data)
    }
    let labels: [UInt8] = [40, 3]
    let records = (0..<2).reduce(into: Data()) { data, point in
      data += Self.bytes([labels[point]]) + Self.bytes(Self.row(point))
    }
    let fields = "[('label', '|u1'), ('x', '<f4'), ('y', '<f4'), ('z', '<f4')]"
    let rows = (0..<2).map { Self.row($0) + [Float(labels[$0]).bitPattern] }
    let columns = (0..<4).flatMap { column in rows.map { $0[column] } }
    let wide = rows.flatMap { $0.prefix(3) + [0, 0, 0] + $0.suffix(1) }
    for data in [
      npy(fields, "(2,)", records), npy("'<f4'", "(2, 4)", Self.bytes(rows.flatMap { $0 })),
      npy("'<f4'", "(2, 4)", Self.bytes(columns), order: "True"), npy("'<f4'", "(2, 7)", Self.bytes(wide)),
    ] {
      let found = try Self.read(data).points
      #expect(found.cloud.coordinates == Self.points && found.labels == [40, 3])
    }
  }

  @Test(arguments: [
    "usual.npz", "names.npz", "wide.npz", "records.npy", "columns.npy", "shapenet.txt",
  ])
  func filesThatNumPyWroteHaveThem(_ name: String) throws {
    let file = Fixture.url("points/labels/\(name)")
    let found = try PointFile.readLabelled(file)
    #expect(found.cloud.coordinates == [1, 2, 3, -4.5, 0.5, 6, 0.25, 0, -1, 2, -2, 2, 7, 1, 0.125])
    let plain = try PointFile.read(file)
    #expect(found.labels == [3, 0, 7, 7, 1] && found.cloud == plain)
  }

  @Test func archivesThatAreNotRightAreRefusedByTheirNames() throws {
    func error(_ name: String) throws -> PointFileError? {
      do {
        _ = try PointFile.readLabelled(Fixture.url("points/labels/\(name)"))
        return nil
      } catch let error as PointFileError {
        return error
      }
    }
    let path = Fixture.url("points/labels").path
    #expect(try error("few.npz") == .labelCount(file: "\(path)/few.npz", found: 4, points: 5))
    guard case .noLabels("\(path)/bare.npz", let finding)? = try error("bare.npz") else {
      Issue.record("an archive without labels is read")
      return
    }
    #expect(finding.contains("'points'"))
    #expect(try PointFile.read(Fixture.url("points/labels/bare.npz")).count == 5)
    guard case .unsupportedVariant(_, let variant)? = try error("compressed.npz") else {
      Issue.record("a compressed archive is read")
      return
    }
    #expect(variant.contains("numpy.savez"))
  }

  /// One bit of every byte of an archive.
  @Test func aDamagedArchiveIsAnErrorOrReadsAsItIs() throws {
    let whole = try Data(contentsOf: Fixture.url("points/labels/usual.npz"))
    let expected = try PointFile.decodeLabelled(whole, name: "cloud")
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 1 << (index % 8)
      guard let found = try? PointFile.decodeLabelled(damaged, name: "cloud") else { continue }
      #expect(found == expected, "byte \(index)")
    }
    for count in 0..<whole.count {
      #expect(throws: (any Error).self) { try PointFile.decodeLabelled(whole.prefix(count), name: "cloud") }
    }
  }

  @Test func ofSeveralNamesTheUsualOneIsTakenAndSaid() throws {
    let text = "x y z class label\n1.5 2.25 3 1 40\n-4.5 0.5 6 1 3\n"
    let found = try Self.read(Data(text.utf8))
    #expect(found.points.labels == [40, 3] && found.notes == ["labels are read from 'label', not from 'class'"])
  }

  @Test(arguments: [
    "1.5 2.25 3\n-4.5 0.5 6\n", "1.5 2.25 3 9 9 9\n-4.5 0.5 6 9 9 9\n", "x y z nx\n1.5 2.25 3 4\n-4.5 0.5 6 3\n",
    "OFF\n2 0 0\n1.5 2.25 3\n-4.5 0.5 6\n", "v 1.5 2.25 3\nv -4.5 0.5 6\n",
    "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
      + "end_header\n1 2 3\n",
    "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
      + "property list uchar int label\nend_header\n1 2 3 1 4\n",
  ])
  func aFileWithoutThemIsAnErrorWithItsName(_ text: String) throws {
    #expect(throws: Never.self) { try PointFile.decode(Data(text.utf8), name: "cloud") }
    #expect {
      _ = try Self.read(Data(text.utf8))
    } throws: { error in
      guard case PointFileError.noLabels("cloud", _) = error else { return false }
      return true
    }
  }

  @Test(arguments: [("3.5", "3.5"), ("leg", "leg"), ("nan", "nan"), ("", ""), ("1e30", "1e30")])
  func aLabelThatIsNoWholeNumberIsAnErrorWithItsPoint(_ written: String, _ found: String) {
    let text = "x,y,z,label\n1.5,2.25,3,40\n-4.5,0.5,6,\(written)\n"
    #expect(throws: PointFileError.badLabel(file: "cloud", point: 1, found: found)) {
      try Self.read(Data(text.utf8))
    }
  }

  @Test func aLabelOfPLYThatIsNoWholeNumberIsAnErrorWithItsPoint() {
    let rows = ["1.5 2.25 3 0.25\n", "-4.5 0.5 6 8\n"].map { Data($0.utf8) }
    #expect(throws: PointFileError.badLabel(file: "cloud", point: 0, found: "0.25")) {
      try Self.read(Self.ply(["float label"], "ascii", rows))
    }
  }
}
