import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Prefixes, counters, components of wrappers and chunks around a model of timm.
@Suite struct WrapperTests {
  private let plain: ModelWeights

  init() throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/token.safetensors"))
    plain = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
  }

  private func prefixed(_ prefix: String) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: plain.tensors.map { (prefix + $0.key, $0.value) })
  }

  /// - Parameter prefix: selects tensors, as the key of `Checkpoint.init(contentsOf:weights:)` does.
  private func load(_ tensors: [String: Tensor], prefix: String = "") throws -> ModelWeights {
    try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors.filter { $0.key.hasPrefix(prefix) }), configuration: plain.configuration)
  }

  private func expectPlain(_ found: ModelWeights) throws {
    #expect(Set(found.tensors.keys) == Set(plain.tensors.keys))
    for (name, tensor) in plain.tensors { #expect(try found.tensors[name]?.float32() == tensor.float32(), "\(name)") }
  }

  private let scalar = Tensor([3], shape: [])

  @Test(arguments: [
    "_orig_mod.", "module.", "net.", "student.", "teacher.", "visual.trunk.", "model.", "anything.at.all.",
    "module._orig_mod.", "_orig_mod.module.", "module.module.", "online_encoder.net.", "head.", "norm.", "patch_embed.",
    "cls_token.", "decoderless.", "backbone.0.", "m\u{e9}mo.",
  ])
  func aSharedPrefixIsRemovedAndNamed(_ prefix: String) throws {
    let found = try load(prefixed(prefix))
    try expectPlain(found)
    let part = prefix.contains("_orig_mod") ? "_orig_mod." : prefix
    #expect(found.notes.contains { $0.contains("'\(part)'") }, "\(found.notes)")
    // A name after the prefix that is not part of the model is an error.
    var stray = prefixed(prefix)
    stray[prefix + "surprise.weight"] = scalar
    #expect(throws: BindingError.self) { try load(stray) }
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: stray))
    #expect(auxiliary.depth == plain.configuration.depth)
  }

  /// Training checkpoints of DINO, iBOT and DINOv2: the projection next to the backbone is not used in evaluation.
  @Test(arguments: ["", "module."])
  func projectionsOfSelfDistillationAreDropped(_ outer: String) throws {
    for head in [
      "head.mlp.0.weight", "head.mlp2.0.weight", "head.last_layer.weight_g", "head.last_layer2.weight_v",
      "dino_head.mlp.2.bias", "ibot_head.last_layer.weight_g",
    ] {
      var tensors = prefixed(outer + "backbone.")
      tensors[outer + head] = scalar
      let found = try load(tensors)
      try expectPlain(found)
      #expect(found.notes.contains { $0.contains("(\(outer)\(head) and others, 1 in all) is left out") })
      #expect(try LayoutReading(tensors).renamed.dropped == [outer + head])
    }
  }

  @Test func namesWithoutAPrefixHaveNoNotes() throws {
    #expect(try load(plain.tensors).notes.isEmpty)
  }

  @Test(arguments: ["module.", "student.", "", "module.student."])
  func countersOfAveragingAreDroppedAndNamed(_ prefix: String) throws {
    for counter in ["n_averaged", "num_updates", "decay"] {
      for place in Set(["", prefix]) {
        var tensors = prefixed(prefix)
        tensors[place + counter] = scalar
        let found = try load(tensors)
        try expectPlain(found)
        #expect(found.notes.contains { $0.contains(place + counter) && $0.contains("dropped") }, "\(found.notes)")
        // A tensor with the name of a counter that is not one is an error.
        tensors[place + counter] = Tensor([1, 2], shape: [2])
        #expect(throws: (any Error).self) { try load(tensors) }
      }
    }
    var tensors = prefixed(prefix)
    tensors["temperature"] = scalar
    #expect(throws: (any Error).self) { try load(tensors) }
  }

  @Test func otherHeadsNextToAPrefixAreRefused() throws {
    var tensors = prefixed("student.")
    tensors["projector.0.weight"] = scalar
    tensors["projector.last.weight"] = scalar
    #expect(
      throws: CheckpointLayoutError.outside(prefix: "student.", names: ["projector.0.weight", "projector.last.weight"])
    ) { try load(tensors) }
    // A head of the right name and shape that is not under the prefix belongs to no model here.
    var moved = prefixed("student.")
    moved["head.weight"] = moved.removeValue(forKey: "student.head.weight")
    #expect(throws: CheckpointLayoutError.outside(prefix: "student.", names: ["head.weight"])) { try load(moved) }
    var other = prefixed("backbone.")
    other["projector.0.weight"] = scalar
    #expect(throws: BindingError.self) { try load(other) }
    try expectPlain(load(tensors, prefix: "student."))
    // Tensors outside the prefix have no effect in an auxiliary.
    #expect(try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors)).depth == plain.configuration.depth)
  }

  @Test(arguments: [
    ("student.", "teacher."), ("module.", "module_ema."), ("", "teacher."), ("model.", "model_ema."),
    ("online.encoder.", "target.encoder."), ("layers.0.", "layers.1."),
  ])
  func twoModelsAreAmbiguousUntilOneIsChosen(_ first: String, _ second: String) throws {
    let other = try ModelWeights.random(plain.configuration, seed: 9)
    var tensors = prefixed(first)
    for (name, tensor) in other.tensors { tensors[second + name] = tensor }
    let prefixes = [first, second].sorted()
    #expect(throws: CheckpointLayoutError.ambiguous(prefixes: prefixes)) { try load(tensors) }
    #expect(throws: CheckpointLayoutError.ambiguous(prefixes: prefixes)) {
      try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
    }
    if !first.isEmpty { try expectPlain(load(tensors, prefix: first)) }
    let last = try load(tensors, prefix: second)
    #expect(try last.tensors["norm.weight"]?.float32() == other.tensors["norm.weight"]?.float32())
    #expect("\(CheckpointLayoutError.ambiguous(prefixes: prefixes))".contains("'\(prefixes[0])' and '\(prefixes[1])'"))
  }

  @Test func anEncoderAndADecoderAreNotAmbiguous() throws {
    var tensors = prefixed("encoder.")
    for (name, tensor) in plain.tensors where name.hasPrefix("blocks.") { tensors["decoder." + name] = tensor }
    tensors["encoder_to_decoder.weight"] = scalar
    tensors["mask_token"] = scalar
    try expectPlain(load(tensors))
  }

  /// PyTorch's wrappers around single blocks or modules.
  @Test func componentsOfWrappersAreRemoved() throws {
    for part in ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"] {
      var tensors: [String: Tensor] = [:]
      for (name, tensor) in plain.tensors {
        var pieces = name.split(separator: ".").map(String.init)
        if pieces[0] == "blocks" { pieces.insert(part, at: 2) } else if pieces.count > 1 { pieces.insert(part, at: 1) }
        tensors["module." + pieces.joined(separator: ".")] = tensor
      }
      let found = try load(tensors)
      try expectPlain(found)
      #expect(found.notes.contains { $0.contains("'\(part).'") })
    }
    var twice = plain.tensors
    twice["_orig_mod.norm.weight"] = twice["norm.weight"]
    #expect(throws: CheckpointLayoutError.self) { try load(twice) }
  }

  /// DINOv2's `block_chunks` counts blocks through all chunks, with identities instead of earlier ones; other code
  /// counts within a chunk.
  @Test(arguments: [1, 2, 3], ["", "module.", "teacher.backbone."])
  func chunkedBlocksAreRenumbered(_ size: Int, _ prefix: String) throws {
    var configuration = plain.configuration
    configuration.depth = 6
    let whole = try ModelWeights.random(configuration, seed: 4)
    for countsThrough in [true, false] {
      var tensors: [String: Tensor] = [:]
      for (name, tensor) in whole.tensors {
        var pieces = name.split(separator: ".").map(String.init)
        if pieces[0] == "blocks", let block = Int(pieces[1]) {
          pieces.replaceSubrange(1...1, with: ["\(block / size)", "\(countsThrough ? block : block % size)"])
        }
        tensors[prefix + pieces.joined(separator: ".")] = tensor
      }
      let found = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: configuration)
      for (name, tensor) in whole.tensors { #expect(try found.tensors[name]?.float32() == tensor.float32(), "\(name)") }
      #expect(found.notes.contains { $0.contains("chunks") })
      #expect(try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors)).depth == 6)
    }
  }

  @Test func chunksWithGapsAreErrors() throws {
    var tensors: [String: Tensor] = [:]
    for (name, tensor) in plain.tensors {
      tensors[
        name.replacingOccurrences(of: "blocks.1.", with: "blocks.1.7.").replacingOccurrences(
          of: "blocks.0.", with: "blocks.0.0.")] = tensor
    }
    #expect(throws: CheckpointLayoutError.chunks(block: "blocks.", found: ["0.0", "1.7"])) { try load(tensors) }
  }

  @Test func conversionReportsTheNamesInTheFile() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var tensors = prefixed("_orig_mod.net.")
    tensors["n_averaged"] = scalar
    try Checkpoint(tensors: tensors).write(to: folder.appendingPathComponent("model.safetensors"))
    try plain.configuration.timmJSON().write(to: folder.appendingPathComponent("config.json"))
    let conversion = try ModelConversion(modelAt: folder)
    try expectPlain(conversion.weights)
    #expect(conversion.dropped == ["n_averaged"])
    #expect(conversion.renamed["norm.weight"] == "_orig_mod.net.norm.weight")
    #expect(conversion.renamed.count == plain.tensors.count)
  }
}
