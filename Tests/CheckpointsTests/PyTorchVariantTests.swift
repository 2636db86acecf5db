import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// Files of torch.save with other protocols, values and views (Tests/Fixtures/pytorch/make_variants.py).
@Suite struct PyTorchVariantTests {
  private func fixture(_ name: String) -> URL { Fixture.url("pytorch/\(name)") }

  /// Types, shapes and bytes are those that PyTorch computed.
  private func expectTensors(_ checkpoint: Checkpoint, _ name: String) throws {
    let expected = try Checkpoint(contentsOf: fixture("variants.safetensors")).tensors
      .filter { $0.key.hasPrefix(name + "/") }
    #expect(Set(checkpoint.tensors.keys.map { "\(name)/\($0)" }) == Set(expected.keys) && !expected.isEmpty)
    for (key, tensor) in checkpoint.tensors {
      let other = try #require(expected["\(name)/\(key)"])
      #expect(tensor.shape == other.shape && tensor.elementType == other.elementType, "\(name) \(key)")
      #expect(tensor.withUnsafeBytes { Array($0) } == other.withUnsafeBytes { Array($0) }, "\(name) \(key)")
    }
  }

  /// Values on which the weights do not depend: NumPy's arrays and numbers, containers of Lightning and OmegaConf,
  /// paths, dates, enumerations and objects of unknown classes.
  @Test(arguments: ["protocol_1.pt", "protocol_2.pt", "protocol_3.pt", "protocol_4.pt", "protocol_5.pt"])
  func protocols1To5WithInertValues(_ name: String) throws {
    let checkpoint = try Checkpoint(contentsOf: fixture(name))
    try expectTensors(checkpoint, name)
    #expect(checkpoint.metadata == ["pytorch.entry": "state_dict"] && checkpoint.notes.isEmpty, "\(checkpoint.notes)")
  }

  @Test func viewsWithASignAreNegated() throws {
    try expectTensors(Checkpoint(contentsOf: fixture("signs.pth")), "signs.pth")
  }

  @Test(arguments: ["arrays_2.pth", "arrays_5.pth"])
  func arraysAreTensors(_ name: String) throws {
    try expectTensors(Checkpoint(contentsOf: fixture(name)), name)
  }

  @Test(arguments: [
    ("subclass.pth", "'b' is a tensor of the class project.tensors.Labelled"), ("sparse.pth", "'b' is a sparse tensor"),
    ("quantized.pth", "'b' is a quantized tensor"), ("meta.pth", "'b' is a tensor without numbers (device meta)"),
    ("float8.pth", "'b' has type 'torch.float8_e4m3fn'"), ("big_endian.pth", "'a' is a NumPy array whose type"),
    ("deflated.pth", "is compressed"),
  ])
  func unsupportedTensorsAreNamed(_ name: String, _ words: String) throws {
    try expectError(at: fixture(name), words)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: fixture(name)) }
    #expect(error?.description.contains("malformed") == false)
  }

  @Test func archivesRewrittenByZip() throws {
    try expectTensors(Checkpoint(contentsOf: fixture("rezipped.pth")), "rezipped.pth")
  }

  /// Errors name the fault of an archive, and say truncated only if it is.
  @Test func archivesThatGrew() throws {
    let saved = [UInt8](try Data(contentsOf: fixture("rezipped.pth")))
    try expectError(saved + [UInt8](repeating: 0x78, count: 20), "20 bytes follow its end", name: "m.pth")
    // PyTorch's distributed checkpoints: concatenated archives, each with places relative to its own beginning.
    try expectError(saved + saved, "bytes are between its directory and its end", name: "m.pth")
    try expectError(Array(saved.dropLast(30)), "truncated", name: "m.pth")
    var numpy = PyTorchArchive(pickle: [])
    numpy.entries = [("a.npy", [1]), ("b.npy", [2])]
    try expectError(numpy.bytes, "a NumPy archive (.npz)", name: "m.npz")
    numpy.entries = [("model/archive_format", [1])]
    try expectError(numpy.bytes, "an exported program", name: "m.pt2")
    try withFile(saved, name: "__0_0.distcp") { url in
      try expectError(at: url.deletingLastPathComponent(), "a distributed checkpoint")
    }
  }

  // MARK: - Pickles made by hand

  private let four: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40]
  private let tensor = Pickles.tensor(count: 4, shape: [4], strides: [1])

  private func values(_ pickle: [UInt8]) throws -> [Float]? {
    try withFile(PyTorchArchive(pickle: pickle, storages: [four]).bytes, name: "model.pth") {
      try Checkpoint(contentsOf: $0).tensors["a"]?.float32()
    }
  }

  private func refused(_ pickle: [UInt8], _ words: String) throws {
    try expectError(PyTorchArchive(pickle: pickle, storages: [four]).bytes, words, name: "model.pth")
  }

  /// A tensor is read after each of them.
  @Test(arguments: OpcodeCases.values)
  func opcodesOfAllProtocols(_ value: [UInt8]) throws {
    let pickle = [0x80, 4, 0x7D] + Pickles.text("value") + value + [0x73] + Pickles.text("a") + tensor + [0x73, 0x2E]
    #expect(try values(pickle) == [1, 2, 3, 4])
  }

  @Test func opcodesThatAreNotSupported() throws {
    for opcode in [0x82, 0x83, 0x84] as [UInt8] { try refused([0x80, 5, opcode], "extension registry") }
    try refused([0x80, 5, 0x97], "NEXT_BUFFER")
    try refused([0x80, 0, 0x50], "PERSID")
    try refused([0x80, 4, 0x95, 0xFF, 0, 0, 0, 0, 0, 0, 0], "a frame of 255 bytes ends too early")
    try refused([0x80, 4, 0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "ends too early")
    try refused([0x80, 4, 0x8E, 0, 0, 0, 0, 0, 0, 0, 0x80], "ends too early")
    try refused([0x80, 2, 0x8B, 0xFF, 0xFF, 0xFF, 0xFF], "no bytes")
    try refused([0x80, 4, 0x4E, 0x4E, 0x93], "the name of a global is not text")
    try refused([0x80, 4, 0x8C, 2, 0x6F, 0x73, 0x8C, 6] + Array("system".utf8) + [0x93], "'os.system', which is code")
    try refused([0x80, 2, 0x28, 0x6F], "an instance has no class")
    try refused(Array("px\n".utf8), "a key of the memo is not a number")
  }

  /// Names whose only use is to run code are refused anywhere, called or not.
  @Test(arguments: [
    ("posix", "system"), ("nt", "system"), ("os", "popen"), ("subprocess", "Popen"), ("builtins", "getattr"),
    ("builtins", "exec"), ("__builtin__", "__import__"), ("importlib", "import_module"), ("runpy", "run_path"),
    ("pickle", "loads"), ("_pickle", "loads"), ("marshal", "loads"), ("types", "CodeType"), ("torch", "load"),
    ("torch.storage", "_load_from_bytes"), ("torch.hub", "load"), ("torch.jit", "load"), ("socket", "socket"),
    ("operator", "attrgetter"), ("shutil", "rmtree"), ("webbrowser", "open"),
    ("numpy.testing._private.utils", "runstring"),
  ])
  func codeIsRefusedNextToAModel(_ module: String, _ name: String) throws {
    let pickle =
      [0x80, 2, 0x7D] + Pickles.text("a") + tensor + [0x73] + Pickles.text("b") + Pickles.global(module, name)
      + [0x73, 0x2E]
    try refused(pickle, "'\(module).\(name)', which is code")
  }

  /// An object of an unknown class is ignored; one in the place of the model is an error.
  @Test func objectsOfUnknownClasses() throws {
    let object = Pickles.global("project", "Thing") + [0x29, 0x81] + [0x7D, 0x62]
    let around = [0x80, 2, 0x7D] + Pickles.text("b") + object + [0x73]
    #expect(try values(around + Pickles.text("a") + tensor + [0x73, 0x2E]) == [1, 2, 3, 4])
    try refused(around + [0x2E], "'project.Thing', which is code")
    try refused([0x80, 2] + object + [0x2E], "'project.Thing', which is code")
  }

  @Test func metadataOfViews() throws {
    func view(_ metadata: [UInt8]) -> [UInt8] {
      // The end of the tuple and REDUCE give way to a seventh argument.
      [0x80, 2, 0x7D] + Pickles.text("a") + Array(tensor.dropLast(2)) + metadata + [0x74, 0x52, 0x73, 0x2E]
    }
    func entry(_ key: String, _ value: UInt8) -> [UInt8] { Pickles.text(key) + [value, 0x73] }
    #expect(try values(view([0x4E])) == [1, 2, 3, 4])
    #expect(try values(view([0x7D])) == [1, 2, 3, 4])
    #expect(try values(view([0x7D] + entry("neg", 0x88))) == [-1, -2, -3, -4])
    #expect(try values(view([0x7D] + entry("neg", 0x89) + entry("conj", 0x88))) == [1, 2, 3, 4])
    try refused(view([0x7D] + entry("scaled", 0x88)), "a view that PyTorch computes")
    try refused(view([0x7D] + entry("neg", 0x4E)), "a view that PyTorch computes")
    try refused(view(Pickles.text("neg")), "a view that PyTorch computes")
  }

  /// Memory and time grow with the file, however often values are recalled from the memo.
  @Test func repeatedArgumentsCostOnlyTheirBytes() throws {
    let numbers = Pickles.tuple(Array([[UInt8]](repeating: Pickles.integer(1), count: 64).joined()))
    let storage = Pickles.tuple(
      Pickles.text("storage"), Pickles.global("torch", "FloatStorage"), Pickles.text("0"), Pickles.text("cpu"),
      Pickles.integer(4))
    let arguments = Pickles.tuple(storage + [0x51], Pickles.integer(0), numbers, numbers)
    var pickle: [UInt8] = [0x80, 2] + Pickles.global("torch._utils", "_rebuild_tensor")
    pickle += [0x71, 0] + arguments + [0x71, 1]
    // A tensor of 64 dimensions for 6 bytes.
    let again: [UInt8] = [0x68, 0, 0x68, 1, 0x52, 0x30]
    for _ in 0..<1_000_000 { pickle += again }
    let long = Pickles.text(String(repeating: "x", count: 1 << 20))
    pickle += [0x7D] + long + [0x71, 2, 0x7D, 0x73]
    // A name of a megabyte for 4 bytes.
    for _ in 0..<1_000_000 { pickle += [0x68, 2, 0x7D, 0x73] }
    pickle += Pickles.text("a") + tensor + [0x73, 0x2E]
    // If each repetition cost the size of its arguments, this would read a terabyte of names.
    #expect(try values(pickle) == [1, 2, 3, 4])
    // The same for tensors, with shorter names.
    var named: [UInt8] = [0x80, 2, 0x7D] + tensor + [0x71, 0, 0x30] + long + [0x71, 2, 0x30]
    for _ in 0..<1_000_000 { named += [0x68, 2, 0x68, 0, 0x73] }
    try refused(named + [0x2E], "the name of a tensor has 1048576 bytes, the limit is 1024")
    let twice =
      [0x80, 2, 0x7D] + tensor + [0x71, 0, 0x30] + Pickles.text("a") + [0x71, 2, 0x68, 0, 0x73, 0x68, 2, 0x68, 0]
    try refused(twice + [0x73, 0x2E], "appears twice")
  }
}

private enum OpcodeCases {
  /// A value of every opcode.
  static let values: [[UInt8]] = [
    bytes("I12\n"), bytes("I01\n"), bytes("L99999999999999999999L\n"), bytes("F1.5\n"), bytes("S'abc'\n"),
    bytes("Vabc\n"), bytes("V\\u00e9\n"), [0x54, 1, 0, 0, 0, 0xFF], [0x55, 1, 0xFF], [0x42, 2, 0, 0, 0, 1, 2],
    [0x43, 1, 9], [0x8B, 2, 0, 0, 0, 1, 2], [0x8C, 1, 0x78], [0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x78],
    [0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF], [0x8F, 0x28, 0x4E, 0x90], [0x28, 0x4E, 0x91],
    [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x98], [0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4E], [0x4E, 0x32, 0x30],
    [0x4E, 0x28, 0x4E, 0x31], [0x4E, 0x28, 0x30], [0x28, 0x4E, 0x4E, 0x64], [0x28, 0x4E, 0x6C],
    [0x4E, 0x94, 0x30, 0x68, 0], bytes("Np3\n0g3\n"), bytes("(idatetime\ndate\n"), bytes("(cdatetime\ndate\no"),
    bytes("cproject\nThing\n)}") + [0x92], [0x8C, 8] + bytes("datetime") + [0x8C, 4] + bytes("date") + [0x93],
    bytes("cproject\nThing\n"), bytes("cproject\nThing\n") + [0x29, 0x81, 0x7D, 0x62], [0x29, 0x29, 0x86, 0x85],
  ]

  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
}
