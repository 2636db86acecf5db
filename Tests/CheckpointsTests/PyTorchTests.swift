import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Files of torch.save (Tests/Fixtures/pytorch/make_checkpoints.py), and hand-made archives and pickles.
@Suite struct PyTorchTests {
  private func fixture(_ name: String) -> URL { Fixture.url("pytorch/\(name)") }

  private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

  @Test(arguments: [
    ("training.pth", "model"), ("views.pt", nil), ("base_model.pth", "base_model"),
    ("averaged.bin", "model_ema"), ("named.pth", "network"), ("protocol_4.pth", nil),
  ])
  func tensorsAreThoseOfPyTorch(_ name: String, _ entry: String?) throws {
    let checkpoint = try Checkpoint(contentsOf: fixture(name))
    let expected = try Checkpoint(contentsOf: fixture("expected.safetensors")).tensors
      .filter { $0.key.hasPrefix(name + "/") }
    #expect(Set(checkpoint.tensors.keys.map { "\(name)/\($0)" }) == Set(expected.keys) && !expected.isEmpty)
    for (key, tensor) in checkpoint.tensors {
      let other = try #require(expected["\(name)/\(key)"])
      #expect(tensor.shape == other.shape && tensor.elementType == other.elementType, "\(key)")
      #expect(bytes(tensor) == bytes(other), "\(key)")
    }
    #expect(checkpoint.metadata["pytorch.entry"] == entry)
  }

  @Test func contiguousTensorsAreViewsOfTheFile() throws {
    let tensors = try Checkpoint(contentsOf: fixture("views.pt")).tensors
    func place(_ name: String) throws -> UInt {
      try #require(tensors[name]).withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
    // Rows 2 and 3 of (6, 8), and the element (3, 5).
    #expect(try place("rows") == place("whole") + 16 * 4)
    #expect(try place("element") == place("whole") + 29 * 4)
    // PyTorch aligns storages to 64 bytes of the file.
    #expect(try place("whole") % 64 == 0)
  }

  @Test(arguments: [
    ("malicious.pth", "'posix.system', which is code"), ("whole_model.pth", "'torch.nn.modules.linear.Linear', which"),
    ("legacy.pth", "PyTorch before 1.6"), ("complex.pth", "complex"), ("script.pt", "TorchScript"),
    ("ambiguous.pth", "each of student, teacher"),
    ("nothing.pth", "args, epoch, expected a dictionary of tensors"),
  ])
  func filesThatCannotBeReadSayWhy(_ name: String, _ words: String) throws {
    try expectError(at: fixture(name), words)
    #expect(!FileManager.default.fileExists(atPath: "/tmp/m2pt-was-here"))
  }

  @Test func directories() throws {
    let saved = try Data(contentsOf: fixture("base_model.pth"))
    try withFile(Array(saved), name: "checkpoint-99.pth") { url in
      let folder = url.deletingLastPathComponent()
      func found() throws -> [String] { try Checkpoint(contentsOf: folder).files.map(\.lastPathComponent) }
      #expect(try found() == ["checkpoint-99.pth"])
      try saved.write(to: folder.appendingPathComponent("training_args.bin"))
      try expectError(at: folder, "name one of them, or rename one to pytorch_model.bin")
      try saved.write(to: folder.appendingPathComponent("shard.bin"))
      try Data(#"{"weight_map": {"module.a": "shard.bin"}}"#.utf8)
        .write(to: folder.appendingPathComponent("pytorch_model.bin.index.json"))
      #expect(try found() == ["shard.bin"])
      try saved.write(to: folder.appendingPathComponent("pytorch_model.bin"))
      #expect(try found() == ["pytorch_model.bin"])
      try Checkpoint(tensors: ["a": Tensor([1], shape: [1])]).write(to: folder.appendingPathComponent("x.safetensors"))
      #expect(try found() == ["x.safetensors"])
    }
  }

  // MARK: - Archives

  private let four: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40]

  private func archive(_ count: Int = 4, offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]) -> PyTorchArchive {
    let tensor = Pickles.tensor(count: count, offset: offset, shape: shape, strides: strides)
    return PyTorchArchive(pickle: Pickles.dictionary(tensor), storages: [four])
  }

  private func tensors(_ archive: PyTorchArchive) throws -> [String: Tensor] {
    try withFile(archive.bytes, name: "model.pth") { try Checkpoint(contentsOf: $0).tensors }
  }

  private func expectRefused(_ archive: PyTorchArchive, _ words: String) throws {
    try expectError(archive.bytes, words, name: "model.pth")
  }

  @Test func archivesOf64Bits() throws {
    var large = archive()
    large.isLarge = true
    #expect(try tensors(large)["a"]?.float32() == [1, 2, 3, 4])
    large.changeEntry = {
      if $0.hasSuffix("/0") { $1.replaceSubrange(($1.count - 8)..., with: (0..<8).map { _ in 0xFF }) }
    }
    try expectRefused(large, "'archive/data/0' is not where its directory says")
    // A field for two of the three numbers.
    large.changeEntry = { if $0.hasSuffix("/0") { $1[$1.count - 26] = 16 } }
    try expectRefused(large, "entry 1 of its directory is incomplete")
  }

  @Test func inconsistentArchivesAreRefused() throws {
    func refused(_ words: String, _ change: (inout PyTorchArchive) -> Void) throws {
      var archive = archive()
      change(&archive)
      try expectRefused(archive, words)
    }
    func set(_ place: Int, _ value: UInt8, in name: String = "data/0") -> (String, inout [UInt8]) -> Void {
      { if $0.hasSuffix(name) { $1[place] = value } }
    }
    try refused("'archive/data/0' is encrypted") { $0.changeEntry = set(8, 1) }
    try refused("'archive/data/0' is compressed") { archive in
      archive.changeEntry = set(10, 8)
      archive.changeHeader = set(8, 8)
    }
    try refused("not where its directory says") { $0.changeEntry = set(10, 8) }
    try refused("'archive/data/0' is not compressed, but has 15 bytes") { $0.changeEntry = set(20, 15) }
    try refused("not where its directory says") { $0.changeHeader = set(8, 8) }
    try refused("not where its directory says") { $0.changeHeader = set(30, 0x62) }
    try refused("not where its directory says") { $0.changeHeader = set(29, 0xFF) }
    try refused("not where its directory says") { $0.changeEntry = set(42, 1) }
    try refused("not where its directory says") { archive in
      archive.changeEntry = { if $0.hasSuffix("0") { ($1[23], $1[27]) = (0x7F, 0x7F) } }
    }
    try refused("overlap") { archive in
      archive.changeEntry = { if $0.hasSuffix("pkl") { ($1[20], $1[24]) = ($1[20] + 8, $1[24] + 8) } }
    }
    try refused("'archive/data/0' appears twice") { $0.entries.append($0.entries[1]) }
    try refused("entry 1 of its directory is incomplete") { $0.changeEntry = set(0, 0) }
    try refused("entry 1 of its directory is incomplete") { $0.changeEntry = set(46, 0xFF) }
    try refused("entry 2 of its directory is incomplete") {
      $0.changeEnd = {
        $0[8] = 3
        $0[10] = 3
      }
    }
    try refused("bytes, but declares") {
      $0.changeEnd = {
        $0[8] = 1
        $0[10] = 1
      }
    }
    try refused("several disks") { $0.changeEnd = { $0[10] = 9 } }
    try refused("after its own end") { $0.changeEnd = { $0[19] = 0x7F } }
    try refused("truncated") { $0.changeEnd = { $0.removeLast() } }
    try refused("big-endian") { $0.entries.append(("archive/byteorder", Array("big".utf8))) }
    try refused("0 files data.pkl") { $0.entries.remove(at: 0) }
    try refused("2 files data.pkl") { $0.entries.append(("other/data.pkl", [])) }
    try refused("no entry 'archive/data/0'") { $0.entries.remove(at: 1) }
    // A folder of another name, and a comment at the end.
    var renamed = archive()
    renamed.entries = renamed.entries.map { ("checkpoint 7/" + $0.name.dropFirst(8), $0.content) }
    renamed.changeEnd = {
      $0[20] = 3
      $0 += Array("end".utf8)
    }
    #expect(try tensors(renamed)["a"]?.float32() == [1, 2, 3, 4])
  }

  // MARK: - Tensors

  @Test func tensorsStayInTheirStorage() throws {
    #expect(try tensors(archive(offset: 1, shape: [2, 2], strides: [1, 1]))["a"]?.float32() == [2, 3, 3, 4])
    #expect(try tensors(archive(offset: 4, shape: [0, 9], strides: [9, 1]))["a"]?.shape == [0, 9])
    try expectRefused(archive(offset: 1), "beyond the 4 elements of its storage: shape [4], strides [1], offset 1")
    try expectRefused(archive(offset: -1), "offset -1")
    try expectRefused(archive(shape: [2], strides: [-1]), "strides [-1]")
    try expectRefused(archive(shape: [2], strides: []), "strides []")
    try expectRefused(archive(shape: [2], strides: [.max]), "reach beyond")
    try expectRefused(archive(shape: [3], strides: [.max]), "reach beyond")
    try expectRefused(archive(offset: .max, shape: [2], strides: [1]), "reach beyond")
    try expectRefused(archive(shape: [.max, .max, 0], strides: [0, 0, 0]), "overflows")
    try expectRefused(archive(shape: [1 << 40], strides: [0]), "copies of such tensors")
    try expectRefused(archive(3), "found 16 bytes, expected 3 elements of FloatStorage")
    try expectRefused(archive(.max), "elements of FloatStorage")
    try expectRefused(archive(-1), "elements of FloatStorage")
  }

  // MARK: - Pickles

  @Test func pickles() throws {
    func refused(_ pickle: [UInt8], _ words: String) throws {
      try expectRefused(PyTorchArchive(pickle: pickle, storages: [four]), words)
    }
    let tensor = Pickles.tensor(count: 4, shape: [4], strides: [1])
    try refused([], "ends too early")
    try refused([0x80, 2], "ends too early")
    try refused([0x80, 6], "protocol 6, expected 0 to 5")
    try refused([0x80, 2, 0xFF], "0xff is not an opcode of pickle protocols 0 to 5")
    try refused([0x80, 2, 0x2E], "a value is missing")
    try refused([0x80, 2, 0x4E, 0x28, 0x2E], "a value is missing")
    try refused([0x80, 2, 0x74], "the end of a group has no beginning")
    try refused([0x80, 2, 0x68, 9], "recalls value 9")
    try refused([0x80, 2, 0x7D, 0x28, 0x4E, 0x75], "no value")
    try refused([0x80, 2] + [UInt8](repeating: 0x28, count: 1 << 21), "groups are open")
    try refused([0x80, 2] + [UInt8](repeating: 0x4E, count: 1 << 21), "values are on the stack")
    try refused(Array([[UInt8]](repeating: [0x4E, 0x30], count: 1 << 24 + 1).joined()), "bytes without texts")
    try refused([0x80, 2, 0x58, 0xFF, 0xFF, 0xFF, 0xFF], "ends too early")
    try refused([0x80, 2, 0x58, 1, 0, 0, 0, 0xFF], "not UTF-8")
    try refused([0x80, 2] + Array("cos".utf8), "name does not end")
    try refused([0x80, 2, 0x4E, 0x29, 0x52], "it calls a value that is not a global")
    try refused(
      [0x80, 2] + Pickles.global("collections", "OrderedDict") + [0x4E, 0x52], "arguments of a global are not a tuple")
    try refused([0x80, 2] + Pickles.global("torch", "FloatStorage") + [0x29, 0x52], "calls torch.FloatStorage")
    try refused(
      [0x80, 2] + Pickles.global("torch._utils", "_rebuild_tensor_v2") + [0x29, 0x52],
      "the arguments of a tensor are not its storage, offset, shape and strides")
    try refused(
      [0x80, 2] + Pickles.global("torch._utils", "_rebuild_parameter") + [0x29, 0x52], "a parameter is not a tensor")
    try refused([0x80, 2, 0x29, 0x51], "a persistent object is not a storage")
    try refused([0x80, 2, 0x4E, 0x2E], "found None, expected a dictionary")
    try refused(
      [0x80, 2, 0x7D] + Pickles.text("a") + tensor + [0x73] + Pickles.text("a") + tensor + [0x73, 0x2E],
      "'a' appears twice")
    for (module, name) in [("builtins", "eval"), ("torch.storage", "_load_from_bytes"), ("", ""), ("a\u{1B}[2J", "b")] {
      try refused(Pickles.dictionary(Pickles.global(module, name)), "which is code")
    }
  }

  /// Depth, cycles and wrappers that contain themselves cost neither stack nor time.
  @Test func deepAndCyclicPickles() throws {
    let tensor = Pickles.tensor(count: 4, shape: [4], strides: [1])
    let deep = [UInt8](repeating: 0x85, count: 1 << 20)
    let nested = [0x80, 2, 0x7D] + Pickles.text("deep") + [0x4E] + deep + [0x73] + Pickles.text("a") + tensor
    #expect(try tensors(PyTorchArchive(pickle: nested + [0x73, 0x2E], storages: [four]))["a"]?.count == 4)
    var cyclic: [UInt8] = [0x80, 2, 0x7D, 0x71, 0]
    for wrapper in ["model", "module", "state_dict", "base_model", "model_ema", "other"] {
      cyclic += Pickles.text(wrapper) + [0x68, 0, 0x73]
    }
    try expectRefused(PyTorchArchive(pickle: cyclic + [0x2E]), "expected a dictionary of tensors")
    let found = cyclic + Pickles.text("a") + tensor + [0x73, 0x2E]
    #expect(try tensors(PyTorchArchive(pickle: found, storages: [four]))["a"]?.count == 4)
  }
}
