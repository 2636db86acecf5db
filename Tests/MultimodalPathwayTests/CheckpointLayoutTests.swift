import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Targets in other layouts than timm's: Hugging Face's goldens, prefixes of wrappers, leftovers of pretraining.
@Suite struct CheckpointLayoutTests {
  private func golden(_ name: String) throws -> Checkpoint {
    try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
  }

  private func bound(_ golden: Checkpoint) throws -> ModelWeights {
    try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
  }

  @Test(
    arguments: ["vit", "vit_pooler", "deit", "dinov2", "dinov2_registers", "dinov2_classifier"],
    InstructionSet.available)
  func matchesTransformers(_ name: String, _ set: InstructionSet) throws {
    let golden = try golden("hugging_face_\(name)")
    let weights = try bound(golden)
    let model = try VisionTransformer(weights, engine: Engine(threads: 2, instructionSet: set))
    let output = try model.forward(golden.tensors["input"]!, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "\(name) features")
    if let logits = golden.tensors["float64.logits"] {
      try GoldenTests.expectClose(output.logits, logits, "\(name) logits")
      #expect(weights.configuration.labels == (0..<5).map { "class \($0)" })
    }
    // Under timm's names and in timm's configuration it is the same model, bit for bit.
    let again = try ModelWeights(
      checkpoint: Checkpoint(tensors: weights.tensors),
      configuration: .read(json: weights.configuration.timmJSON(), file: "timm"))
    #expect(again.configuration == weights.configuration)
    let second = try VisionTransformer(again, engine: Engine(threads: 2, instructionSet: set))
    #expect(try second(golden.tensors["input"]!).float32() == output.logits.float32())
  }

  @Test func aModelDirectoryLoadsAndMerges() throws {
    let golden = try golden("hugging_face_vit")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
    let file = folder.appendingPathComponent("model.safetensors")
    try GoldenTests.part(golden, "weights.").write(to: file)

    let target = try ModelWeights(modelAt: folder)
    let engine = try Engine(threads: 2)
    let joined = try target.attach(auxiliary: AuxiliaryWeights(modelAt: folder), scale: 0.5)
    let output = folder.appendingPathComponent("merged.safetensors")
    try joined.writeMerged(to: output, engine: engine)
    // The merged file is self-describing, and has only timm's names.
    let merged = try ModelWeights(modelAt: output)
    let names = try Checkpoint(contentsOf: output).tensors.keys
    #expect(Set(names) == Set(target.configuration.parameters.map(\.name)))
    #expect(merged.configuration == target.configuration)
    let images = golden.tensors["input"]!
    let folded = try VisionTransformer(joined, execution: .folded, engine: engine)(images).float32()
    #expect(try VisionTransformer(merged, engine: engine)(images).float32() == folded)
  }

  @Test(arguments: [
    "module.", "model.", "backbone.", "encoder.", "MAE_encoder.", "module.model.", "base_model.module.",
  ])
  func prefixesOfWrappersAreRemoved(_ prefix: String) throws {
    let golden = try golden("token")
    let plain = try bound(golden)
    let wrapped = Dictionary(uniqueKeysWithValues: plain.tensors.map { (prefix + $0.key, $0.value) })
    let found = try ModelWeights(checkpoint: Checkpoint(tensors: wrapped), configuration: plain.configuration)
    #expect(Set(found.tensors.keys) == Set(plain.tensors.keys))
    // A tensor that is not part of the model is an error also after a prefix.
    var stray = wrapped
    stray[prefix + "extra.weight"] = Tensor([1], shape: [1])
    #expect(throws: BindingError.self) {
      try ModelWeights(checkpoint: Checkpoint(tensors: stray), configuration: plain.configuration)
    }
  }

  @Test func leftoversOfPretrainingAreDropped() throws {
    let plain = try bound(golden("token"))
    var tensors = plain.tensors
    for name in [
      "mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_blocks.0.attn.qkv.weight",
      "decoder_blocks.0.norm1.weight", "decoder_norm.bias", "decoder_pred.weight",
    ] {
      tensors[name] = Tensor([0], shape: [1])
    }
    let found = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: plain.configuration)
    #expect(Set(found.tensors.keys) == Set(plain.tensors.keys))
  }

  @Test func officialRegistersBecomeTimms() throws {
    let plain = try bound(golden("registers"))
    let width = plain.configuration.width
    var tensors = plain.tensors
    var random = SeededGenerator(seed: 21)
    let row = random.floats(width)
    tensors["register_tokens"] = tensors.removeValue(forKey: "reg_token")
    let positions = try tensors["pos_embed"]!.float32()
    tensors["pos_embed"] = Tensor(row + positions, shape: [1, positions.count / width + 1, width])
    tensors["mask_token"] = Tensor(shape: [1, width]) { $0.initialize(repeating: 0) }
    let found = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: plain.configuration)
    #expect(try found.tensors["pos_embed"]!.float32() == positions)
    #expect(try found.tensors["reg_token"]!.float32() == plain.tensors["reg_token"]!.float32())
    let token = zip(try plain.tensors["cls_token"]!.float32(), row).map { $0 + $1 }
    #expect(try found.tensors["cls_token"]!.float32() == token)
  }

  @Test func layoutsThatCannotBeBoundSayWhy() throws {
    let golden = try golden("hugging_face_vit")
    let configuration = try GoldenTests.configuration(golden)
    let good = GoldenTests.part(golden, "weights.").tensors
    func bind(_ change: (inout [String: Tensor]) -> Void) throws {
      var tensors = good
      change(&tensors)
      _ = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: configuration)
    }
    let key = "vit.encoder.layer.1.attention.attention.key.weight"
    #expect(throws: CheckpointLayoutError.self) { try bind { $0[key] = nil } }
    #expect(throws: CheckpointLayoutError.self) { try bind { $0[key] = Tensor([1], shape: [1]) } }
    #expect(throws: CheckpointLayoutError.self) { try bind { $0["head.weight"] = $0["classifier.weight"] } }
    #expect(throws: CheckpointLayoutError.self) {
      try bind { tensors in
        for (name, tensor) in good { tensors["model." + name] = tensor }
      }
    }
    #expect(throws: BindingError.self) { try bind { $0["vit.encoder.layer.0.layernorm_before.weight"] = nil } }
    #expect(throws: BindingError.self) { try bind { $0["vit.surprise"] = Tensor([1], shape: [1]) } }
    let bert = try SyntheticAuxiliary.bert.checkpoint(depth: 2, width: 32, hidden: 48, seed: 1)
    #expect(throws: CheckpointLayoutError.notAVisionTransformer(.bert)) {
      try ModelWeights(checkpoint: bert, configuration: configuration)
    }
  }
}
