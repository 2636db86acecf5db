import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Whole audio transformers against their original definitions (Tests/Fixtures/model/make_audio.py).
@Suite struct AudioModelTests {
  private func golden(_ name: String) throws -> Checkpoint {
    try Checkpoint(contentsOf: Fixture.url("model/audio_\(name).safetensors"))
  }

  private func bound(_ golden: Checkpoint) throws -> ModelWeights {
    try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
  }

  @Test(arguments: ["mae", "ast", "ast_backbone"], InstructionSet.available)
  func matchesTheOriginal(_ name: String, _ set: InstructionSet) throws {
    let golden = try golden(name)
    let weights = try bound(golden)
    let engine = try Engine(threads: 2, instructionSet: set)
    let model = try VisionTransformer(weights, engine: engine)
    let input = golden.tensors["input"]!
    let output = try model.forward(input, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "\(name) features")
    // With a norm before the head, the input of the head is not the pooled features.
    if name == "ast_backbone" { try GoldenTests.expectClose(output.pooled, golden.tensors["float64.pooled"]!, name) }
    if let logits = golden.tensors["float64.logits"] {
      try GoldenTests.expectClose(output.logits, logits, "\(name) logits")
      #expect(weights.configuration.task == .multiLabel)
    }
    // Under timm's names and in timm's configuration it is the same model, bit for bit.
    let again = try ModelWeights(
      checkpoint: Checkpoint(tensors: weights.tensors),
      configuration: .read(json: weights.configuration.timmJSON(), file: "timm"))
    #expect(again.configuration == weights.configuration)
    #expect(try VisionTransformer(again, engine: engine)(input).float32() == model(input).float32())
  }

  /// AudioMAE before fine-tuning, named only by its architecture: no head, the norm of the encoder, no decoder.
  @Test(arguments: [false, true])
  func pretrainedAudioMAEHasFeatures(_ hasSwinDecoder: Bool) throws {
    let golden = try golden("mae_pretraining")
    var stored = GoldenTests.part(golden, "weights.").tensors
    if hasSwinDecoder {
      stored = stored.filter { !$0.key.hasPrefix("decoder_blocks.") }
      let shapes = try JSONDecoder().decode(
        [String: [Int]].self, from: Data(golden.metadata["swin_decoder"]!.utf8))
      for (name, shape) in shapes { stored[name] = Tensor(shape: shape) { $0.initialize(repeating: 0) } }
    }
    var preset = try VisionTransformerConfiguration.preset("vit_base_patch16_audiomae")
    (preset.width, preset.depth, preset.heads, preset.hiddenWidth) = (32, 2, 2, 48)
    preset.imageSize = Extent(height: 1024, width: 32)
    let configuration = try preset.fitted(to: LayoutReading(stored).renamed.tensors)
    #expect(configuration.imageSize == Extent(height: 64, width: 32) && configuration.classCount == 0)
    let weights = try ModelWeights(checkpoint: Checkpoint(tensors: stored), configuration: configuration)
    #expect(Set(weights.tensors.keys) == Set(configuration.parameters.map(\.name)))
    let output = try VisionTransformer(weights, engine: Engine(threads: 2))
      .forward(golden.tensors["input"]!, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "features")
    try GoldenTests.expectClose(output.pooled, golden.tensors["float64.pooled"]!, "pooled")
    #expect(configuration.hasFinalNorm && !configuration.normalizesAfterPooling)
  }

  /// The published sizes, from a file to a binding.
  @Test func pretrainedAudioMAELoadsByArchitecture() throws {
    let base = try VisionTransformerConfiguration.preset("vit_base_patch16_audiomae")
    var encoder = base
    (encoder.normalizesAfterPooling, encoder.classCount) = (false, 0)
    var tensors: [String: Tensor] = [:]
    var shared: [[Int]: Tensor] = [:]
    for (name, shape) in encoder.parameters.map({ ($0.name, $0.shape) })
      + [("mask_token", [1, 1, 512]), ("decoder_pos_embed", [1, 513, 512]), ("decoder_embed.weight", [512, 768])]
    {
      let tensor = shared[shape] ?? Tensor(shape: shape) { $0.initialize(repeating: 0) }
      shared[shape] = tensor
      tensors[name] = tensor
    }
    let checkpoint = Checkpoint(tensors: tensors)
    for (name, prefix) in [("vit_base_patch16_audiomae", ""), ("vit_base_patch16_audiomae", "module.")] {
      let stored = Checkpoint(
        tensors: Dictionary(uniqueKeysWithValues: checkpoint.tensors.map { (prefix + $0.key, $0.value) }))
      let found = try ModelWeights.configuration(
        at: URL(fileURLWithPath: "/pretrained.pth"), of: stored, architecture: name)
      #expect(found.imageSize == Extent(height: 1024, width: 128) && found.audio == .audioSet)
      let binding = try ModelBinding(checkpoint: stored, configuration: found)
      #expect(binding.problems.isEmpty && binding.dropped.count == 3, "\(binding.problems)")
    }
  }

  @Test func axesAndRecipesMatchTheOrigin() throws {
    let mae = try bound(golden("mae")).configuration
    #expect(mae.spectrogram == SpectrogramSize(frames: 64, bins: 32))
    #expect(mae.audio == .esc50 && mae.grid == Extent(height: 4, width: 2))
    let ast = try bound(golden("ast")).configuration
    #expect(ast.spectrogram == SpectrogramSize(frames: 60, bins: 40))
    #expect(ast.audio?.layout == .melFirst && ast.audio?.removesMean == false)
    #expect(ast.grid == Extent(height: 3, width: 6) && ast.prefixTokens == 2)
  }

  /// A pathway into a model of overlapping patches: all three executions agree with the reference in Double.
  @Test(arguments: ["mae", "ast"])
  func pathwaysHold(_ name: String) throws {
    let golden = try golden(name)
    let target = try bound(golden)
    let engine = try Engine(threads: 2)
    let other = try ModelWeights.random(target.configuration, seed: 3)
    let joined = try target.attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), scale: 0.5)
    let input = golden.tensors["input"]!
    let folded = try VisionTransformer(joined, execution: .folded, engine: engine)(input).float32()
    #expect(try VisionTransformer(joined.merged(engine: engine), engine: engine)(input).float32() == folded)
    #expect(try folded != VisionTransformer(target, engine: engine)(input).float32())
    #expect(try Verification(joined, input: input, engine: engine).holds)
  }

  @Test func otherLengthsResampleThePositions() throws {
    for (name, size, grid) in [
      ("mae", Extent(height: 96, width: 32), Extent(height: 6, width: 2)),
      ("ast", Extent(height: 40, width: 100), Extent(height: 3, width: 11)),
    ] {
      let weights = try bound(golden(name)).resized(to: size)
      #expect(weights.configuration.grid == grid)
      let positions = weights.configuration.prefixTokens + grid.height * grid.width
      #expect(weights.tensors["pos_embed"]?.shape == [1, positions, 32])
      // Every execution at the new size is within its bound around Double.
      var random = SeededGenerator(seed: 14)
      let input = Tensor(random.floats(size.height * size.width), shape: [1, 1, size.height, size.width])
      let result = try Verification(PathwayWeights(weights), input: input, engine: Engine(threads: 2))
      #expect(result.holds && result.outputs[0].comparisons[0].relativeDifference < 1e-5, "\(name)")
    }
  }

  @Test func readsTheFeatureExtractorNextToTheConfiguration() throws {
    let golden = try golden("ast")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = folder.appendingPathComponent("config.json")
    let extractor = folder.appendingPathComponent("preprocessor_config.json")
    try Data(golden.metadata["config"]!.utf8).write(to: config)
    let text = golden.metadata["preprocessor"]!
    try Data(text.utf8).write(to: extractor)
    #expect(
      try VisionTransformerConfiguration.read(config).audio
        == AudioPreprocessing(mean: -5, std: 3.5, removesMean: false, layout: .melFirst))
    for (from, to) in [
      ("\"max_length\": 60", "\"max_length\": 61"), ("\"num_mel_bins\": 40", "\"num_mel_bins\": 41"),
      ("\"std\": 3.5", "\"std\": 0"), ("ASTFeatureExtractor", "Whisper"), ("16000", "1"),
      ("\"padding_value\": 0.0", "\"padding_value\": 1"),
    ] {
      let changed = text.replacingOccurrences(of: from, with: to)
      #expect(changed != text)
      try Data(changed.utf8).write(to: extractor)
      #expect(throws: ConfigurationError.self, "\(to)") { try VisionTransformerConfiguration.read(config) }
    }
  }

  @Test(arguments: ["", "_esc50", "_speech_commands"])
  func namesOfAudioMAE(_ suffix: String) throws {
    let name = "vit_base_patch16_audiomae" + suffix
    let c = try VisionTransformerConfiguration.preset(name)
    #expect(c.spectrogram.bins == 128 && c.grid.width == 8 && c.prefixTokens == 1)
    #expect(try VisionTransformerConfiguration.read(json: c.timmJSON(), file: name) == c)
  }

  @Test func aLoneFileTellsItsNumberOfFrames() throws {
    var c = try VisionTransformerConfiguration.preset("vit_base_patch16_audiomae")
    (c.depth, c.imageSize.height, c.classCount) = (12, 256, 3)
    let shapes = c.parameters
    let positions = try #require(shapes.first { $0.name == "pos_embed" })
    #expect(positions.shape == [1, 129, 768])
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    let few = shapes.filter { ["pos_embed", "head.weight", "fc_norm.weight"].contains($0.name) }
    try Checkpoint(
      tensors: Dictionary(
        uniqueKeysWithValues: few.map { ($0.name, Tensor(shape: $0.shape) { $0.initialize(repeating: 0) }) })
    ).write(to: file)
    let found = try ModelWeights.configuration(
      at: file, of: Checkpoint(contentsOf: file), architecture: "vit_base_patch16_audiomae")
    #expect(found == c)
  }

  @Test func impossibleConfigurationsAreRefused() throws {
    let good = try bound(golden("ast")).configuration
    func refuses(_ key: String, _ change: (inout VisionTransformerConfiguration) -> Void) {
      var c = good
      change(&c)
      do {
        try c.validate()
        Issue.record("\(key): accepted")
      } catch ConfigurationError.invalid(let found, _, _) {
        #expect(found == key)
      } catch {
        Issue.record("\(error)")
      }
    }
    refuses("patch_stride") { $0.patchStride = Extent(height: 0, width: 8) }
    refuses("patch_stride") { $0.patchStride = Extent(height: 8, width: 1 << 20) }
    refuses("in_chans") { $0.channels = 3 }
    refuses("audio.std") { $0.input = .audio(AudioPreprocessing(mean: 0, std: -1)) }
    refuses("global_pool") {
      $0.hasClassToken = false
      $0.registerTokens = 0
    }
  }
}
