import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  private let one = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#

  @Test func empty() throws { try expectError([], "a safetensors file has at least 10") }
  @Test func tooShort() throws { try expectError([1, 2, 3], "a safetensors file has at least 10") }
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
    let entry = #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#
    let text = #"{"a":\#(entry),"\u0061":\#(entry)}"#
    try expectError(file(text, data: 8), "twice")
  }
  @Test func duplicateNameUpToNormalization() throws {
    let type = #""dtype":"F32","shape":[1],"data_offsets""#
    let text = "{\"\u{E9}\":{\(type):[0,4]},\"e\u{301}\":{\(type):[4,8]}}"
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
    let text = "{" + one.dropFirst().dropLast() + #","b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#
    try expectError(file(text, data: 12), "inside another")
  }
  @Test func hole() throws {
    let text = "{" + one.dropFirst().dropLast() + #","b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}"#
    try expectError(file(text, data: 16), "belong to no tensor")
  }
  @Test func trailingBytes() throws { try expectError(file(one, data: 9), "belong to no tensor") }
  @Test func metadataNotText() throws {
    try expectError(file(#"{"__metadata__":{"a":1}}"#, data: 0), "not a string")
  }
  @Test func deepNesting() throws {
    try expectError(file(#"{"a":"# + String(repeating: "[", count: 100_000), data: 0), "nests deeper")
  }
  @Test(arguments: [
    "[1e3]", "[2.0]", "[-0]", "[02]", "[+2]", "[true]", "[null]", "[\"2\"]", "[[2]]", "2", "{}", "[2,]",
  ])
  func extentsAreNonNegativeIntegers(_ shape: String) throws {
    try expectError(file(one.replacingOccurrences(of: "[2]", with: shape), data: 8), "model.safetensors")
  }
  @Test func zeroDoesNotHideAnOverflow() throws {
    let text = #"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296,4],"data_offsets":[0,0]}}"#
    try expectError(file(text, data: 0), "overflows")
  }
  @Test func tooManyDimensions() throws {
    let shape = "[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"
    try expectError(file(one.replacingOccurrences(of: "[2]", with: shape), data: 8), "more than 64")
  }
  @Test func unknownMember() throws {
    try expectError(file(one.replacingOccurrences(of: "{\"dtype", with: "{\"x\":1,\"dtype"), data: 8), "has 'x'")
  }
  @Test(arguments: ["dtype", "shape", "data_offsets"]) func lacksAMember(_ key: String) throws {
    try expectError(file(one.replacingOccurrences(of: key, with: key + "_"), data: 8), "expected a dtype")
  }
  @Test func lacksEverything() throws { try expectError(file(#"{"a":{}}"#, data: 0), "lacks dtype") }
  @Test func duplicateMetadata() throws {
    try expectError(file(#"{"__metadata__":{"a":"1","a":"2"}}"#, data: 0), "twice")
    try expectError(file("{\"__metadata__\":{\"\u{E9}\":\"1\",\"e\u{301}\":\"2\"}}", data: 0), "twice")
  }
  @Test func spaceBeforeTheHeader() throws { try expectError(file(" " + one, data: 8), "not an object") }
  @Test func halfSurrogates() throws {
    for name in [#"\ud83d"#, #"\ude00"#, #"\ud83dx"#, #"\ud83d\u0041"#, #"\u12"#, #"\x41"#] {
      try expectError(file(one.replacingOccurrences(of: "\"a\"", with: "\"\(name)\""), data: 8), "malformed")
    }
  }
  @Test func escapedNames() throws {
    let text = one.replacingOccurrences(of: "\"a\"", with: #""\ud83d\ude00\n\"\\\/\u00e9""#)
    try withFile(file(text, data: 8)) { url in
      let names = try Checkpoint(contentsOf: url).tensors.keys.sorted()
      #expect(names == ["\u{1F600}\n\"\\/\u{E9}"])
    }
  }
  @Test func errorsTakeOneLine() throws {
    let text = #"{"a\n\u001b[2J":{"dtype":"\r\n","shape":[2],"data_offsets":[0,8]}}"#
    try withFile(file(text, data: 8)) { url in
      let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: url) }
      let line = error?.description ?? ""
      #expect(line.contains("\\u{1b}") && !line.unicodeScalars.contains { $0.value < 0x20 }, "\(line)")
    }
  }
  @Test func trailingSpaceUnalignedDataScalarsAndNothing() throws {
    let entries =
      #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
      + #""e":{"dtype":"F64","shape":[3,0],"data_offsets":[4,4]}"#
    for padding in 0..<9 {
      let bytes = file("{\(entries)}" + String(repeating: " ", count: padding), data: 0) + [0, 0, 0x80, 0x3F]
      try withFile(bytes) { url in
        let checkpoint = try Checkpoint(contentsOf: url)
        let (scalar, empty) = (checkpoint.tensors["a"], checkpoint.tensors["e"])
        #expect(scalar?.shape == [] && empty?.shape == [3, 0] && empty?.count == 0)
        let values = try scalar?.float32()
        #expect(values == [1])
        let found1 = try empty?.float32()
        #expect(found1 == [])
      }
    }
  }
  @Test func directories() throws {
    try withFile(file(one, data: 8), name: "other.safetensors") { url in
      let folder = url.deletingLastPathComponent()
      let found2 = try Checkpoint(contentsOf: folder).files.map(\.lastPathComponent)
      #expect(found2 == ["other.safetensors"])
      try FileManager.default.copyItem(at: url, to: folder.appendingPathComponent("second.safetensors"))
      try expectError(at: folder, "name one of them")
      try FileManager.default.copyItem(at: url, to: folder.appendingPathComponent("model.safetensors"))
      let found3 = try Checkpoint(contentsOf: folder).files.map(\.lastPathComponent)
      #expect(found3 == ["model.safetensors"])
    }
    try withFile([], name: "readme") { url in
      try expectError(at: url.deletingLastPathComponent(), "without checkpoints")
      try expectError(at: url.deletingLastPathComponent().appendingPathComponent("none"), "no such file")
      let pipe = url.deletingLastPathComponent().appendingPathComponent("pipe.safetensors")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      try expectError(at: pipe, "not a regular file")
    }
  }

  /// A header near the limit of the format takes processor time proportional to its length, measured on this thread.
  @Test func longHeadersTakeLinearTime() throws {
    func processorSeconds() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    func seconds(_ count: Int) throws -> Double {
      var header = "{"
      for index in 0..<count {
        header += "\(index == 0 ? "" : ",")\"tensor.\(index).weight\":{\"dtype\":\"U8\",\"shape\":[1],"
        header += "\"data_offsets\":[\(index),\(index + 1)]}"
      }
      return try withFile(file(header + "}", data: count)) { url in
        let start = processorSeconds()
        let found4 = try Checkpoint(contentsOf: url).tensors.count
        #expect(found4 == count)
        return processorSeconds() - start
      }
    }
    let (short, long) = (try seconds(5_000), try seconds(200_000))
    // 40 times the header: quadratic time would be 1,600 times as long.
    #expect(long < 400 * max(short, 1e-3), "\(short) s and \(long) s")
  }
  @Test func longStringsTakeLinearTime() throws {
    let text = #"{"__metadata__":{"a":""# + String(repeating: #"\n"#, count: 1 << 21) + #""}}"#
    try withFile(file(text, data: 0)) { url in
      let found5 = try Checkpoint(contentsOf: url).metadata["a"]?.utf8.count
      #expect(found5 == 1 << 21)
    }
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
        let found6 = try Data(contentsOf: url)
        #expect(found6 == first)
        let again = try Checkpoint(contentsOf: url)
        #expect(again.metadata == original.metadata)
        #expect(again.tensors.keys.sorted() == original.tensors.keys.sorted())
        for (name, tensor) in original.tensors {
          #expect(again.tensors[name]?.shape == tensor.shape)
          let values = try tensor.float32()
          let found7 = try again.tensors[name]?.float32()
          #expect(found7 == values)
        }
        let found8 = try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path).count
        #expect(found8 == 1)
      }
    }
  }
}
