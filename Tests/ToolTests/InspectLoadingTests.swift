import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt inspect` describes what loading would do, and the other commands do it.
@Suite struct InspectLoadingTests {
  private struct Report: Decodable {
    struct AsModel: Decodable {
      var layout: String?
      var prefix: String?
      var taken: Int
      var renamed: [String: String]
      var joined: [String: [String]]
      var dropped: [String]
      var outside: [String]
      var notes: [String]
      var configuration: Configuration?
      var refused: String?
      var refusedCode: String?
    }
    struct Configuration: Decodable {
      var architecture: String
      var inputShape: [Int]
      var width: Int
      var classes: Int
      var qkvBias: String
    }
    struct AsAuxiliary: Decodable {
      var layout: String?
      var prefix: String?
      var depth: Int?
      var heads: Int?
      var headsAreAssumed: Bool?
      var isPostNorm: Bool?
      var refused: String?
      var refusedCode: String?
    }
    var architecture: String?
    var architectureIsGuess: Bool?
    var fits: Bool?
    var notCompared: String?
    var asModel: AsModel?
    var asAuxiliary: AsAuxiliary?
  }

  private func report(_ arguments: [String]) throws -> Report {
    let result = try Tool.run(["inspect", "--json"] + arguments)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  /// The tensors and configuration of a golden as a directory.
  private func withModel(_ name: String, _ body: (URL, Checkpoint) throws -> Void) throws {
    try Tool.withFolder { folder in
      let golden = try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
      let tensors = golden.tensors.filter { $0.key.hasPrefix("weights.") }
      let plain = Checkpoint(
        tensors: Dictionary(uniqueKeysWithValues: tensors.map { (String($0.key.dropFirst(8)), $0.value) }))
      try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
      try plain.write(to: folder.appendingPathComponent("model.safetensors"))
      try body(folder, plain)
    }
  }

  @Test func aHuggingFaceModelIsDescribedAsItLoads() throws {
    try withModel("hugging_face_vit") { folder, plain in
      let found = try report([folder.path])
      let conversion = try ModelConversion(modelAt: folder)
      let model = try #require(found.asModel)
      #expect(found.fits == true && model.refused == nil)
      #expect(model.layout == "huggingFaceViT" && model.prefix == "vit." && model.taken == plain.tensors.count)
      #expect(model.renamed == conversion.renamed && model.joined == conversion.joined)
      #expect(model.dropped == conversion.dropped && model.notes == conversion.weights.notes)
      #expect(model.configuration?.classes == 5 && model.configuration?.inputShape == [3, 32, 32])
      #expect(found.asAuxiliary?.depth == 2 && found.asAuxiliary?.heads == 2)
      let text = try Tool.run(["inspect", folder.path]).output
      #expect(text.contains("layout: huggingFaceViT under 'vit.', \(plain.tensors.count) tensors taken"), "\(text)")
      #expect(text.contains("renamed  vit.encoder.layer.N.layernorm_before.weight -> blocks.N.norm1.weight  (2 times)"))
      #expect(text.contains("runs as: image [3, 32, 32], 17 tokens, 2 blocks, width 32"), "\(text)")
      #expect(text.contains("as an auxiliary: huggingFaceViT under 'vit.', 2 blocks"), "\(text)")
    }
  }

  /// Wrapped and lone files load if inspect says that they fit, and only then.
  @Test func inspectAndLoadingAgree() throws {
    try withModel("token") { folder, plain in
      let file = folder.appendingPathComponent("model.safetensors")
      let scalar = Tensor([1], shape: [])
      func prefixed(_ prefix: String) -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: plain.tensors.map { (prefix + $0.key, $0.value) })
      }
      let other = prefixed("teacher.")
      let cases: [(tensors: [String: Tensor], arguments: [String], loads: Bool)] = [
        (plain.tensors, [], true), (prefixed("net."), [], true), (prefixed("module._orig_mod."), [], true),
        (prefixed("net.").merging(["n_averaged": scalar]) { $1 }, [], true),
        (prefixed("net.").merging(["projector.weight": scalar]) { $1 }, [], false),
        (prefixed("net.").merging(["net.extra": scalar]) { $1 }, [], false),
        (prefixed("student.").merging(other) { $1 }, [], false),
        (prefixed("student.").merging(other) { $1 }, ["--weights", "teacher."], true),
      ]
      for (index, item) in cases.enumerated() {
        try Checkpoint(tensors: item.tensors).write(to: file)
        for place in [folder, file] {
          let found = try report([place.path] + item.arguments)
          #expect((found.fits == true) == item.loads, "case \(index)")
          #expect((found.asModel?.refused == nil) == item.loads, "case \(index)")
          let output = folder.appendingPathComponent("out-\(index)")
          let converted = try Tool.run(["convert", place.path, output.path, "--overwrite"] + item.arguments)
          #expect((converted.status == 0) == item.loads, "case \(index): \(converted.errors)")
          if item.loads {
            for note in found.asModel?.notes ?? [] { #expect(converted.errors.contains("note: \(note)")) }
          } else {
            // The reason is the same, word for word.
            #expect(converted.errors.contains(found.asModel?.refused ?? "?"), "case \(index): \(converted.errors)")
          }
        }
      }
    }
  }

  @Test func aLoneFileNeedsAnArchitecture() throws {
    try Tool.withFolder { folder in
      var configuration = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
      configuration.classCount = 3
      let file = folder.appendingPathComponent("tiny.safetensors")
      let tensors = try ModelWeights.random(configuration, seed: 3).tensors
      try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: tensors.map { ("net." + $0.key, $0.value) }))
        .write(to: file)
      let found = try report([file.path])
      #expect(found.asModel?.refused?.contains("--architecture") == true && found.architectureIsGuess == true)
      #expect(found.asModel?.refusedCode == "configuration.no-architecture")
      #expect(found.architecture == "vit_tiny_patch16_224" && found.fits == true && found.asModel?.prefix == "net.")
      let stated = try report([file.path, "--architecture", "vit_tiny_patch16_224"])
      #expect(stated.asModel?.refused == nil && stated.fits == true && stated.architectureIsGuess == false)
      #expect(stated.asModel?.configuration?.classes == 3)
    }
  }

  @Test func auxiliariesAreDescribed() throws {
    try Tool.withFolder { folder in
      func write(_ name: String) throws -> URL {
        let fixture = try Checkpoint(contentsOf: Fixture.url("auxiliaries/\(name).safetensors"))
        let tensors = fixture.tensors.filter { $0.key.hasPrefix("weights.") }
        let file = folder.appendingPathComponent("\(name).safetensors")
        try Checkpoint(
          tensors: Dictionary(uniqueKeysWithValues: tensors.map { (String($0.key.dropFirst(8)), $0.value) })
        ).write(to: file)
        return file
      }
      let electra = try report([write("electra").path])
      #expect(electra.asAuxiliary?.layout == "bert" && electra.asAuxiliary?.prefix == "electra.")
      #expect(electra.asAuxiliary?.isPostNorm == true && electra.asAuxiliary?.depth == 2)
      #expect(electra.asModel?.refused?.contains("auxiliary but not a target") == true && electra.fits == nil)
      #expect(electra.asModel?.refusedCode == "layout.not-a-vision-transformer")
      let clip = try write("clip")
      let both = try report([clip.path])
      #expect(both.asAuxiliary?.refused?.contains("'text_model.' and 'vision_model.'") == true)
      #expect(both.asAuxiliary?.refusedCode == "layout.ambiguous")
      let text = try report([clip.path, "--weights", "text_model."])
      #expect(text.asAuxiliary?.layout == "clip" && text.asAuxiliary?.depth == 2)
    }
  }

  /// A tower of a pair, joined and merged.
  @Test func auxiliaryWeightsChooseATower() throws {
    try Tool.withFolder { folder in
      let fixture = try Checkpoint(contentsOf: Fixture.url("auxiliaries/clip.safetensors"))
      let pair = fixture.tensors.filter { $0.key.hasPrefix("weights.") }
      let file = folder.appendingPathComponent("clip.safetensors")
      try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: pair.map { (String($0.key.dropFirst(8)), $0.value) }))
        .write(to: file)
      let target = folder.appendingPathComponent("target")
      try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
      let config = """
        {"architecture": "vit_test", "num_classes": 3,
         "model_args": {"img_size": 4, "patch_size": 2, "embed_dim": 8, "depth": 2, "num_heads": 2, "mlp_ratio": 1.5},
         "pretrained_cfg": {"input_size": [3, 4, 4]}}
        """
      try Data(config.utf8).write(to: target.appendingPathComponent("config.json"))
      let weights = try ModelWeights.random(.read(target.appendingPathComponent("config.json")), seed: 1)
      try Checkpoint(tensors: weights.tensors).write(to: target.appendingPathComponent("model.safetensors"))
      let output = folder.appendingPathComponent("merged.safetensors")
      let merge = [
        "merge", "--target", target.path, "--auxiliary", file.path, "--scale", "1", "--output", output.path,
      ]
      let refused = try Tool.run(merge)
      #expect(refused.status == 1 && refused.errors.contains("--auxiliary-weights"), "\(refused.errors)")
      for tower in ["text_model.", "vision_model."] {
        let result = try Tool.run(merge + ["--auxiliary-weights", tower])
        #expect(result.status == 0 && result.errors.contains("'\(tower)'"), "\(result.errors)")
        let name = "blocks.1.mlp.fc1.weight"
        let file = try Checkpoint(contentsOf: output)
        #expect(file.metadata["m2pt.auxiliary_weights"] == tower)
        let merged = try #require(file.tensors[name]).float32()
        let own = try #require(weights.tensors[name]).float32()
        let other = try #require(pair["weights.\(tower)encoder.layers.1.mlp.fc1.weight"]).float32()
        #expect(merged == zip(own, other).map { $0.addingProduct(1, $1) })
      }
    }
  }
}
