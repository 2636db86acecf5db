import PathwayCheckpoints
import Testing

/// Copies of tensors that are not contiguous have at most four times the bytes of the file, together.
@Suite struct CopyLimitTests {
  /// A file of one float and, for each count, a tensor that repeats it, with a stride of 0.
  private static func file(_ counts: [Int]) -> [UInt8] {
    var pickle: [UInt8] = [0x80, 2, 0x7D]
    for (name, count) in zip(["a", "b"], counts) {
      pickle += Pickles.text(name) + Pickles.tensor(count: 1, shape: [count], strides: [0]) + [0x73]
    }
    return PyTorchArchive(pickle: pickle + [0x2E], storages: [[0, 0, 0x80, 0x3F]]).bytes
  }

  /// A float has four bytes, so the limit in elements is the number of bytes of the file.
  @Test func oneCopyReachesTheLimit() throws {
    let limit = Self.file([0]).count
    try withFile(Self.file([limit]), name: "model.pth") { url in
      let tensor = try #require(Checkpoint(contentsOf: url).tensors["a"])
      #expect(try tensor.float32() == [Float](repeating: 1, count: limit))
    }
    try withFile(Self.file([limit + 1]), name: "model.pth") { url in
      _ = #expect(throws: Self.error(url.path, "a", limit)) { try Checkpoint(contentsOf: url) }
    }
  }

  @Test func copiesAreAddedUp() throws {
    let limit = Self.file([0, 0]).count
    try withFile(Self.file([100, limit - 100]), name: "model.pth") { url in
      let counts = try Checkpoint(contentsOf: url).tensors.mapValues(\.count)
      #expect(counts == ["a": 100, "b": limit - 100])
    }
    try withFile(Self.file([100, limit - 99]), name: "model.pth") { url in
      _ = #expect(throws: Self.error(url.path, "b", limit)) { try Checkpoint(contentsOf: url) }
    }
  }

  private static func error(_ file: String, _ tensor: String, _ bytes: Int) -> CheckpointError {
    .badStorage(
      file: file, tensor: tensor,
      reason: "it is not contiguous, and the copies of such tensors would exceed 4 times the \(bytes) bytes of the "
        + "file; save it again after .contiguous()")
  }
}
