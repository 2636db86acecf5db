import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Every format of point files, in its variants.
@Suite struct PointFileTests {
  /// A pyramid: four points around the origin, one above, six triangles.
  static let pyramid: [Float] = [-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0, 0, 0, 1.5]
  static let faces: [UInt32] = [0, 1, 4, 1, 2, 4, 2, 3, 4, 3, 0, 4, 0, 1, 2, 0, 2, 3]

  /// A weight and a colour, or one of them, may follow the coordinates of a vertex.
  @Test(arguments: ["v 1 2 3", "v 1 2 3 0.5", "v 1 2 3 255 0 0", "v 1 2 3 0.5 255 0 0"])
  func verticesOfOBJMayHaveWeightsAndColours(_ line: String) throws {
    #expect(try Self.read("o x\n\(line)\nv 4 5 6\n").coordinates == [1, 2, 3, 4, 5, 6])
  }

  @Test(arguments: ["v 1 2", "v 1 2 3 4 5", "v 1 2 3 4 5 6 7 8"])
  func otherNumbersOfOBJAreErrors(_ line: String) {
    #expect(throws: PointFileError.self) { try Self.read("o x\n\(line)\nv 4 5 6\n") }
  }

  static func read(_ text: String, limits: PointLimits = PointLimits()) throws -> PointCloud {
    try PointFile.decode(Data(text.utf8), name: "cloud", limits: limits)
  }

  /// The pyramid as PLY: a comment, an element before the vertices with a list, other properties around and between the
  /// coordinates, quads and triangles.
  static func ply(_ format: String, lineEnd: String = "\n") -> Data {
    let header = [
      "ply", "format \(format) 1.0", "comment a pyramid", "element camera 2", "property list uchar short path",
      "property double angle", "element vertex 5", "property uchar quality", "property float x",
      "property double nx", "property float y", "property list char ushort tags", "property float z",
      "property int8 last", "element face 5", "property uchar flags", "property list uchar int vertex_indices",
      "element other 3", "property float unread", "end_header",
    ]
    var data = Data((header.joined(separator: lineEnd) + lineEnd).utf8)
    let polygons: [[UInt32]] = (0..<4).map { Array(faces[3 * $0..<3 * $0 + 3]) } + [[0, 1, 2, 3]]
    if format == "ascii" {
      var lines = ["3 7 8 9 0.5", "0 -1e-3"]
      for point in 0..<5 {
        let p = (0..<3).map { "\(pyramid[3 * point + $0])" }
        lines.append("\(point) \(p[0]) 0.25 \(p[1]) 2 4 5 \(p[2]) -3")
      }
      lines += polygons.map { "9 \($0.count) " + $0.map { "\($0)" }.joined(separator: " ") }
      return data + Data(lines.joined(separator: lineEnd).utf8)
    }
    let isBig = format.contains("big")
    func put<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: isBig ? value.bigEndian : value.littleEndian) { data.append(contentsOf: $0) }
    }
    put(UInt8(3))
    for value in [7, 8, 9] as [Int16] { put(value) }
    put((0.5).bitPattern)
    put(UInt8(0))
    put((-1e-3).bitPattern)
    for point in 0..<5 {
      put(UInt8(point))
      put(pyramid[3 * point].bitPattern)
      put((0.25).bitPattern)
      put(pyramid[3 * point + 1].bitPattern)
      put(Int8(2))
      put(UInt16(4))
      put(UInt16(5))
      put(pyramid[3 * point + 2].bitPattern)
      put(Int8(-3))
    }
    for polygon in polygons {
      put(UInt8(9))
      put(UInt8(polygon.count))
      for index in polygon { put(Int32(index)) }
    }
    return data
  }

  @Test(arguments: ["ascii", "binary_little_endian", "binary_big_endian"])
  func ply(_ format: String) throws {
    let cloud = try PointFile.decode(Self.ply(format), name: "cloud")
    #expect(cloud.coordinates == Self.pyramid && cloud.triangles == Self.faces)
  }

  /// Files of plyfile, trimesh, Open3D and NumPy, as these programs read them (Tests/Fixtures/points/make_files.py).
  @Test func filesOfOtherProgramsAreReadAsByThem() throws {
    let expected = try Checkpoint(contentsOf: Fixture.url("points/files/expected.safetensors")).tensors
    let names = expected.keys.filter { $0.hasSuffix(".points") }.map { String($0.dropLast(7)) }
    #expect(names.count == 14)
    for name in names {
      let cloud = try PointFile.read(Fixture.url("points/files/\(name)"))
      #expect(try cloud.coordinates == expected["\(name).points"]?.float32(), "\(name)")
      let triangles = expected["\(name).triangles"].map { tensor in
        tensor.withUnsafeBytes { bytes in
          (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
        }
      }
      #expect(cloud.triangles == triangles ?? [], "\(name)")
    }
  }

  @Test func plyWithOtherLineEnds() throws {
    for lineEnd in ["\r\n", "\r"] {
      #expect(try PointFile.decode(Self.ply("ascii", lineEnd: lineEnd), name: "cloud").triangles == Self.faces)
    }
    let crlf = Self.ply("binary_little_endian", lineEnd: "\r\n")
    #expect(try PointFile.decode(crlf, name: "cloud").coordinates == Self.pyramid)
  }

  @Test func plyWithoutFaces() throws {
    let text =
      "ply\nformat ascii 1.0\nelement vertex 1\nproperty double z\nproperty int y\nproperty uchar x\nend_header\n3 -2 1"
    #expect(try Self.read(text).coordinates == [1, -2, 3])
  }

  @Test(arguments: [
    "OFF\n5 6 0\n", "# a pyramid\nOFF\n# counts\n5 6 9\n", "OFF 5 6 0\n", "OFF5 6 0\n", "COFF\r\n5 6 0\r\n",
    "STCNOFF 5 6\n",
  ])
  func off(_ header: String) throws {
    var text = header
    for point in 0..<5 {
      text += (0..<3).map { "\(Self.pyramid[3 * point + $0])" }.joined(separator: " ") + " 255 0 0 255\n"
    }
    text += "\n# faces\n"
    for face in 0..<6 {
      text += "3 " + (0..<3).map { "\(Self.faces[3 * face + $0])" }.joined(separator: "  ") + " 0.5 0.5 0.5\n"
    }
    let cloud = try Self.read(text)
    #expect(cloud.coordinates == Self.pyramid && cloud.triangles == Self.faces)
  }

  @Test func obj() throws {
    let cloud = try Self.read(
      "# made by hand\n" + String(repeating: "# and described at length\n", count: 100)
        + "mtllib none.mtl\no quad\nv 0 0 0\nv 1 0 0 0.5 0.5 0.5\nvt 0 0\nvn 0 0 1\nv 1 1 0\nv 0 1 0\n"
        + "usemtl none\ns off\nf 1/1/1 2//1 3/1 4\nf -4 -2 -1\n")
    #expect(cloud.coordinates == [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0])
    #expect(cloud.triangles == [0, 1, 2, 0, 2, 3, 0, 2, 3])
  }

  @Test(arguments: [
    "1 2 3\n-4.5 5e-1 +6", "1,2,3,9,9\r\n-4.5, .5 ,6,9,9\r\n", "x;y;z\n1;2;3\n-4.5;0.5;6.\n",
    "2\n1\t2\t3 7\n-45e-1 0.5 6 7\n",
    "# comment\n\n1 2 3 # another\n -4.50 0.5000000000000000000 6 \n",
  ])
  func columns(_ text: String) throws {
    let cloud = try Self.read(text)
    #expect(cloud.coordinates == [1, 2, 3, -4.5, 0.5, 6] && cloud.triangles.isEmpty)
  }

  /// The header that NumPy writes, around `data`.
  static func npy(_ header: String, _ data: Data, version: UInt8 = 1) -> Data {
    let text = Data((header + "\n").utf8)
    let length =
      version == 1
      ? [UInt8(text.count & 255), UInt8(text.count >> 8)] : [UInt8(text.count & 255), UInt8(text.count >> 8), 0, 0]
    return Data([0x93] + Array("NUMPY".utf8) + [version, 0] + length) + text + data
  }

  private static func bytes<T: FixedWidthInteger>(_ values: [T]) -> Data {
    values.reduce(into: Data()) { data, value in withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
  }

  @Test func npyOfEveryType() throws {
    let values = [1, 2, 3, -4, 5, 6]
    let shape = "'shape': (2, 3), }"
    let cases: [(String, Data)] = [
      ("<f4", Self.bytes(values.map { Float($0).bitPattern.littleEndian })),
      (">f4", Self.bytes(values.map { Float($0).bitPattern.bigEndian })),
      ("<f8", Self.bytes(values.map { Double($0).bitPattern.littleEndian })),
      (">f8", Self.bytes(values.map { Double($0).bitPattern.bigEndian })),
      ("|i1", Self.bytes(values.map { Int8($0) })), ("<i2", Self.bytes(values.map { Int16($0).littleEndian })),
      (">i4", Self.bytes(values.map { Int32($0).bigEndian })),
      ("<i8", Self.bytes(values.map { Int64($0).littleEndian })),
    ]
    for (type, data) in cases {
      for version in [1, 2, 3] as [UInt8] {
        let header = "{'descr': '\(type)', 'fortran_order': False, \(shape)"
        let cloud = try PointFile.decode(Self.npy(header, data, version: version), name: "cloud")
        #expect(cloud.coordinates == values.map { Float($0) }, "\(type) version \(version)")
      }
    }
    let unsigned = Self.npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), }", Data([200, 2, 3]))
    #expect(try PointFile.decode(unsigned, name: "cloud").coordinates == [200, 2, 3])
  }

  @Test func npyInColumnsAndWithMoreOfThem() throws {
    // The order of keys does not matter.
    let fortran = Self.npy(
      "{'shape': (2L, 4L), 'fortran_order': True, 'descr': \"<f4\"}",
      Self.bytes([1, -4, 2, 5, 3, 6, 9, 9].map { Float($0).bitPattern.littleEndian }))
    #expect(try PointFile.decode(fortran, name: "cloud").coordinates == [1, 2, 3, -4, 5, 6])
  }

  @Test func writtenPointsAreReadBack() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".ply")
    defer { try? FileManager.default.removeItem(at: file) }
    let cloud = try PointCloud(coordinates: Self.pyramid)
    let colors = (0..<5).map { PointColor($0, 10, 255) }
    try PointFile.writePLY(cloud, colors: colors, column: .integers("label", [0, 1, 2, 3, -4]), to: file)
    #expect(try PointFile.read(file) == cloud)
  }

  /// Numbers of any form are parsed like in the standard library.
  @Test func numbersAreRead() throws {
    var random = SeededGenerator(seed: 51)
    for _ in 0..<20_000 {
      let value = Float(bitPattern: UInt32.random(in: 0..<0x5D80_0000, using: &random))
      for text in ["\(value)", "-\(Double(value))", String(format: "%.7f", value), String(format: "%.3e", value)] {
        #expect(try Self.read("\(text) 0 0").coordinates[0] == Float(Double(text)!), "\(text)")
      }
    }
  }
}
