import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Converted models of every layout against the goldens of their origins.
@Suite struct ModelConversionTests {
  /// The model of a golden as a directory, which is removed afterwards.
  private func withModel(_ golden: Checkpoint, _ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
    try GoldenTests.part(golden, "weights.").write(to: folder.appendingPathComponent("model.safetensors"))
    try body(folder)
  }

  @Test(arguments: [
    ("model/token", CheckpointLayout.timm), ("model/mae", .timm), ("model/query_value_bias", .timm),
    ("model/audio_mae", .timm), ("model/audio_ast", .huggingFaceViT), ("model/audio_ast_backbone", .huggingFaceViT),
    ("model/hugging_face_vit", .huggingFaceViT), ("model/hugging_face_vit_pooler", .huggingFaceViT),
    ("model/hugging_face_deit", .huggingFaceViT), ("model/hugging_face_dinov2", .huggingFaceDINOv2),
    ("model/hugging_face_dinov2_registers", .huggingFaceDINOv2), ("model/video_mae", .timm),
    ("model/video_scaled", .timm), ("model/video_frames", .timm), ("model/video_m2pt", .m2pt),
    ("model/video_hugging_face_classifier", .huggingFaceViT), ("model/video_hugging_face_backbone", .huggingFaceViT),
    ("model/heads_distilled", .timm), ("model/heads_probe", .timm), ("model/heads_vit", .transformers5ViT),
    ("model/heads_vit_pooler", .transformers5ViT), ("model/heads_deit_teacher", .transformers5ViT),
    ("model/heads_dinov2", .transformers5DINOv2), ("model/heads_dinov2_registers", .transformers5DINOv2),
    ("points/classifier", .pointMAE), ("points/segmenter", .pointMAE),
  ])
  func convertedModelsHaveTheSameBits(_ name: String, _ layout: CheckpointLayout) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("\(name).safetensors"))
    try withModel(golden) { folder in
      let original = try ModelWeights(modelAt: folder)
      let conversion = try ModelConversion(modelAt: folder)
      #expect(conversion.layout == layout)
      let place = folder.appendingPathComponent("converted")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try conversion.weights.configuration.write(toDirectory: place)
      try conversion.checkpoint().write(to: place.appendingPathComponent("model.safetensors"))

      let converted = try ModelWeights(modelAt: place)
      #expect(converted.configuration == original.configuration)
      let names = try Checkpoint(contentsOf: place).tensors.keys
      #expect(Set(names) == Set(original.configuration.parameters.map(\.name)))
      let engine = try Engine(threads: 2)
      let input = try #require(golden.tensors["input"] ?? golden.tensors["points"])
      let categories = golden.tensors["categories"].map(PointGoldenTests.integers) ?? []
      func logits(_ weights: ModelWeights) throws -> Tensor {
        try VisionTransformer(weights, engine: engine).forward(input, categories: categories).logits
      }
      let output = try logits(original)
      #expect(try logits(converted).float32() == output.float32())
      if let logits = golden.tensors["float64.logits"] { try GoldenTests.expectClose(output, logits, name) }

      // The account lists every tensor of the checkpoint once; a class token may be a part of the positions.
      let sources = conversion.renamed.values + conversion.joined.values.flatMap { $0 } + conversion.dropped
      let unchanged = names.filter {
        conversion.renamed[$0] == nil && conversion.joined[$0] == nil && !conversion.computed.contains($0)
      }
      let stored = try Checkpoint(contentsOf: folder).tensors.keys
      #expect(Set(sources + unchanged) == Set(stored))
      let again = try ModelConversion(modelAt: place)
      #expect(again.renamed.isEmpty && again.joined.isEmpty && again.dropped.isEmpty && again.computed.isEmpty)
    }
  }

  /// A file of torch.save, from the file to logits, and converted.
  @Test func aPyTorchFileIsAModel() throws {
    let expected = try Checkpoint(contentsOf: Fixture.url("pytorch/expected.safetensors"))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("checkpoint-99.pth")
    try FileManager.default.copyItem(at: Fixture.url("pytorch/mae.pth"), to: file)
    try Data(expected.metadata["mae.config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
    for place in [folder, file] {
      let conversion = try ModelConversion(modelAt: place)
      #expect(conversion.layout == .pretraining)
      #expect(conversion.dropped == ["module.decoder_embed.weight", "module.mask_token"])
      let logits = try VisionTransformer(conversion.weights, engine: Engine(threads: 2))(expected.tensors["mae.input"]!)
      try GoldenTests.expectClose(logits, expected.tensors["mae.logits"]!, "mae.pth")
      let auxiliary = try AuxiliaryWeights(modelAt: place)
      #expect(auxiliary.depth == 2 && auxiliary.width == 16 && auxiliary.heads == 2)
    }
  }

  @Test func accountsListAllTensors() throws {
    let m2pt = try Checkpoint(contentsOf: Fixture.url("model/video_m2pt.safetensors"))
    try withModel(m2pt) { folder in
      let conversion = try ModelConversion(modelAt: folder)
      let qkv = "blocks.1.attn.qkv"
      #expect(
        conversion.joined[qkv + ".weight"].map(Set.init)
          == ["\(qkv).weight", "\(qkv).aux_weight", "\(qkv).cross_modal_scale"])
      #expect(conversion.joined.count == 8 && conversion.computed == ["pos_embed"])
    }
    let vit = try Checkpoint(contentsOf: Fixture.url("model/hugging_face_vit_pooler.safetensors"))
    try withModel(vit) { folder in
      let conversion = try ModelConversion(modelAt: folder)
      #expect(conversion.dropped.isEmpty && conversion.weights.configuration.poolerWidth == 32)
      #expect(conversion.renamed["blocks.0.norm1.weight"]?.hasSuffix("layer.0.layernorm_before.weight") == true)
      #expect(
        conversion.joined["blocks.0.attn.qkv.weight"]?.map { $0.split(separator: ".").suffix(2).joined(separator: ".") }
          == ["query.weight", "key.weight", "value.weight"])
      let half = try conversion.checkpoint(as: .bfloat16)
      #expect(half.tensors.values.allSatisfy { $0.elementType == .bfloat16 })
      #expect(half.metadata["m2pt.source.0"]?.contains("sha256:") == true)
      #expect(throws: PathwayError.notAFloatType(.int8)) { try conversion.checkpoint(as: .int8) }
    }
  }

  @Test func auxiliariesOnlyAreRefused() throws {
    for kind in [SyntheticAuxiliary.bert, .whisper, .openAIWhisper] {
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
      defer { try? FileManager.default.removeItem(at: file) }
      try kind.checkpoint(depth: 2, width: 32, hidden: 48, seed: 1).write(to: file)
      #expect(throws: CheckpointLayoutError.notAVisionTransformer(kind.layout)) { try ModelConversion(modelAt: file) }
    }
  }
}
