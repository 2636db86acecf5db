import Foundation
import PathwayCheckpoints
import Testing

@Suite struct ShardIndexTests {
  private let name = "model.safetensors.index.json"

  /// Two shards, `a` in the first and `b` in the second, next to an index of this text.
  private func withShards(_ index: String, _ body: (URL) throws -> Void) throws {
    try withFile(Array(index.utf8), name: name) { url in
      let folder = url.deletingLastPathComponent()
      let first = Checkpoint(tensors: ["a": Tensor([1, 2], shape: [2])], metadata: ["format": "pt"])
      try first.write(to: folder.appendingPathComponent("one.safetensors"))
      let second = Checkpoint(tensors: ["b": Tensor([3], shape: [1])])
      try second.write(to: folder.appendingPathComponent("two.safetensors"))
      try body(url)
    }
  }

  private func expectIndexError(_ index: String, _ words: String) throws {
    try withShards(index) { try expectError(at: $0, words) }
  }

  @Test func shardsAreOneCheckpoint() throws {
    let index = """
      {"metadata": {"total_size": 12.0, "more": [true, null, -1.5e3, {"x": "y"}]},
       "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
      """
    try withShards(index) { url in
      for place in [url, url.deletingLastPathComponent()] {
        let checkpoint = try Checkpoint(contentsOf: place)
        let (a, b) = (try checkpoint.tensors["a"]?.float32(), try checkpoint.tensors["b"]?.float32())
        #expect(a == [1, 2] && b == [3] && checkpoint.tensors.count == 2)
        // The second shard has no metadata.
        #expect(checkpoint.metadata == ["format": "pt"])
        #expect(checkpoint.files.map(\.lastPathComponent) == ["one.safetensors", "two.safetensors"])
      }
    }
  }

  @Test func untrueIndexes() throws {
    let two = #""b":"two.safetensors""#
    try expectIndexError(#"{"weight_map":{"a":"one.safetensors",\#(two),"a":"two.safetensors"}}"#, "'a' appears twice")
    try expectIndexError(#"{"weight_map":{"a":"one.safetensors"},"weight_map":{\#(two)}}"#, "appears twice")
    try expectIndexError(#"{"weight_map":{"a":"three.safetensors",\#(two)}}"#, "three.safetensors, which is not in")
    try expectIndexError(#"{"weight_map":{"c":"one.safetensors",\#(two)}}"#, "tensor 'c' is not in one.safetensors")
    try expectIndexError(#"{"weight_map":{"a":"two.safetensors",\#(two)}}"#, "tensor 'a' is not in two.safetensors")
    try withShards(#"{"weight_map":{"a":"one.safetensors",\#(two)}}"#) { url in
      let second = url.deletingLastPathComponent().appendingPathComponent("two.safetensors")
      let both = Checkpoint(tensors: ["a": Tensor([9], shape: [1]), "b": Tensor([3], shape: [1])])
      try both.write(to: second)
      try expectError(at: url, "'a', which the index puts into one.safetensors")
      try Checkpoint(tensors: ["c": Tensor([9], shape: [1]), "b": Tensor([3], shape: [1])]).write(to: second)
      try expectError(at: url, "'c', which the index does not list")
    }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{}", #"{"weight_map":[]}"#, #"{"weight_map":{}}"#, #"{"weight_map":{"a":1}}"#,
    #"{"weight_map":{"a":null}}"#, #"{"weight_map":{"a":"one.safetensors"}} x"#, #"{"weight_map":nope}"#,
    #"{"metadata":1e999,"weight_map":{"a":"one.safetensors"}}"#,
    "{\"weight_map\":{\"\u{E9}\":\"x\",\"e\u{301}\":\"y\"}}",
  ])
  func malformedIndexes(_ text: String) throws { try expectIndexError(text, name) }

  @Test(arguments: ["", ".", "..", "../x", "/etc/passwd", #"a\\b"#, #"a\u0000b"#, String(repeating: "x", count: 256)])
  func shardNamesStayInTheDirectory(_ shard: String) throws {
    try expectIndexError(#"{"weight_map":{"a":"\#(shard)"}}"#, "not a file name")
  }

  @Test func deepNestingIsRefused() throws {
    try expectIndexError(#"{"metadata":"# + String(repeating: "[", count: 100_000), "nests deeper")
  }

  @Test func malformedShardsAreNamed() throws {
    try withShards(#"{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#) { url in
      try Data().write(to: url.deletingLastPathComponent().appendingPathComponent("two.safetensors"))
      let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: url) }
      #expect(error?.description.contains("two.safetensors: has 0 bytes, a safetensors file has at least 10") == true)
    }
  }
}
