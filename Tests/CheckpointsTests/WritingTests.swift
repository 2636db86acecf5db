import Foundation
import PathwayCheckpoints
import Testing

@Suite struct WritingTests {
  private let one = Checkpoint(tensors: ["a": Tensor([1], shape: [1])])

  private func entries(_ url: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path).sorted()
  }

  /// Expects that `body` throws `unwritable` with these words and leaves no new file.
  private func expectUnwritable(_ words: String, nextTo url: URL, _ body: () throws -> Void) throws {
    let before = try entries(url)
    let error = #expect(throws: CheckpointError.self) { try body() }
    if case .unwritable(_, let reason)? = error {
      #expect(reason.contains(words), "\(reason)")
    } else {
      Issue.record("\(String(describing: error)), expected unwritable: \(words)")
    }
    let after = try entries(url)
    #expect(after == before)
  }

  /// Larger elements come first, then names decide: every tensor begins at a multiple of the size of its elements.
  @Test func tensorsAreAlignedToTheirElements() throws {
    let narrow = try Tensor([1, 2, 3], shape: [3]).converted(to: .bfloat16)
    let file = Checkpoint(tensors: ["a": narrow, "c": Tensor([1, 2], shape: [2]), "b": Tensor([3], shape: [1])])
    try withFile([]) { url in
      try file.write(to: url)
      let data = try Data(contentsOf: url)
      let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = try #require(
        try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: [String: Any]])
      #expect((8 + length) % 64 == 0)
      let offsets = header.compactMapValues { $0["data_offsets"] as? [Int] }
      #expect(offsets == ["b": [0, 4], "c": [4, 12], "a": [12, 18]])
    }
  }

  @Test func refusesWhatTheReaderRefuses() throws {
    try withFile([]) { url in
      try expectUnwritable("'__metadata__'", nextTo: url) {
        try Checkpoint(tensors: ["__metadata__": Tensor([1], shape: [1])]).write(to: url)
      }
      try expectUnwritable("65 dimensions", nextTo: url) {
        try Checkpoint(tensors: ["a": Tensor([1], shape: Array(repeating: 1, count: 65))]).write(to: url)
      }
      try expectUnwritable("the limit is 100000000", nextTo: url) {
        try Checkpoint(tensors: [:], metadata: ["a": String(repeating: "x", count: 100_000_000)]).write(to: url)
      }
      let untouched = try Data(contentsOf: url).isEmpty
      #expect(untouched)
      let deep = Checkpoint(tensors: ["a": Tensor([1], shape: Array(repeating: 1, count: 64))])
      try deep.write(to: url)
      let found1 = try Checkpoint(contentsOf: url).tensors["a"]?.shape.count
      #expect(found1 == 64)
    }
  }

  @Test func namesOfAnyLength() throws {
    try withFile([]) { url in
      let folder = url.deletingLastPathComponent()
      let longest = folder.appendingPathComponent(String(repeating: "n", count: 255))
      try one.write(to: longest)
      let found2 = try Checkpoint(contentsOf: longest).tensors.count
      #expect(found2 == 1)
      try expectUnwritable("File name too long", nextTo: url) {
        try one.write(to: folder.appendingPathComponent(String(repeating: "n", count: 256)))
      }
    }
  }

  @Test func linksAreKept() throws {
    try withFile([]) { url in
      let folder = url.deletingLastPathComponent()
      let manager = FileManager.default
      try manager.createDirectory(at: folder.appendingPathComponent("blobs"), withIntermediateDirectories: true)
      let (link, chain) = (folder.appendingPathComponent("link"), folder.appendingPathComponent("chain"))
      try manager.createSymbolicLink(atPath: link.path, withDestinationPath: "blobs/new")
      try manager.createSymbolicLink(atPath: chain.path, withDestinationPath: link.path)
      try one.write(to: chain)
      let found3 = try manager.destinationOfSymbolicLink(atPath: link.path)
      #expect(found3 == "blobs/new")
      let found4 = try manager.destinationOfSymbolicLink(atPath: chain.path)
      #expect(found4 == link.path)
      let found5 = try Checkpoint(contentsOf: folder.appendingPathComponent("blobs/new")).tensors.count
      #expect(found5 == 1)
      let loop = folder.appendingPathComponent("loop")
      try manager.createSymbolicLink(atPath: loop.path, withDestinationPath: "loop")
      try expectUnwritable("Too many levels", nextTo: url) { try one.write(to: loop) }
    }
  }

  @Test func permissionsAreKept() throws {
    try withFile([]) { url in
      #expect(chmod(url.path, 0o640) == 0)
      try one.write(to: url)
      let mode = try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int
      #expect(mode == 0o640)
    }
  }

  @Test func directoriesDevicesAndMissingFoldersAreRefused() throws {
    try withFile([]) { url in
      let folder = url.deletingLastPathComponent()
      try expectUnwritable("not a regular file", nextTo: url) { try one.write(to: folder) }
      try expectUnwritable("not a regular file", nextTo: url) { try one.write(to: URL(fileURLWithPath: "/dev/full")) }
      try expectUnwritable("No such file", nextTo: url) { try one.write(to: folder.appendingPathComponent("no/file")) }
      try expectUnwritable("Not a directory", nextTo: url) { try one.write(to: url.appendingPathComponent("file")) }
      try expectUnwritable("No such file", nextTo: url) { try one.write(to: URL(fileURLWithPath: "/proc/self/file")) }
    }
  }

  @Test func fullDisk() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    defer { close(descriptor) }
    let file = AtomicFile(descriptor: descriptor, path: "full")
    let expected = CheckpointError.unwritable(file: "full", reason: "No space left on device")
    #expect(throws: expected) { try [UInt8(1)].withUnsafeBytes { try file.append($0) } }
  }

  @Test func aThrowingBodyLeavesTheOldFile() throws {
    struct Stop: Error {}
    try withFile([1, 2, 3]) { url in
      #expect(throws: Stop.self) {
        try AtomicFile.write(to: url) { file in
          try [UInt8](repeating: 9, count: 100).withUnsafeBytes { try file.append($0) }
          throw Stop()
        }
      }
      let found6 = try Array(Data(contentsOf: url))
      #expect(found6 == [1, 2, 3])
      let found7 = try entries(url)
      #expect(found7 == ["model.safetensors"])
    }
  }

  @Test func aCheckpointMayReplaceItsOwnFile() throws {
    try withFile([]) { url in
      try one.write(to: url)
      var again = try Checkpoint(contentsOf: url)
      again.metadata["x"] = "y"
      try again.write(to: url)
      let values = try Checkpoint(contentsOf: url).tensors["a"]?.float32()
      #expect(values == [1])
    }
  }

  @Test func digests() throws {
    try withFile(Array("abc".utf8)) { url in
      let digest = try FileDigest.sha256(of: url)
      #expect(digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
    try withFile([]) { url in
      let digest = try FileDigest.sha256(of: url)
      #expect(digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
      #expect(throws: CheckpointError.self) { try FileDigest.sha256(of: url.deletingLastPathComponent()) }
    }
  }

  #if os(Linux)
    /// Memory is released, contents are kept.
    @Test func releasedPagesAreReadAgain() throws {
      try withFile([]) { url in
        let values = (0..<1 << 18).map { Float($0) }
        try Checkpoint(tensors: ["a": Tensor(values, shape: [values.count])]).write(to: url)
        let tensor = try #require(try Checkpoint(contentsOf: url).tensors["a"])
        let before = try tensor.float32()
        let held = try residentPages(tensor)
        tensor.releasePages()
        let left = try residentPages(tensor)
        let after = try tensor.float32()
        #expect(before == values && after == values)
        // Pages shared with other data are kept: the first and the last one.
        #expect(held >= 1 << 20 / Int(getpagesize()) && left <= 2, "\(held), then \(left)")
      }
    }

    /// The number of pages of a tensor that are in the memory of this process.
    private func residentPages(_ tensor: Tensor) throws -> Int {
      let page = Int(getpagesize())
      return try tensor.withUnsafeBytes { bytes in
        let first = Int(bitPattern: bytes.baseAddress) / page
        let last = (Int(bitPattern: bytes.baseAddress) + bytes.count - 1) / page
        // A word for every page; its highest bit says whether the page is in memory.
        let map = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/pagemap"))
        try map.seek(toOffset: UInt64(first * 8))
        let words = try #require(try map.read(upToCount: (last - first + 1) * 8))
        return stride(from: 7, to: words.count, by: 8).count { words[words.startIndex + $0] & 0x80 != 0 }
      }
    }
  #endif
}
