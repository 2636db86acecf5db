import Foundation
import PathwayCheckpoints
import Testing

/// Files whose tensors are written row by row.
@Suite struct SafetensorsStreamTests {
  private static let columns: [SafetensorsStream.Column] = [
    .init("b", .float32, shape: [2]), .init("a", .float32, shape: [3, 1]), .init("names", .uint8, shape: nil),
    .init("half", .float16, shape: []),
  ]

  private func append(_ row: Int, to stream: SafetensorsStream) throws {
    let (b, a) = ((0..<2).map { Float(10 * row + $0) }, (0..<3).map { Float(-10 * row - $0) })
    let (name, half) = (Array("row \(row);".utf8), [UInt16(row)])
    try b.withUnsafeBytes { b in
      try a.withUnsafeBytes { a in
        try name.withUnsafeBytes { name in
          try half.withUnsafeBytes { try stream.append([b, a, name, $0], rows: 1) }
        }
      }
    }
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// The checkpoint that is read back; expects that no other file is left.
  private func check(_ url: URL, rows: [Int]) throws {
    let file = try Checkpoint(contentsOf: url)
    #expect(Set(file.tensors.keys) == ["a", "b", "names", "half"])
    #expect(file.metadata == ["m": "x"])
    let (a, b) = (try #require(file.tensors["a"]), try #require(file.tensors["b"]))
    #expect(a.shape == [rows.count, 3, 1] && b.shape == [rows.count, 2])
    #expect(try a.float32() == rows.flatMap { row in (0..<3).map { Float(-10 * row - $0) } })
    #expect(try b.float32() == rows.flatMap { row in (0..<2).map { Float(10 * row + $0) } })
    let names = try #require(file.tensors["names"]).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    #expect(names == rows.map { "row \($0);" }.joined())
    let half = try #require(file.tensors["half"])
    #expect(half.shape == [rows.count])
    #expect(half.withUnsafeBytes { Array($0) } == rows.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    let left = try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)
    #expect(left == [url.lastPathComponent])
  }

  @Test(arguments: [nil, 0, 300, 100_000] as [Int?])
  func rowsBecomeTensors(_ most: Int?) throws {
    for count in [0, 1, 9, 300] where count <= most ?? .max {
      try withFolder { folder in
        let url = folder.appendingPathComponent("f.safetensors")
        try SafetensorsStream.write(to: url, columns: Self.columns, metadata: ["m": "x"], mostRows: most) { stream in
          for row in 0..<count { try append(row, to: stream) }
          #expect(stream.rows == count)
        }
        try check(url, rows: Array(0..<count))
      }
    }
  }

  @Test func removedRowsLeaveNothing() throws {
    try withFolder { folder in
      let url = folder.appendingPathComponent("f.safetensors")
      try SafetensorsStream.write(to: url, columns: Self.columns, metadata: ["m": "x"]) { stream in
        let start = stream.mark
        for row in 0..<50 { try append(row, to: stream) }
        stream.rewind(to: start)
        for row in 7..<10 { try append(row, to: stream) }
        let mark = stream.mark
        for row in 0..<100 { try append(row, to: stream) }
        stream.rewind(to: mark)
        try append(11, to: stream)
      }
      try check(url, rows: [7, 8, 9, 11])
    }
  }

  /// The same tensors as `Checkpoint.write`, in the same order, when the number of rows is known.
  @Test func agreesWithWritingAtOnce() throws {
    try withFolder { folder in
      let (streamed, whole) = (folder.appendingPathComponent("s"), folder.appendingPathComponent("w"))
      let values = (0..<12).map { Float($0) }
      try SafetensorsStream.write(
        to: streamed, columns: [.init("features", .float32, shape: [4])], metadata: ["k": "v"], mostRows: 3
      ) { stream in
        for row in 0..<3 { try values[4 * row..<4 * row + 4].withUnsafeBytes { try stream.append([$0], rows: 1) } }
      }
      try Checkpoint(tensors: ["features": Tensor(values, shape: [3, 4])], metadata: ["k": "v"]).write(to: whole)
      let bytes = try Data(contentsOf: streamed)
      #expect(try bytes == Data(contentsOf: whole))
    }
  }

  @Test func aFailureLeavesNothing() throws {
    struct Stop: Error {}
    try withFolder { folder in
      let url = folder.appendingPathComponent("f.safetensors")
      #expect(throws: Stop.self) {
        try SafetensorsStream.write(to: url, columns: Self.columns, metadata: [:]) { stream in
          try append(1, to: stream)
          throw Stop()
        }
      }
      let isEmpty = try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty
      #expect(isEmpty)
      let nowhere = folder.appendingPathComponent("missing/f.safetensors")
      #expect(throws: CheckpointError.self) {
        try SafetensorsStream.write(to: nowhere, columns: Self.columns, metadata: [:]) { _ in }
      }
    }
  }
}
