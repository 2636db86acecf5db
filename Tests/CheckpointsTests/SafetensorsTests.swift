import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  private func withFile<R>(_ bytes: [UInt8], name: String = "model.safetensors", _ body: (URL) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appendingPathComponent(name)
    try Data(bytes).write(to: url)
    return try body(url)
  }

  private func file(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    let count = length ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: count.littleEndian, Array.init) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
  }

  /// Reading these bytes throws an error whose text has `words` in it.
  private func expectError(_ bytes: [UInt8], _ words: String, name: String = "model.safetensors") throws {
    try withFile(bytes, name: name) { url in
      do {
        _ = try Checkpoint(contentsOf: url)
        Issue.record("read without an error, expected: \(words)")
      } catch let error as CheckpointError {
        #expect(error.description.contains(words), "\(error)")
        #expect(error.description.contains(url.lastPathComponent))
      }
    }
  }

  private let one = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#

  @Test func empty() throws { try expectError([], "too few") }
  @Test func tooShort() throws { try expectError([1, 2, 3], "too few") }
  @Test func headerTooLong() throws { try expectError(file(one, data: 8, length: 1 << 40), "the limit is") }
  @Test func headerBeyondFile() throws { try expectError(file(one, data: 8, length: 4000), "truncated") }
  @Test func notJSON() throws { try expectError(file("hello, world", data: 0), "malformed") }
  @Test func notAnObject() throws { try expectError(file("[1, 2, 3]", data: 0), "not an object") }
  @Test func cutShort() throws { try expectError(file(#"{"a":{"dtype":"#, data: 0), "ends in the middle") }
  @Test func textAfterwards() throws { try expectError(file(one + "x", data: 8), "text follows") }
  @Test func invalidUTF8() throws {
    var bytes = file(one, data: 8)
    bytes[10] = 0xFF
    try expectError(bytes, "UTF-8")
  }
  @Test func duplicateName() throws {
    let entry = #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#
    try expectError(file("{\(entry),\(entry)}", data: 8), "twice")
  }
  @Test func duplicateNameInAnotherSpelling() throws {
    let text = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    try expectError(file(text, data: 8), "twice")
  }
  @Test func duplicateNameUpToNormalization() throws {
    let text = "{\"\u{E9}\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"e\u{301}\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"
    try expectError(file(text, data: 8), "twice")
  }
  @Test func headerLengthThatLooksLikeAPickle() throws {
    let bytes = file(one + String(repeating: " ", count: 640 - one.utf8.count), data: 8)
    try withFile(bytes) { url in
      let names = try Checkpoint(contentsOf: url).tensors.keys.sorted()
      #expect(names == ["a"])
    }
  }
  @Test func unknownType() throws {
    try expectError(file(one.replacingOccurrences(of: "F32", with: "Q4"), data: 8), "'Q4'")
  }
  @Test func negativeExtent() throws {
    try expectError(file(one.replacingOccurrences(of: "[2]", with: "[-2]"), data: 8), "non-negative")
  }
  @Test func fractionalExtent() throws {
    try expectError(file(one.replacingOccurrences(of: "[2]", with: "[2.5]"), data: 8), "not an integer")
  }
  @Test func overflowingShape() throws {
    try expectError(
      file(one.replacingOccurrences(of: "[2]", with: "[4294967296,4294967296,4]"), data: 8), "overflows")
  }
  @Test func overflowingNumber() throws {
    try expectError(file(one.replacingOccurrences(of: "[2]", with: "[99999999999999999999]"), data: 8), "64 bits")
  }
  @Test func reversedOffsets() throws {
    try expectError(file(one.replacingOccurrences(of: "[0,8]", with: "[8,0]"), data: 8), "data_offsets")
  }
  @Test func offsetsBeyondFile() throws { try expectError(file(one, data: 4), "data_offsets") }
  @Test func wrongSize() throws {
    try expectError(file(one.replacingOccurrences(of: "[2]", with: "[3]"), data: 8), "needs 12 bytes")
  }
  @Test func overlap() throws {
    let text = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#
    try expectError(file(text, data: 12), "inside another")
  }
  @Test func hole() throws {
    let text = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}"#
    try expectError(file(text, data: 16), "belong to no tensor")
  }
  @Test func trailingBytes() throws { try expectError(file(one, data: 9), "belong to no tensor") }
  @Test func metadataNotText() throws {
    try expectError(file(#"{"__metadata__":{"a":1}}"#, data: 0), "not a string")
  }
  @Test func deepNesting() throws {
    try expectError(file(String(repeating: "[", count: 100_000), data: 0), "nests deeper")
  }
  @Test func zipArchive() throws { try expectError(Array("PK\u{3}\u{4} a PyTorch file".utf8), "zip") }
  @Test func lfsPointer() throws { try expectError(Array("version https://git-lfs.github.com/spec/v1".utf8), "git lfs pull") }
  @Test func badIndex() throws {
    try expectError(Array("{}".utf8), "weight_map", name: "model.safetensors.index.json")
    try expectError(
      Array(#"{"weight_map":{"a":"../secret.safetensors"}}"#.utf8), "not a file name", name: "model.safetensors.index.json")
  }

  @Test func roundTripsSeededCheckpoints() throws {
    var random = SeededGenerator(seed: 11)
    for round in 0..<50 {
      var tensors: [String: Tensor] = ["scalar": Tensor([1.5], shape: []), "empty": Tensor([], shape: [0, 3])]
      for index in 0..<Int.random(in: 0...9, using: &random) {
        let shape = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 1...5, using: &random) }
        tensors["ten\"sor.\(index)\u{1F600}\n"] = Tensor(random.floats(shape.reduce(1, *)), shape: shape)
      }
      let original = Checkpoint(tensors: tensors, metadata: ["round \(round)": "\t\\ \"quoted\" \u{7} é"])
      try withFile([]) { url in
        try original.write(to: url)
        let first = try Data(contentsOf: url)
        try original.write(to: url)
        #expect(try Data(contentsOf: url) == first)
        let again = try Checkpoint(contentsOf: url)
        #expect(again.metadata == original.metadata)
        #expect(again.tensors.keys.sorted() == original.tensors.keys.sorted())
        for (name, tensor) in original.tensors {
          #expect(again.tensors[name]?.shape == tensor.shape)
          let values = try tensor.float32()
          #expect(try again.tensors[name]?.float32() == values)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path).count == 1)
      }
    }
  }

  @Test func failedWriteLeavesNothing() throws {
    try withFile([]) { url in
      let folder = url.deletingLastPathComponent().appendingPathComponent("directory.safetensors")
      try FileManager.default.createDirectory(at: folder.appendingPathComponent("x"), withIntermediateDirectories: true)
      #expect(throws: CheckpointError.self) { try Checkpoint(tensors: [:]).write(to: folder) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.deletingLastPathComponent().path).count == 2)
    }
  }

  @Test func halfFormatsConvertExactly() throws {
    let halves: [(UInt16, Float)] = [
      (0x3C00, 1), (0xC000, -2), (0x0001, 0x1p-24), (0x03FF, 0x1.FF8p-15), (0x0400, 0x1p-14), (0x7BFF, 65504),
      (0x7C00, .infinity), (0xFC00, -.infinity), (0x3555, 0x1.554p-2),
    ]
    let brains: [(UInt16, Float)] = [(0x3F80, 1), (0xC040, -3), (0x0001, 0x1p-133), (0x7F80, .infinity)]
    for (name, table) in [("F16", halves), ("BF16", brains)] {
      let header = #"{"a":{"dtype":"\#(name)","shape":[\#(table.count)],"data_offsets":[0,\#(table.count * 2)]}}"#
      var bytes = file(header, data: 0)
      for (bits, _) in table { bytes += [UInt8(bits & 0xFF), UInt8(bits >> 8)] }
      try withFile(bytes) { url in
        let values = try Checkpoint(contentsOf: url).tensors["a"]?.float32()
        #expect(values == table.map(\.1))
      }
    }
  }

  @Test func digestOfAFile() throws {
    try withFile(Array("abc".utf8)) { url in
      let digest = try FileDigest.sha256(of: url)
      #expect(
        digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
  }
}
