import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// One test for each kind of malformed point file, and random damage.
@Suite struct MalformedPointFileTests {
  private func error(_ data: Data, limits: PointLimits = PointLimits()) -> PointFileError? {
    #expect(throws: PointFileError.self) { try PointFile.decode(data, name: "cloud", limits: limits) }
  }

  private func error(_ text: String, limits: PointLimits = PointLimits()) -> PointFileError? {
    error(Data(text.utf8), limits: limits)
  }

  /// The line or byte of the fault in a malformed file.
  private func place(_ text: String) -> PointFileError.Place? {
    guard case .malformed(_, let place, _)? = error(text) else {
      Issue.record("not found malformed: \(text.prefix(80))")
      return nil
    }
    return place
  }

  @Test func emptyAndOtherFiles() throws {
    #expect(error(Data()) == .empty(file: "cloud"))
    guard case .unsupportedFormat(_, let found)? = error(Data([0xFF, 0xD8, 0xFF, 0xE0])) else {
      Issue.record("a picture is taken for points")
      return
    }
    #expect(found.contains("JPEG"))
    for other in [Data([1, 2, 3, 4]), Data("<html><body>".utf8), Data("PK\u{3}\u{4}....".utf8)] {
      guard case .unsupportedFormat? = error(other) else {
        Issue.record("not found unsupported")
        continue
      }
    }
    #expect(error("# nothing\n") == .noCloud(file: "cloud", reason: .empty(values: 0)))
    #expect(throws: MediaError.self) { try PointFile.read(URL(fileURLWithPath: "/nowhere/cloud.ply")) }
  }

  @Test func coordinatesMustBeFinite() {
    #expect(place("1 2 3\n4 nan 6") == .line(2))
    guard case .noCloud(_, .notFinite(point: 0, _))? = error("1e30 2 3") else {
      Issue.record("a coordinate whose square is infinite is read")
      return
    }
  }

  @Test func plyHeaders() {
    let vertex = "property float x\nproperty float y\nproperty float z\n"
    #expect(place("ply\nformat ascii 2.0\n") == .line(2))
    #expect(place("ply\nformat ascii 1.0\nelement vertex -1\n") == .line(3))
    #expect(place("ply\nformat ascii 1.0\nelement vertex 99999999999999999999\n") == .line(3))
    #expect(place("ply\nformat ascii 1.0\nproperty float x\n") == .line(3))
    #expect(place("ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\n") == .line(4))
    #expect(place("ply\nformat ascii 1.0\nelement vertex 1\nproperty list float x\n") == .line(4))
    #expect(place("ply\nsurprise\n") == .line(2))
    #expect(place("ply\nelement vertex 1\n\(vertex)end_header\n1 2 3\n") == .line(6))
    #expect(
      place("ply\nformat ascii 1.0\nelement face 0\nproperty list uchar int vertex_indices\nend_header\n") == .line(5))
    #expect(
      place("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nend_header\n1 2") == .line(6))
    guard case .truncated? = error("ply\nformat ascii 1.0\n") else {
      Issue.record("a header without an end is read")
      return
    }
    #expect(place("ply\nformat ascii 1.0\nelement vertex 1\n\(vertex)end_header\n1 two 3\n") == .line(8))
  }

  @Test func declaredCountsAreCheckedBeforeMemoryIsAllocated() {
    let vertex = "property float x\nproperty float y\nproperty float z\nend_header\n"
    for format in ["ascii", "binary_little_endian"] {
      guard case .truncated? = error("ply\nformat \(format) 1.0\nelement vertex 8000000\n\(vertex)0 0 0\n") else {
        Issue.record("\(format): more points than bytes")
        continue
      }
      guard
        case .limitExceeded(_, .points, 1_000_000_000_000, _)? =
          error("ply\nformat \(format) 1.0\nelement vertex 1000000000000\n\(vertex)0 0 0\n")
      else {
        Issue.record("\(format): no limit")
        continue
      }
    }
    let list = "ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uint double tags\n\(vertex)"
    guard case .malformed? = error(Data(list.utf8) + Data(repeating: 0xFF, count: 64)) else {
      Issue.record("a list longer than the file")
      return
    }
    guard case .limitExceeded(_, .points, 3, 2)? = error("1 2 3\n1 2 3\n1 2 3\n", limits: PointLimits(points: 2)) else {
      Issue.record("no limit on lines")
      return
    }
    let mesh = PointFileTests.ply("ascii")
    guard case .limitExceeded(_, .triangles, _, 5)? = error(mesh, limits: PointLimits(triangles: 5)) else {
      Issue.record("no limit on triangles")
      return
    }
  }

  @Test func facesOfNoVertex() {
    let ply =
      "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
      + "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n3 0 "
    #expect(place(ply + "-1 0\n") == .line(11))
    #expect(error(ply + "7 0\n") == .noCloud(file: "cloud", reason: .noSuchPoint(triangle: 0, found: 7, count: 1)))
    #expect(place("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n") == .line(6))
    #expect(place("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n9 0 1 2\n") == .line(6))
    #expect(place("v 0 0 0\nf 1 2 0\n") == .line(2))
    #expect(place("v 0 0 0\nf 1 -2 1\n") == .line(2))
    #expect(place("v 0 0\n") == .line(1))
  }

  @Test func offFiles() {
    #expect(place("OFF\nsome 1 0\n") == .line(2))
    #expect(place("OFF\n1 0 0\n0.0 0.0\n") == .line(3))
    guard case .truncated? = error("OFF\n2 0 0\n0 0 0\n") else {
      Issue.record("a missing vertex is not missed")
      return
    }
    for variant in ["4OFF\n1 0 0\n0 0 0 1\n", "nOFF\n3\n1 0 0\n", "OFF BINARY\n"] {
      guard case .unsupportedVariant? = error(variant) else {
        Issue.record("\(variant) is read")
        continue
      }
    }
  }

  @Test func columnFiles() {
    #expect(place("1 2 3\n1 2\n") == .line(2))
    #expect(place("1 2 3\na b c\n") == .line(2))
    #expect(place("3\n1 2 3\n10 20 300000\n") == .line(1))
    #expect(place("hello, world") == .line(1))
  }

  @Test func npyFiles() {
    let six = Data(repeating: 0, count: 24)
    func header(_ text: String, _ data: Data? = nil, version: UInt8 = 1) -> PointFileError? {
      error(PointFileTests.npy(text, data ?? six, version: version))
    }
    for text in [
      "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}", "{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999)}", "", "{", "{'", "{'shape': (",
      "__import__('os')", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
    ] {
      guard case .malformed? = header(text) else {
        Issue.record("\(text) is read")
        continue
      }
    }
    for type in ["|O", "<c8", "<f3", "<f16", "f4", "[('x', '<f4')]", "<U3"] {
      switch header("{'descr': '\(type)', 'fortran_order': False, 'shape': (2, 3)}") {
      case .unsupportedVariant?, .malformed?: break
      default: Issue.record("\(type) is read")
      }
    }
    guard case .unsupportedVariant? = header("{}", version: 4) else {
      Issue.record("version 4 is read")
      return
    }
    guard case .truncated? = header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)}") else {
      Issue.record("missing numbers are not missed")
      return
    }
    guard case .limitExceeded? = header("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 3)}")
    else {
      Issue.record("no limit")
      return
    }
    guard case .truncated? = error(Data([0x93] + Array("NUMPY".utf8))) else {
      Issue.record("a file without a header is read")
      return
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesDamage(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let files = [
      PointFileTests.ply("ascii"), PointFileTests.ply("binary_little_endian"), PointFileTests.ply("binary_big_endian"),
      Data("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n".utf8), Data("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n".utf8),
      Data("x,y,z\n1,2,3\n4,5,6\n".utf8),
      PointFileTests.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", Data(repeating: 0, count: 24)),
    ]
    var readable = 0
    for _ in 0..<6000 {
      var data = files.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: data.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: data[place] = UInt8.random(in: 0...255, using: &random)
        case 1: data[place] = UInt8.random(in: 0x20...0x39, using: &random)
        case 2: data.insert(UInt8.random(in: 0x2B...0x39, using: &random), at: place)
        default: data.remove(at: place)
        }
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        data = data.prefix(Int.random(in: 0..<data.count, using: &random))
      }
      do {
        let cloud = try PointFile.decode(
          data, name: "damaged", limits: PointLimits(points: 1 << 16, triangles: 1 << 16))
        #expect(cloud.coordinates.allSatisfy(\.isFinite) && cloud.triangles.allSatisfy { $0 < cloud.count })
        readable += 1
      } catch is PointFileError {
      }
    }
    #expect(readable > 300)
  }
}
