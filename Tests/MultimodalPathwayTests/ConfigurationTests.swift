import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// timm's configurations, and writing and reading them back.
@Suite struct ConfigurationTests {
  /// The properties of timm's models, read by Tests/Fixtures/model/make_architectures.py.
  private struct Architecture: Decodable {
    var img_size: [Int]
    var patch_size: [Int]
    var in_chans: Int
    var num_classes: Int
    var global_pool: String
    var embed_dim: Int
    var depth: Int
    var num_heads: Int
    var hidden: Int
    var qkv_bias: Bool
    var layer_scale: Bool
    var class_token: Bool
    var reg_tokens: Int
    var no_embed_class: Bool
    var pre_norm: Bool
    var norm: Bool
    var fc_norm: Bool
    var epsilon: Float
    var distilled: Bool

    func configuration(_ name: String) -> VisionTransformerConfiguration {
      var c = VisionTransformerConfiguration(
        architecture: name, imageSize: Extent(height: img_size[0], width: img_size[1]),
        patchSize: Extent(height: patch_size[0], width: patch_size[1]), width: embed_dim, depth: depth,
        heads: num_heads, hiddenWidth: hidden)
      c.channels = in_chans
      c.classCount = num_classes
      c.pooling = VisionTransformerConfiguration.Pooling(rawValue: global_pool)!
      c.qkvBias = qkv_bias ? .full : .none
      c.hasLayerScale = layer_scale
      c.hasClassToken = class_token
      c.registerTokens = reg_tokens
      c.positionCoversPrefix = !no_embed_class
      c.hasPreNorm = pre_norm
      c.hasFinalNorm = norm || fc_norm
      c.normalizesAfterPooling = fc_norm
      c.epsilon = epsilon
      if distilled { (c.registerTokens, c.pooling) = (1, .prefixMean) }
      return c
    }
  }

  @Test func presetsAreTimms() throws {
    let data = try Data(contentsOf: Fixture.url("model/architectures.json"))
    let timm = try JSONDecoder().decode([String: Architecture].self, from: data)
    let known = VisionTransformerConfiguration.architectures
    #expect(Set(known) == Set(timm.keys))
    for name in known {
      let preset = try VisionTransformerConfiguration.preset(name)
      let expected = timm[name]
      #expect(preset.isDistilled == expected?.distilled, "\(name)")
      // Only the name tells that a model is distilled.
      if !preset.isDistilled { #expect(preset == expected?.configuration(name), "\(name)") }
      #expect(
        preset.tokenCount
          == expected?.configuration(name).tokenCount, "\(name)")
    }
  }

  private func roundTrip(
    _ c: VisionTransformerConfiguration, _ preprocessing: ImagePreprocessing? = nil
  ) throws -> VisionTransformerConfiguration {
    try .read(json: c.timmJSON(preprocessing: preprocessing), file: "round trip")
  }

  @Test func presetsReadBack() throws {
    for name in VisionTransformerConfiguration.architectures {
      let c = try VisionTransformerConfiguration.preset(name)
      #expect(try roundTrip(c) == c, "\(name)")
    }
  }

  @Test(arguments: GoldenTests.cases + ["pathway"])
  func goldenConfigurationsReadBack(_ name: String) throws {
    var c = try GoldenTests.configuration(Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors")))
    // Only the name tells it, not the tensors.
    if name == "query_value_bias" { c.qkvBias = .queryAndValue }
    #expect(try roundTrip(c) == c)
  }

  @Test func everyFieldReadsBack() throws {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(height: 33, width: 50),
      patchSize: Extent(height: 4, width: 7), width: 51, depth: 5, heads: 3, hiddenWidth: 131)
    c.channels = 1
    c.hasClassToken = false
    c.registerTokens = 2
    c.positionCoversPrefix = false
    c.pooling = .averageMaximum
    c.hasPreNorm = true
    c.hasFinalNorm = false
    c.normalizesAfterPooling = true
    c.hasLayerScale = true
    c.qkvBias = .queryAndValue
    c.epsilon = 1.1e-12
    c.input = .video(.init(frames: 9, tubelet: 4, sampling: .uniform, samplingRate: 3))
    c.finalEpsilon = 1.5e-5
    c.task = .multiLabel
    (c.patchStride, c.hasHeadNorm) = (Extent(height: 3, width: 5), true)
    c.classCount = 2
    c.labels = ["a \"quoted\"", "\u{1}é"]
    c.labelDescriptions = ["\u{1}é": "what it means"]
    #expect(try roundTrip(c) == c)
    // A hidden width that differs from the rounded width x ratio.
    for hidden in 1...300 {
      c.hiddenWidth = hidden
      #expect(try roundTrip(c).hiddenWidth == hidden)
    }
    c.labels = nil
    c.labelDescriptions = nil
    c.classCount = 0
    c.pooling = .none
    c.normalizesAfterPooling = false
    #expect(try roundTrip(c) == c)
  }

  @Test(arguments: [
    ImagePreprocessing(
      size: Extent(square: 224), geometry: .timm(cropFraction: 0.95, mode: .squash), filter: .lanczos,
      mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.1]),
    ImagePreprocessing(
      size: Extent(height: 224, width: 192), geometry: .huggingFace(.shortestEdge(256), crops: true), filter: .bicubic,
      scaling: .factor(1.0 / 255), mean: [0.5, 0.1, 0.3], std: [0.5, 1, 2]),
    ImagePreprocessing(
      size: Extent(square: 8), geometry: .huggingFace(.none, crops: false), filter: .nearest,
      scaling: .factor(2), mean: [0, 0, 0], std: [1, 1, 1]),
  ])
  func preprocessingReadsBack(_ recipe: ImagePreprocessing) throws {
    let c = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
    let data = try c.timmJSON(preprocessing: recipe)
    #expect(try ImagePreprocessing.timm(json: data) == recipe)
    #expect(try VisionTransformerConfiguration.read(json: data, file: "text") == c)
  }

  @Test func writesAModelDirectory() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let c = try VisionTransformerConfiguration.preset("vit_small_patch14_reg4_dinov2")
    try c.write(toDirectory: folder)
    #expect(try VisionTransformerConfiguration.read(folder.appendingPathComponent("config.json")) == c)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["config.json"])
  }

  // MARK: - timm's rules

  private func read(_ text: String) throws -> VisionTransformerConfiguration {
    try .read(json: Data(text.utf8), file: "config.json")
  }

  private func arguments(_ text: String, architecture: String = "vit_tiny_patch16_224") throws
    -> VisionTransformerConfiguration
  {
    try read(#"{"architecture": "\#(architecture)", "num_classes": 3, "model_args": {\#(text)}}"#)
  }

  @Test func normsFollowTimmsRule() throws {
    // norm, fc_norm of timm 1.0.31 for: pooling, fc_norm, final_norm.
    let cases: [(arguments: String, final: Bool, afterPooling: Bool)] = [
      (#""global_pool": "token""#, true, false),
      (#""global_pool": "avg""#, true, true),
      (#""global_pool": "max", "fc_norm": null"#, true, true),
      (#""global_pool": "avg", "fc_norm": false"#, true, false),
      (#""global_pool": "token", "fc_norm": true"#, true, true),
      (#""global_pool": "avg", "final_norm": false"#, false, true),
    ]
    for (text, final, after) in cases {
      let c = try arguments(text)
      #expect(c.hasFinalNorm == final && c.normalizesAfterPooling == after, "\(text)")
    }
    // An architecture that sets fc_norm=False keeps it.
    let gap = try arguments(#""global_pool": "avg""#, architecture: "vit_base_patch16_gap_224")
    #expect(!gap.normalizesAfterPooling)
  }

  @Test func explicitNullOverridesTheArchitecture() throws {
    #expect(try arguments("", architecture: "deit3_small_patch16_224").hasLayerScale)
    #expect(try !arguments(#""init_values": null"#, architecture: "deit3_small_patch16_224").hasLayerScale)
    #expect(try arguments("", architecture: "vit_base_patch16_clip_224").epsilon == 1e-5)
    #expect(try arguments(#""norm_layer": "layernorm""#, architecture: "vit_base_patch16_clip_224").epsilon == 1e-6)
  }

  @Test func oldFilesHaveEverythingAtTheTop() throws {
    let c = try read(
      #"{"architecture": "vit_tiny_patch16_224", "num_classes": 2, "input_size": [1, 64, 48], "labels": ["x", "y"]}"#)
    #expect(c.imageSize == Extent(height: 64, width: 48) && c.channels == 1 && c.labels == ["x", "y"])
  }

  @Test(arguments: [
    ("qk_norm", "true"), ("norm_layer", "\"rmsnorm\""), ("act_layer", "\"quick_gelu\""), ("mlp_layer", "\"swiglu\""),
    ("attn_pool", "true"), ("rope", "true"), ("global_pool", "\"map\""), ("pos_embed", "\"none\""),
    ("proj_bias", "false"), ("scale_attn_norm", "true"), ("dynamic_img_pad", "true"), ("block_fn", "1"),
    ("pool_include_prefix", "true"), ("embed_norm_layer", "\"layernorm\""), ("no_such_argument", "0"),
  ])
  func argumentsThatChangeTheModelAreRefused(_ key: String, _ value: String) throws {
    do {
      _ = try arguments("\"\(key)\": \(value)")
      Issue.record("accepted")
    } catch ConfigurationError.unsupported(_, let found, _, _) {
      #expect(found == "model_args.\(key)")
    }
  }

  @Test func argumentsWithoutEffectAreAccepted() throws {
    let c = try arguments(#""drop_rate": 0.5, "qk_norm": false, "act_layer": "gelu", "fix_init": true"#)
    var plain = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
    plain.classCount = 3
    #expect(c == plain)
  }

  @Test(arguments: ["vit_base_patch16_225", "eva02_base_patch16", "vit_mine"])
  func unknownArchitecturesNameTheNearest(_ name: String) throws {
    do {
      _ = try arguments("", architecture: name)
      Issue.record("accepted")
    } catch let error as ConfigurationError {
      #expect("\(error)".contains("vit_"), "\(error)")
      if name == "vit_base_patch16_225" { #expect("\(error)".contains("vit_base_patch16_224")) }
    }
  }

  @Test func tokenPoolingNeedsAToken() {
    #expect(throws: ConfigurationError.self) { try arguments(#""class_token": false, "global_pool": "token""#) }
    #expect(throws: ConfigurationError.self) { try arguments(#""global_pool": """#) }
  }
}
