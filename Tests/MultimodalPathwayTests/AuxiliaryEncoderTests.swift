import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Encoders of every origin, in the files of their libraries (Tests/Fixtures/auxiliaries/make_auxiliaries.py).
@Suite struct AuxiliaryEncoderTests {
  /// File and the layout's name.
  static let cases: [(file: String, layout: String)] = [
    ("bert", "bert"), ("bert_classifier", "bert"), ("roberta", "bert"), ("camembert", "bert"), ("xlm_roberta", "bert"),
    ("electra", "bert"), ("roberta_prelayernorm", "bert"), ("data2vec_text", "bert"), ("deberta_v2", "debertaV2"),
    ("distilbert", "distilBERT"), ("mpnet", "mpnet"), ("albert", "albert"), ("t5", "t5"), ("clip", "clip"),
    ("clip_vision", "clip"), ("siglip", "clip"), ("wav2vec2", "wav2Vec2"), ("hubert", "wav2Vec2"), ("wavlm", "wavLM"),
    ("data2vec_audio", "data2VecAudio"), ("whisper", "whisper"), ("bart", "sequenceToSequence"),
    ("mbart", "sequenceToSequence"), ("data2vec_vision", "huggingFaceViT"), ("beit", "huggingFaceViT"),
    ("vit_msn", "huggingFaceViT"), ("dinov3", "dinov3"), ("open_clip", "openCLIP"),
    ("torchvision_vit", "torchvision"), ("torch_encoder", "torchTransformer"), ("esm", "bert"),
    ("altclip", "bert clipLayer"), ("blip_vision", "blip"), ("vjepa2", "vjepa2"), ("timesformer", "timesformer"),
    ("led", "led"), ("jina", "jinaBERT"),
  ]

  private struct Facts {
    var saved: Checkpoint
    /// The name in `state_dict()`.
    var state: Checkpoint
    var expected: [String: Tensor]
    var heads: [String: Int]
    var isPostNorm: [String: Bool]
    var config: String

    init(_ name: String) throws {
      let file = try Checkpoint(contentsOf: Fixture.url("auxiliaries/\(name).safetensors"))
      func metadata<T: Decodable>(_ key: String, _ type: T.Type) throws -> T {
        try JSONDecoder().decode(type, from: Data(file.metadata[key]!.utf8))
      }
      saved = GoldenTests.part(file, "weights.")
      let omitted = try metadata("omitted", [String].self)
      let extra = GoldenTests.part(file, "state.").tensors
      state = Checkpoint(
        tensors: saved.tensors.filter { !omitted.contains($0.key) }.merging(extra) { $1 })
      expected = GoldenTests.part(file, "expected.").tensors
      heads = try metadata("heads", [String: Int].self)
      isPostNorm = try metadata("post_norm", [String: Bool].self)
      config = file.metadata["config"]!
    }

    var prefixes: [String] { isPostNorm.keys.sorted() }
  }

  private func expectEqual(_ auxiliary: AuxiliaryWeights, _ facts: Facts, _ prefix: String, _ label: String) throws {
    let stored = facts.expected.keys.filter { $0.hasPrefix(prefix + "|") && $0.hasSuffix("mlp.fc1.weight") }
    #expect(auxiliary.depth >= stored.count && !stored.isEmpty, "\(label)")
    for block in 0..<auxiliary.depth {
      for layer in PathwayLayer.allCases {
        let name = "\(prefix)|blocks.\(min(block, stored.count - 1)).\(layer.rawValue)"
        let weight = try auxiliary.weight(block, layer)
        let expected = try #require(facts.expected[name + ".weight"], "\(name)")
        #expect(weight.shape == expected.shape, "\(label) \(name)")
        #expect(try weight.float32() == expected.float32(), "\(label) \(name)")
        #expect(
          try auxiliary.bias(block, layer)?.float32() == facts.expected[name + ".bias"]?.float32(), "\(label) \(name)")
      }
    }
    #expect(auxiliary.isPostNorm == facts.isPostNorm[prefix], "\(label)")
  }

  @Test(arguments: cases)
  func linearLayersAreThoseOfTheModules(_ name: String, _ layout: String) throws {
    let facts = try Facts(name)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    if facts.config != "{}" { try Data(facts.config.utf8).write(to: folder.appendingPathComponent("config.json")) }
    for (kind, checkpoint) in [("saved", facts.saved), ("state", facts.state)] {
      try checkpoint.write(to: folder.appendingPathComponent("model.safetensors"))
      for prefix in facts.prefixes {
        let choice = facts.prefixes.count > 1 ? prefix : nil
        let found = try AuxiliaryWeights(modelAt: folder, weights: choice)
        try expectEqual(found, facts, prefix, "\(name) \(kind)")
        if kind == "saved" {
          #expect(layout.split(separator: " ").contains { $0 == found.layout.rawValue }, "\(found.layout)")
          #expect(found.prefix == prefix)
        }
        #expect(found.heads == facts.heads[prefix] && !found.headsAreAssumed, "\(name) \(prefix)")
        // The file without a configuration has the same layers; ALBERT's does not give their number of uses.
        let own = Checkpoint(tensors: checkpoint.tensors.filter { $0.key.hasPrefix(choice ?? "") })
        let alone = try AuxiliaryWeights(checkpoint: own)
        try expectEqual(alone, facts, prefix, "\(name) \(kind) alone")
        // Not as a target, even with the names of a vision transformer.
        #expect(throws: (any Error).self) { try ModelWeights(modelAt: folder, weights: choice) }
      }
    }
  }

  @Test func otherBlocksOfAFileGiveANote() throws {
    let predictor = try AuxiliaryWeights(checkpoint: Facts("vjepa2").saved)
    #expect(predictor.notes.count == 1 && predictor.notes[0].contains("under 'predictor.layer.', play no part"))
    // A tower with unknown names, next to a known one.
    var tensors = try Facts("altclip").saved.tensors
    for (name, tensor) in tensors where name.contains("self_attn") {
      tensors[name] = nil
      tensors[name.replacingOccurrences(of: "self_attn", with: "mixing")] = tensor
    }
    let text = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
    #expect(text.prefix == "text_model.roberta.")
    #expect(text.notes.count == 1 && text.notes[0].contains("'vision_model.encoder.layer.', play no part"))
    // Decoders belong to a model with an encoder; extra matrices in the used blocks are not other blocks.
    for name in ["bart", "led", "t5", "whisper", "bert", "wavlm"] {
      #expect(try AuxiliaryWeights(checkpoint: Facts(name).saved).notes.isEmpty, "\(name)")
    }
  }

  @Test func configurationsOfDecodersGiveANote() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    for isDecoder in [false, true] {
      let text = #"{"model_type": "bert", "is_decoder": \#(isDecoder)}"#
      try Checkpoint(tensors: Facts("bert").saved.tensors, metadata: [ModelWeights.configurationKey: text])
        .write(to: file)
      let notes = try AuxiliaryWeights(modelAt: file).notes
      #expect(notes.contains { $0.contains("is_decoder") } == isDecoder, "\(notes)")
    }
  }

  @Test func sharedLayersAreRepeatedAsConfigured() throws {
    let facts = try Facts("albert")
    let alone = try AuxiliaryWeights(checkpoint: facts.saved)
    #expect(alone.depth == 1 && alone.notes.contains { $0.contains("block map") })
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    for (depth, isPossible) in [(3, true), (1, true), (0, false), (1 << 20, false)] {
      let config = #"{"num_hidden_layers": \#(depth), "num_attention_heads": 2}"#
      try Checkpoint(tensors: facts.saved.tensors, metadata: [ModelWeights.configurationKey: config]).write(to: file)
      guard isPossible else {
        #expect(throws: ConfigurationError.self) { try AuxiliaryWeights(modelAt: file) }
        continue
      }
      #expect(try AuxiliaryWeights(modelAt: file).depth == depth)
    }
  }

  @Test(arguments: ["clip", "siglip", "open_clip"])
  func twoTowersAreAmbiguousUntilOneIsChosen(_ name: String) throws {
    let facts = try Facts(name)
    #expect(throws: CheckpointLayoutError.ambiguous(prefixes: facts.prefixes)) {
      try AuxiliaryWeights(checkpoint: facts.saved)
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try facts.saved.write(to: file)
    #expect(throws: CheckpointError.self) { try AuxiliaryWeights(modelAt: file, weights: "audio_model") }
    let vision = try #require(facts.prefixes.last)
    // With the dot or without.
    for key in [vision, String(vision.dropLast())] {
      let found = try AuxiliaryWeights(modelAt: file, weights: key)
      #expect(found.prefix == vision && found.notes.contains { $0.contains("others are not") })
    }
  }

  @Test func headsInATensorAreNotAssumed() throws {
    for name in ["wavlm", "mpnet", "t5"] {
      let found = try AuxiliaryWeights(checkpoint: Facts(name).saved)
      #expect(found.heads == 2 && !found.headsAreAssumed, "\(name)")
    }
  }

  @Test func configurationsSayWhereTheNormsAre() throws {
    // wav2vec 2.0 has the same names for both orders. The norms of the feature extractor suggest one, the configuration
    // decides.
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    for (name, key, isPost) in [("hubert", "false", true), ("wav2vec2", "true", false)] {
      let tensors = try Facts(name).saved.tensors
      try Checkpoint(
        tensors: tensors, metadata: [ModelWeights.configurationKey: #"{"do_stable_layer_norm": \#(key)}"#]
      ).write(to: file)
      #expect(try AuxiliaryWeights(modelAt: file).isPostNorm == isPost, "\(name)")
    }
  }

  @Test func otherMeaningsGiveWarnings() throws {
    var configuration = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
    (configuration.width, configuration.hiddenWidth, configuration.depth, configuration.heads) = (8, 12, 2, 4)
    (configuration.imageSize, configuration.patchSize) = (Extent(square: 4), Extent(square: 2))
    let target = try ModelWeights.random(configuration, seed: 1)
    func warnings(_ name: String, heads: Int) throws -> [String] {
      try target.attach(auxiliary: AuxiliaryWeights(checkpoint: Facts(name).saved, heads: heads)).warnings
    }
    #expect(try warnings("distilbert", heads: 4).map { $0.contains("post-norm") } == [true])
    #expect(try warnings("t5", heads: 4).map { $0.contains("root of the head size") } == [true])
    #expect(try warnings("hubert", heads: 4).isEmpty)
    let both = try warnings("bert", heads: 2)
    #expect(both.count == 2 && both[0].contains("heads"))
  }

  @Test func transformersWithoutTheFourLayersAreRefusedWithTheReason() throws {
    let names = try JSONDecoder().decode(
      [String: [String: [Int]]].self, from: Data(contentsOf: Fixture.url("auxiliaries/names.json")))
    let words = [
      "ModernBERT": "gated", "Nomic BERT": "gated", "gated T5": "gated", "GPT-2": "decoder",
      "Llama": "decoder", "OPT": "decoder", "DeBERTa": "interleaved", "MobileBERT": "narrower",
      "ALBERT groups": "groups of one layer",
    ]
    #expect(Set(names.keys) == Set(words.keys))
    for (name, shapes) in names {
      for prefix in ["", "module."] {
        var tensors: [String: Tensor] = [:]
        for (key, shape) in shapes { tensors[prefix + key] = Tensor(shape: shape) { $0.initialize(repeating: 0) } }
        do {
          _ = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
          Issue.record("\(name) accepted")
        } catch let error as CheckpointLayoutError {
          guard case .refused(_, let reason) = error else {
            Issue.record("\(name): \(error)")
            continue
          }
          #expect(reason.contains(words[name]!), "\(name): \(error)")
        }
      }
    }
  }

  @Test func rawNamesOfLayoutsAreKept() {
    let first = [
      "pointMAE", "timm", "pretraining", "m2pt", "huggingFaceViT", "huggingFaceDINOv2", "bert", "whisper",
      "openAIWhisper",
    ]
    let all = CheckpointLayout.allCases.map(\.rawValue)
    #expect(Set(all).isSuperset(of: first) && Set(all).count == all.count)
    for name in all { #expect(CheckpointLayout(rawValue: name)?.rawValue == name) }
    #expect(CheckpointLayout(rawValue: "resnet") == nil)
  }
}
