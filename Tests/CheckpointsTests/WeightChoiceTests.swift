import Foundation
import PathwayCheckpoints
import TestSupport
import Testing

/// The choice among several sets of weights in a file (Tests/Fixtures/pytorch/make_variants.py).
@Suite struct WeightChoiceTests {
  private func load(_ name: String, _ key: String? = nil) throws -> Checkpoint {
    try Checkpoint(contentsOf: Fixture.url("pytorch/\(name)"), weights: key)
  }

  private func first(_ checkpoint: Checkpoint) throws -> Float? {
    try checkpoint.tensors.values.first?.float32().first
  }

  /// Averages begin with 10, the weights that they average with 1.
  @Test(arguments: [
    ("timm.pth", "state_dict_ema", "(as timm does), those under 'state_dict' are not"),
    ("mae_ema.pth", "model_ema", "(as timm does), those under 'model' are not"),
    ("detr.pth", "ema.module", "those under 'model' are not"), ("basicsr.pth", "params_ema", "those under 'params'"),
    ("mmengine.pth", "state_dict", "MMEngine saves the average there"),
    ("dino.pth", "teacher", "(as DINO's evaluation does), those under 'student' are not"),
    ("averaged.bin", "model_ema", "those under 'model.state_dict' are not"),
  ])
  func averagedWeightsAreUsedWithANote(_ name: String, _ entry: String, _ words: String) throws {
    let checkpoint = try load(name)
    #expect(try first(checkpoint) == 10)
    #expect(checkpoint.metadata["pytorch.entry"] == entry)
    #expect(checkpoint.notes.count == 1 && checkpoint.notes[0].contains(words), "\(checkpoint.notes)")
    #expect(checkpoint.notes[0].contains("averaged weights under '\(entry)'"), "\(checkpoint.notes)")
  }

  @Test(arguments: [
    ("none_ema.pth", "model"), ("deepspeed.pt", "module"), ("lightning.ckpt.pth", "state_dict"),
    ("one_model_twice.pth", "state_dict"),
  ])
  func oneSetOfWeightsNeedsNoNote(_ name: String, _ entry: String) throws {
    let checkpoint = try load(name)
    #expect(try first(checkpoint) == 1)
    #expect(checkpoint.metadata["pytorch.entry"] == entry && checkpoint.notes.isEmpty, "\(checkpoint.notes)")
  }

  @Test func predictiveModelsGiveTheirEncoder() throws {
    let checkpoint = try load("ijepa.pth")
    #expect(try first(checkpoint) == 1 && checkpoint.metadata["pytorch.entry"] == "encoder")
    #expect(checkpoint.notes.first?.contains("those under 'predictor', 'target_encoder' are not") == true)
  }

  @Test(arguments: [
    ("ambiguous.pth", "each of student, teacher; choose one by its key"),
    ("two_models.pth", "each of model, state_dict; choose one"),
    ("towers.pth", "each of model.decoder, model.encoder; choose one"),
  ])
  func severalCandidatesOfOneRankAreAnErrorThatListsThem(_ name: String, _ words: String) throws {
    try expectError(at: Fixture.url("pytorch/\(name)"), words)
  }

  @Test(arguments: [
    ("timm.pth", "state_dict", Float(1)), ("timm.pth", "state_dict_ema", 10), ("mae_ema.pth", "model", 1),
    ("detr.pth", "ema", 10), ("detr.pth", "ema.module", 10), ("detr.pth", "model", 1), ("ambiguous.pth", "student", 1),
    ("ambiguous.pth", "teacher", 10), ("two_models.pth", "model", 10), ("towers.pth", "model.encoder", 1),
    ("towers.pth", "model.decoder", 10), ("prefixes.pth", "student", 1), ("prefixes.pth", "teacher", 10),
    ("prefixes.pth", "model.teacher", 10), ("mmengine.pth", "ema_state_dict.module", 1),
    ("ijepa.pth", "target_encoder", 10),
    ("averaged.bin", "model", 1), ("averaged.bin", "model.state_dict", 1),
  ])
  func aKeyChooses(_ name: String, _ key: String, _ value: Float) throws {
    let checkpoint = try load(name, key)
    #expect(try first(checkpoint) == value && checkpoint.notes.isEmpty)
    // Names keep the prefix: the reader of a layout removes it, with a note.
    let isByNames = ["prefixes.pth", "mmengine.pth"].contains(name)
    let start = isByNames ? key.split(separator: ".").last.map { $0 + "." } ?? "" : ""
    #expect(Array(checkpoint.tensors.keys) == [start + "a"], "\(checkpoint.tensors.keys)")
  }

  @Test func anUnknownKeyIsAnErrorThatListsThem() throws {
    func message(_ name: String, _ key: String) -> String {
      do {
        _ = try load(name, key)
        return "read"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("timm.pth", "ema").contains("'ema' (the parameter `weights`); keys: state_dict, state_dict_ema"))
    #expect(message("towers.pth", "model.head").contains("keys: model.encoder, model.decoder"))
    #expect(message("prefixes.pth", "x").contains("keys: model, student, teacher"))
    #expect(message("no_checksums.pth", "model").contains("needs no key"))
    #expect(message("towers.pth", "model").contains("each of model.decoder, model.encoder"))
  }

  @Test func aKeyChoosesNamesOfSafetensors() throws {
    let tensors = ["student.a": Tensor([1], shape: [1]), "teacher.a": Tensor([2], shape: [1])]
    try withFile([]) { url in
      try Checkpoint(tensors: tensors).write(to: url)
      let chosen = try Checkpoint(contentsOf: url, weights: "teacher")
      #expect(try chosen.tensors.mapValues { try $0.float32() } == ["teacher.a": [2]])
      let error = #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: url, weights: "model") }
      #expect(error == .unknownWeights(file: url.path, key: "model", known: ["student", "teacher"]))
      let index = url.deletingLastPathComponent().appendingPathComponent("model.safetensors.index.json")
      let map = #"{"weight_map":{"student.a":"model.safetensors","teacher.a":"model.safetensors"}}"#
      try Data(map.utf8).write(to: index)
      #expect(try Checkpoint(contentsOf: index, weights: "student").tensors["student.a"]?.float32() == [1])
    }
  }

  /// A model at the top and another one under a key: a note says that the first is not used. Loose tensors of other
  /// names need no note.
  @Test(arguments: [("a", ["those under '(the top)' are not"]), ("mean", [])])
  func aModelAroundTheChosenOneGivesANote(_ name: String, _ words: [String]) throws {
    let tensor = Pickles.tensor(count: 1, shape: [1], strides: [1])
    let pickle =
      [0x80, 2, 0x7D] + Pickles.text(name) + tensor + [0x73] + Pickles.text("state_dict") + [0x7D] + Pickles.text("a")
      + tensor + [0x73] + Pickles.text("b") + tensor + [0x73, 0x73, 0x2E]
    let archive = PyTorchArchive(pickle: pickle, storages: [[0, 0, 0x80, 0x3F]])
    try withFile(archive.bytes, name: "model.pth") { url in
      let checkpoint = try Checkpoint(contentsOf: url)
      #expect(checkpoint.metadata["pytorch.entry"] == "state_dict" && checkpoint.tensors.count == 2)
      #expect(checkpoint.notes.count == words.count, "\(checkpoint.notes)")
      for (note, word) in zip(checkpoint.notes, words) { #expect(note.contains(word)) }
    }
  }

  /// Of the two names that loaders of MAE and VideoMAE try, `model` comes first, whatever the order in the file.
  @Test(arguments: [false, true]) func modelGoesBeforeModule(_ isReversed: Bool) throws {
    func entry(_ key: String, storage: String) -> [UInt8] {
      let tensor = Pickles.tensor(key: storage, count: 1, shape: [1], strides: [1])
      return Pickles.text(key) + [0x7D] + Pickles.text("a") + tensor + [0x73, 0x73]
    }
    let entries = [entry("model", storage: "0"), entry("module", storage: "1")]
    let pickle = [0x80, 2, 0x7D] + (isReversed ? entries.reversed() : entries).joined() + [0x2E]
    let archive = PyTorchArchive(pickle: pickle, storages: [[0, 0, 0x80, 0x3F], [0, 0, 0, 0x40]])
    try withFile(archive.bytes, name: "model.pth") { url in
      let checkpoint = try Checkpoint(contentsOf: url)
      #expect(try checkpoint.tensors.mapValues { try $0.float32() } == ["a": [1]])
      #expect(checkpoint.metadata["pytorch.entry"] == "model")
      #expect(
        checkpoint.notes == ["\(url.path): the weights under 'model' are used, those under 'module' are not"])
      let module = try Checkpoint(contentsOf: url, weights: "module")
      #expect(try module.tensors.mapValues { try $0.float32() } == ["a": [2]] && module.notes.isEmpty)
    }
  }

  /// One dictionary under two keys, and a dictionary that contains itself.
  @Test func oneDictionaryUnderSeveralKeys() throws {
    let tensor = Pickles.tensor(count: 1, shape: [1], strides: [1])
    let inner = [0x7D] + Pickles.text("a") + tensor + [0x73, 0x71, 9]
    let pickle =
      [0x80, 2, 0x7D, 0x71, 0] + Pickles.text("other") + inner + [0x73] + Pickles.text("model") + [0x68, 9, 0x73]
      + Pickles.text("self") + [0x68, 0, 0x73, 0x2E]
    let archive = PyTorchArchive(pickle: pickle, storages: [[0, 0, 0x80, 0x3F]])
    try withFile(archive.bytes, name: "model.pth") { url in
      let (usual, other) = (try Checkpoint(contentsOf: url), try Checkpoint(contentsOf: url, weights: "other"))
      #expect(usual.metadata["pytorch.entry"] == "model" && usual.notes.isEmpty && other.tensors.count == 1)
    }
  }
}
