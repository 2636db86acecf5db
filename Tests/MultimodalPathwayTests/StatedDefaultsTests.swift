import Foundation
import MultimodalPathway
import PathwayCheckpoints
import Testing

/// Values that a configuration or a lone file omits have the defaults of its library.
@Suite struct StatedDefaultsTests {
  private func huggingFace(_ type: String, _ more: String = "") throws -> VisionTransformerConfiguration {
    let text = """
      {"model_type": "\(type)", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28,
       "patch_size": 14\(type == "videomae" ? #", "num_frames": 4"# : "")\(more)}
      """
    return try .read(json: Data(text.utf8), file: "config.json")
  }

  /// transformers' configuration classes: `layer_norm_eps`.
  @Test(
    arguments: [
      ("vit", 1e-12), ("deit", 1e-12), ("vit_mae", 1e-12), ("videomae", 1e-12),
      ("audio-spectrogram-transformer", 1e-12),
      ("dinov2", 1e-6), ("dinov2_with_registers", 1e-6),
    ] as [(String, Float)])
  func epsilonIsThatOfTheModelType(_ type: String, _ epsilon: Float) throws {
    #expect(try huggingFace(type).epsilon == epsilon)
    #expect(try huggingFace(type, #", "layer_norm_eps": 0.25"#).epsilon == 0.25)
  }

  /// The last norm of a VideoMAE classifier is PyTorch's `LayerNorm` with PyTorch's epsilon.
  @Test func aVideoClassifiersLastNormHasPyTorchsEpsilon() throws {
    let c = try huggingFace("videomae", #", "architectures": ["VideoMAEForVideoClassification"]"#)
    #expect(c.finalEpsilon == 1e-5 && c.epsilon == 1e-12)
  }

  /// transformers' `PretrainedConfig`: `num_labels` is 2 if neither it nor `id2label` is given.
  @Test func aClassifierWithoutLabelsHasTwoClasses() throws {
    let classifier = #", "architectures": ["ViTForImageClassification"]"#
    let silent = try huggingFace("vit", classifier)
    #expect(silent.classCount == 2 && silent.labels == nil)
    #expect(try huggingFace("vit", classifier + #", "num_labels": 7"#).classCount == 7)
    let named = try huggingFace("vit", classifier + #", "id2label": {"0": "a", "1": "b", "2": "c"}, "num_labels": 7"#)
    #expect(named.classCount == 3 && named.labels == ["a", "b", "c"])
    #expect(try huggingFace("vit", #", "architectures": ["ViTModel"]"#).classCount == 0)
  }

  @Test func sizesAreThoseOfTheModelType() throws {
    let plain = try VisionTransformerConfiguration.read(
      json: Data(
        #"{"model_type": "dinov2", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}"#.utf8),
      file: "config.json")
    #expect(plain.patchSize == Extent(square: 14) && plain.imageSize == Extent(square: 224))
    #expect(plain.hiddenWidth == 4 * 32 && plain.channels == 3 && plain.hasLayerScale)
    #expect(try huggingFace("dinov2_with_registers").registerTokens == 4)
    let video = try VisionTransformerConfiguration.read(
      json: Data(
        #"{"model_type": "videomae", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}"#.utf8),
      file: "config.json")
    #expect(video.frames == 16 && video.tubelet == 2 && video.patchSize == Extent(square: 16))
    #expect(video.qkvBias == .queryAndValue)
  }

  private func withLoneFile(_ weights: ModelWeights, _ body: (URL) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try Checkpoint(tensors: weights.tensors).write(to: file)
    try body(file)
  }

  /// MAE's fine-tuned models keep the class token but pool the patches: the file has an `fc_norm`.
  @Test func aLoneFilesFcNormMeansThatPatchesArePooled() throws {
    var wanted = try VisionTransformerConfiguration.preset("test_vit")
    #expect(wanted.pooling == .token && !wanted.normalizesAfterPooling)
    (wanted.pooling, wanted.normalizesAfterPooling, wanted.classCount) = (.mean, true, 6)
    let weights = try ModelWeights.random(wanted, seed: 1)
    try withLoneFile(weights) { file in
      let found = try ModelWeights(modelAt: file, architecture: "test_vit").configuration
      #expect(found.pooling == .mean && found.normalizesAfterPooling && found.classCount == 6)
    }
  }

  @Test func aLoneFilesPositionsTellItsSizeAndItsHeadItsClasses() throws {
    var wanted = try VisionTransformerConfiguration.preset("test_vit")
    (wanted.imageSize, wanted.classCount) = (Extent(square: 64), 0)
    try withLoneFile(ModelWeights.random(wanted, seed: 1)) { file in
      let found = try ModelWeights(modelAt: file, architecture: "test_vit").configuration
      #expect(found.imageSize == Extent(square: 64) && found.classCount == 0 && found.pooling == .token)
    }
  }
}
