import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// The output of `classify` for Hugging Face's problem types and for ImageNet-1k's classes.
@Suite struct AnswerToolTests {
  private static let picture = Fixture.url("images/coffee.jpg").path

  /// A Hugging Face ViT of `count` classes with random weights.
  private func withModel(_ count: Int, _ problem: String?, _ body: (URL, [Float]) throws -> Void) throws {
    try Tool.withFolder { folder in
      let names = (0..<count).map { #""\#($0)": "name \#($0)""# }.joined(separator: ", ")
      let config = """
        {"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 32, "num_hidden_layers": 1,
         "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "intermediate_size": 48, "id2label": {\(names)}
         \(problem.map { #", "problem_type": "\#($0)""# } ?? "")}
        """
      let file = folder.appendingPathComponent("config.json")
      try Data(config.utf8).write(to: file)
      let processor = """
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}, "resample": 2,
         "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
        """
      try Data(processor.utf8).write(to: folder.appendingPathComponent("preprocessor_config.json"))
      let weights = try ModelWeights.random(.read(file), seed: 4)
      try Checkpoint(tensors: weights.tensors).write(to: folder.appendingPathComponent("model.safetensors"))
      let answers = try classes(folder, ["--top-k", "9"])
      try body(folder, answers.sorted { $0.index < $1.index }.map(\.logit))
    }
  }

  private struct Answer: Decodable {
    struct Class: Decodable {
      var index: Int
      var label: String
      var probability: Double?
      var value: Double?
      var logit: Float
    }
    var classes: [Class]
  }

  private func classes(_ model: URL, _ more: [String]) throws -> [Answer.Class] {
    let result = try Tool.run(["classify", "--model", model.path, Self.picture, "--json"] + more)
    #expect(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode([Answer].self, from: Data(result.output.utf8))[0].classes
  }

  @Test(
    arguments: [(1, nil), (3, "multi_label_classification"), (1, "multi_label_classification")] as [(Int, String?)])
  func oneLabelAndManyHaveSigmoids(_ count: Int, _ problem: String?) throws {
    try withModel(count, problem) { model, logits in
      for item in try classes(model, []) {
        let expected = 1 / (1 + exp(-Double(logits[item.index])))
        #expect(abs((item.probability ?? -1) - expected) < 1e-12 && item.value == nil)
      }
    }
  }

  @Test(arguments: [1, 3])
  func aRegressionIsItsValueInTextJSONAndCSV(_ count: Int) throws {
    try withModel(count, "regression") { model, logits in
      let found = try classes(model, [])
      #expect(found.allSatisfy { $0.probability == nil && $0.value == Double(logits[$0.index]) })
      #expect(found.map { $0.value ?? 0 } == logits.map(Double.init).sorted(by: >))
      let csv = try Tool.run(["classify", "--model", model.path, Self.picture, "--csv"]).output.split(separator: "\n")
      #expect(csv.first == "file,rank,index,label,value,logit" && csv.count == count + 1)
      #expect(csv[1].hasSuffix("\(Double(logits.max()!)),\(logits.max()!)"))
      let text = try Tool.run(["classify", "--model", model.path, Self.picture]).output
      #expect(!text.contains("%") && text.contains(String(format: "%.6g  name", logits.max()!)))
      // The converted model gives the same answer.
      let place = model.appendingPathComponent("converted")
      #expect(try Tool.run(["convert", model.path, place.path]).status == 0)
      #expect(try classes(place, []).map { $0.value ?? 0 } == found.map { $0.value ?? 0 })
    }
  }

  /// Sigmoids of 50 and 60 are 1 in Double: the larger logit is first, then the lower number.
  @Test func equalProbabilitiesAreOrderedByLogitThenByNumber() throws {
    try withModel(4, "multi_label_classification") { model, _ in
      let file = model.appendingPathComponent("model.safetensors")
      var tensors = try Checkpoint(contentsOf: file).tensors
      tensors["head.weight"] = Tensor([Float](repeating: 0, count: 4 * 32), shape: [4, 32])
      tensors["head.bias"] = Tensor([50, -1, 60, 50], shape: [4])
      try Checkpoint(tensors: tensors).write(to: file)
      let found = try classes(model, [])
      #expect(found.map(\.index) == [2, 0, 3, 1] && found.map(\.logit) == [60, 50, 50, -1])
      #expect(found.prefix(3).map(\.probability) == [1, 1, 1])
    }
  }

  @Test func classesOfImageNetHaveNamesAndOthersHaveNumbers() throws {
    try Tool.withFolder { folder in
      let file = folder.appendingPathComponent("model.safetensors")
      let weights = try ModelWeights.random(.preset("test_vit"), seed: 5)
      try Checkpoint(tensors: weights.tensors).write(to: file)
      let command = ["classify", "--model", file.path, Self.picture, "--csv", "--top-k", "1000", "--architecture"]
      let named = try Tool.run(command + ["test_vit"])
      #expect(named.output.contains("brown bear, bruin, Ursus arctos") && !named.output.contains("class 294"))
      #expect(named.errors.contains("imagenet-1k"))
      let config = #"{"architecture": "test_vit", "num_classes": 1000, "pretrained_cfg": {"tag": "my_products"}}"#
      try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
      let arguments = ["classify", "--model", folder.path, Self.picture, "--csv", "--top-k", "1000"]
      let other = try Tool.run(arguments)
      #expect(other.output.contains("class 294") && !other.output.contains("bruin"))
      #expect(try Tool.run(arguments + ["--labels", "imagenet-1k"]).output.contains("brown bear, bruin, Ursus arctos"))
    }
  }

  @Test func renamingIsNotAdvisedForKnownNames() throws {
    try Tool.withFolder { folder in
      let file = folder.appendingPathComponent("model.safetensors")
      try Checkpoint(tensors: ModelWeights.random(.preset("test_vit"), seed: 5).tensors).write(to: file)
      let name = "timm/vit_base_patch16_clip_quickgelu_224.openai"
      let arguments = ["features", "--model", file.path, "--architecture", name, Self.picture, "--output", "x"]
      let result = try Tool.run(arguments)
      #expect(result.status != 0 && result.errors.contains("QuickGELU") && !result.errors.contains("begins with vit_"))
    }
  }
}
