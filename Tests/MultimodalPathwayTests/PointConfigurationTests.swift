import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Configurations and checkpoints of point transformers.
@Suite struct PointConfigurationTests {
  static let presets = [
    "point_mae_modelnet40", "point_mae_scanobjectnn", "point_mae_shapenetpart", "point_m2pt_shapenetpart",
  ]

  @Test(arguments: presets)
  func presetsAreWrittenAndReadBack(_ name: String) throws {
    let c = try VisionTransformerConfiguration.preset(name)
    try c.validate()
    #expect(try .read(json: c.timmJSON(), file: "config.json") == c)
    let shapes = c.parameters
    #expect(Set(shapes.map(\.name)).count == shapes.count)
  }

  /// Numbers of parameters in the published definitions, as PyTorch counts them, without the statistics of batch norms.
  @Test func sizesAreThePublishedOnes() throws {
    func parameters(_ name: String) throws -> Int {
      try VisionTransformerConfiguration.preset(name).parameters.reduce(0) {
        [.mean, .variance].contains($1.role) ? $0 : $0 + $1.count
      }
    }
    #expect(try parameters("point_mae_modelnet40") == 22_099_752)
    #expect(try parameters("point_mae_shapenetpart") == 27_063_730)
    #expect(try parameters("point_m2pt_shapenetpart") == 99_128_242)
  }

  @Test func goldensAreReadBack() throws {
    for name in ["classifier", "segmenter"] {
      let c = try PointGoldenTests.golden(name).weights.configuration
      #expect(try .read(json: c.timmJSON(), file: "config.json") == c)
    }
  }

  @Test(arguments: [
    (#""points": {"groups": 0}"#, "groups"), (#""points": {"points": 30}"#, "groups"),
    (#""points": {"group_size": 5000}"#, "group_size"), (#""points": {"encoder_widths": [1, 2]}"#, "encoder_widths"),
    (#""points": {"head_widths": [0]}"#, "head_widths"), (#""points": {"surprise": 1}"#, "surprise"),
    (#""points": {"points": "many"}"#, "points"), (#""points": {"encoder_widths": 3}"#, "encoder_widths"),
    (#""task": "per_point", "points": {"categories": [{"parts": [1]}]}"#, "categories.0.name"),
    (#""points": 5"#, "points"),
    (#""task": "per_point""#, "class_token"), (#""modality": "image""#, "modality"),
  ])
  func badNumbersAreNamed(_ extras: String, _ key: String) throws {
    let text = #"{"architecture": "point_mae_modelnet40", "m2pt": {"# + extras + "}}"
    do {
      _ = try VisionTransformerConfiguration.read(json: Data(text.utf8), file: "config.json")
      Issue.record("accepted: \(extras)")
    } catch let error as ConfigurationError {
      #expect("\(error)".contains(key), "\(error)")
    }
  }

  @Test func pointsNeedTheirModality() throws {
    var c = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
    c.pooling = .tokenAndMaximum
    #expect(throws: ConfigurationError.self) { try c.validate() }
    c = try .preset("vit_tiny_patch16_224")
    c.input = .points(PointConfiguration())
    #expect(throws: ConfigurationError.self) { try c.validate() }
    c = try .preset("vit_tiny_patch16_224")
    c.head = .parts(PartConfiguration())
    #expect(throws: ConfigurationError.self) { try c.validate() }
  }

  /// Point-MAE's files: prefixes of wrappers, and after pretraining a decoder outside the prefix of the encoder.
  @Test(arguments: ["", "module.", "base_model.", "MAE_encoder.", "module.MAE_encoder.", "base_model.module."])
  func prefixesOfTheAuthorsAreRemoved(_ prefix: String) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("points/classifier.safetensors"))
    let plain = GoldenTests.part(golden, "weights.").tensors
    let c = try GoldenTests.configuration(golden)
    var wrapped = Dictionary(uniqueKeysWithValues: plain.map { (prefix + $0.key, $0.value) })
    let outer = prefix.split(separator: ".").first.map { "\($0)." } ?? ""
    for name in [
      "MAE_decoder.blocks.0.attn.qkv.weight", "MAE_decoder.norm.weight", "mask_token", "decoder_pos_embed.0.weight",
      "increase_dim.0.weight",
    ] { wrapped[outer + name] = Tensor([0], shape: [1]) }
    let match = try CheckpointLayout.detect(wrapped.keys)
    #expect(match?.layout == .pointMAE && match?.prefix == prefix)
    let found = try ModelWeights(checkpoint: Checkpoint(tensors: wrapped), configuration: c)
    #expect(Set(found.tensors.keys) == Set(c.parameters.map(\.name)))
    wrapped[prefix + "surprise.weight"] = Tensor([0], shape: [1])
    #expect(throws: BindingError.self) {
      try ModelWeights(checkpoint: Checkpoint(tensors: wrapped), configuration: c)
    }
    // As an auxiliary, the same blocks are found.
    #expect(try AuxiliaryWeights(checkpoint: Checkpoint(tensors: wrapped)).depth == c.depth)
  }

  @Test func negativeVariancesAreRefused() throws {
    let (_, weights) = try PointGoldenTests.golden("classifier")
    var tensors = weights.tensors
    let name = "encoder.first_conv.1.running_var"
    tensors[name] = Tensor([Float](repeating: -1, count: tensors[name]!.count), shape: tensors[name]!.shape)
    let broken = try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors), configuration: weights.configuration)
    #expect(throws: BatchNormError.negativeVariance(tensor: name, index: 0, found: -1)) {
      try VisionTransformer(broken, engine: Engine(threads: 1))
    }
  }

  @Test func inputsAndCategoriesAreChecked() throws {
    let (golden, weights) = try PointGoldenTests.golden("segmenter")
    let model = try VisionTransformer(weights, engine: Engine(threads: 1))
    let points = golden["points"]!
    #expect(throws: InferenceError.self) { try model.forward(Tensor([1, 2, 3], shape: [1, 1, 3])) }
    #expect(throws: InferenceError.self) { try model.forward(points, categories: [0]) }
    #expect(throws: InferenceError.self) { try model.forward(points, categories: [0, 4]) }
    #expect(throws: InferenceError.self) { try model.forward(points, categories: [-1, 0]) }
    // Two categories give different answers, and no category gives a third one.
    let answers = try [[0, 0], [1, 0], []].map { try model.forward(points, categories: $0).logits.float32() }
    #expect(answers[0] != answers[1] && answers[0] != answers[2])
    let half = answers[0].count / 2
    #expect(answers[0][half...] == answers[1][half...])
  }
}
