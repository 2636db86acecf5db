import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Heads other than a linear layer of one token, against timm and transformers in float64
/// (Tests/Fixtures/model/make_heads.py), with the names of transformers 5 in memory.
@Suite struct HeadTests {
  private static func golden(_ name: String) throws -> Checkpoint {
    try Checkpoint(contentsOf: Fixture.url("model/heads_\(name).safetensors"))
  }

  private static func weights(_ golden: Checkpoint) throws -> ModelWeights {
    try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
  }

  static let names = ["distilled", "probe", "deit_teacher", "dinov2", "dinov2_registers", "vit_pooler", "vit"]

  @Test(arguments: names, InstructionSet.available)
  func headsMatchTheirOrigins(_ name: String, _ set: InstructionSet) throws {
    let golden = try Self.golden(name)
    let model = try VisionTransformer(Self.weights(golden), engine: Engine(threads: 2, instructionSet: set))
    let input = golden.tensors["input"]!
    let output = try model.forward(input, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "\(name) features")
    for (found, part) in [(output.pooled, "pooled"), (output.logits, "logits")] {
      guard let expected = golden.tensors["float64.\(part)"] else { continue }
      try GoldenTests.expectClose(found, expected, "\(name) \(part)")
    }
    // A pass for logits only, and one for a single image, give the same bits.
    let alone = try model(input).float32()
    #expect(try alone == output.logits.float32())
    let one = try model(Tensor(Array(input.float32().prefix(3 * 32 * 32)), shape: [1, 3, 32, 32])).float32()
    #expect(one == Array(alone.prefix(one.count)))
  }

  /// Two-branch, folded and merged against Double, through the heads.
  @Test(arguments: names)
  func headsAreVerified(_ name: String) throws {
    let golden = try Self.golden(name)
    let target = try Self.weights(golden)
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: target.tensors))
    let joined = try target.attach(auxiliary: auxiliary, scale: 0.1)
    #expect(try Verification(joined, input: golden.tensors["input"]!, engine: Engine(threads: 2)).holds, "\(name)")
  }

  @Test func aPoolerGivesANoteAndClassifiersDropTheirs() throws {
    let golden = try Self.golden("vit_pooler")
    let weights = try Self.weights(golden)
    #expect(weights.configuration.poolerWidth == 24 && weights.configuration.pooledWidth == 24)
    #expect(weights.notes.contains { $0.contains("pooler_output") })
    var classifier = try Self.golden("vit")
    for name in ["weight", "bias"] {
      classifier.tensors["weights.vit.pooler.dense.\(name)"] = golden.tensors["weights.pooler.dense.\(name)"]
    }
    #expect(try Self.weights(classifier).configuration.poolerWidth == nil)
  }

  @Test func aPoolerOfAnotherActivationIsRefused() throws {
    let text = try Self.golden("vit_pooler").metadata["config"]!
    let relu = text.replacingOccurrences(of: #""tanh""#, with: #""relu""#)
    #expect(relu != text)
    do {
      _ = try VisionTransformerConfiguration.read(json: Data(relu.utf8), file: "config")
      Issue.record("accepted")
    } catch ConfigurationError.unsupported(_, let key, let found, _) {
      #expect(key == "pooler_act" && found.contains("relu"))
    }
  }

  @Test func theBatchNormOfAProbeIsFusedWithANote() throws {
    let golden = try Self.golden("probe")
    let weights = try Self.weights(golden)
    #expect(weights.notes.contains { $0.contains("batch norm") && $0.contains("1e-6") })
    #expect(weights.tensors.keys.filter { $0.hasPrefix("head.") }.sorted() == ["head.bias", "head.weight"])
    // Exactly: each weight is the quotient, rounded once.
    let (stored, variance) = (golden.tensors["weights.head.1.weight"]!, golden.tensors["weights.head.0.running_var"]!)
    let (old, new, scale) = (try stored.float32(), try weights.tensor("head.weight").float32(), try variance.float32())
    for index in old.indices {
      let exact = Double(old[index]) / (Double(scale[index % 32]) + 1e-6).squareRoot()
      #expect(abs(Double(new[index]) - exact) <= unitRoundoff * 1.001 * abs(exact))
    }
  }

  @Test(arguments: [
    (["head.0.weight", "head.0.bias"], "batch norm with weights"), (["head.2.weight"], "several layers"),
  ])
  func otherHeadsAreRefusedByTheirFeature(_ added: [String], _ feature: String) throws {
    var golden = try Self.golden("probe")
    for name in added { golden.tensors["weights." + name] = golden.tensors["weights.head.0.running_mean"] }
    if feature == "several layers" {
      for name in ["running_mean", "running_var", "num_batches_tracked"] {
        golden.tensors["weights.head.0.\(name)"] = nil
      }
    }
    do {
      _ = try Self.weights(golden)
      Issue.record("accepted")
    } catch CheckpointLayoutError.unsupportedHead(let found, let names) {
      #expect(found.contains(feature) && names.contains(added[0]), "\(found)")
    }
  }

  /// Without a norm before the heads, a mean of the two tokens would do for a linear layer, but there are two.
  @Test func distilledHeadsReadTheirOwnTokens() throws {
    var c = VisionTransformerConfiguration(
      architecture: "deit_test", imageSize: Extent(square: 8), patchSize: Extent(square: 4), width: 8, depth: 2,
      heads: 2)
    c.classCount = 3
    (c.hasFinalNorm, c.head, c.registerTokens, c.pooling) = (false, .distilled, 1, .prefixMean)
    let model = try VisionTransformer(ModelWeights.random(c, seed: 1), engine: Engine(threads: 1))
    let images = Tensor((0..<2 * 192).map { Float($0 % 17) / 8 - 1 }, shape: [2, 3, 8, 8])
    // Asked for features, the model makes all tokens of the last block.
    let (logits, all) = (try model.forward(images).logits, try model.forward(images, features: true).logits)
    #expect(try logits.float32() == all.float32())
    // Heads of pooled tokens, which timm's are not.
    (c.hasFinalNorm, c.normalizesAfterPooling) = (true, true)
    #expect(throws: ConfigurationError.self) { try c.validate() }
  }

  /// timm's names, so that timm loads the written file with strict=True.
  @Test func aDistilledModelKeepsTimmsNames() throws {
    for name in ["distilled", "deit_teacher"] {
      let weights = try Self.weights(Self.golden(name))
      #expect(weights.configuration.isDistilled)
      let json = String(decoding: try weights.configuration.timmJSON(), as: UTF8.self)
      #expect(json.contains(#""reg_tokens" : 0"#) && json.contains(#""global_pool" : "token""#))
      for tensor in ["dist_token", "head_dist.weight", "head_dist.bias"] { #expect(weights.tensors[tensor] != nil) }
    }
  }
}
