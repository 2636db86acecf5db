import Foundation
import MultimodalPathway
import Testing

/// The meaning of logits: Hugging Face's problem types, and names of ImageNet-1k's classes.
@Suite struct AnswerTests {
  private func huggingFace(_ more: String) throws -> VisionTransformerConfiguration {
    let text = """
      {"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 32, "num_hidden_layers": 1,
       "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "intermediate_size": 48, \(more)}
      """
    return try .read(json: Data(text.utf8), file: "config.json")
  }

  /// transformers 5.24, pipelines/image_classification.py, `postprocess`.
  @Test(arguments: [
    ("null", 1, AnswerActivation.sigmoid), ("null", 2, .softmax), ("null", 5, .softmax),
    (#""regression""#, 1, .none), (#""regression""#, 3, .none),
    (#""multi_label_classification""#, 1, .sigmoid), (#""multi_label_classification""#, 3, .sigmoid),
    (#""single_label_classification""#, 1, .sigmoid), (#""single_label_classification""#, 3, .softmax),
  ])
  func problemTypesDecideAsInTransformers(_ problem: String, _ count: Int, _ activation: AnswerActivation) throws {
    let names = (0..<count).map { #""\#($0)": "LABEL_\#($0)""# }.joined(separator: ", ")
    for more in [#""id2label": {\#(names)}"#, #""num_labels": \#(count)"#] {
      let c = try huggingFace(#"\#(more), "problem_type": \#(problem)"#)
      #expect(c.classCount == count && c.answerActivation == activation)
      // The configuration written for timm keeps it, and so do the metadata of merged files.
      let again = try VisionTransformerConfiguration.read(json: c.timmJSON(), file: "timm")
      #expect(again == c)
    }
  }

  @Test func anUnknownProblemTypeIsRefused() throws {
    do {
      _ = try huggingFace(#""problem_type": "ranking""#)
      Issue.record("accepted")
    } catch ConfigurationError.unsupported(_, let key, let found, _) {
      #expect(key == "problem_type" && found.contains("ranking"))
    }
  }

  @Test func scoresAreThoseOfTheirFunctions() {
    let logits: [Float] = [1, -2, 0.5]
    #expect(AnswerActivation.none.scores(logits) == [1, -2, 0.5])
    #expect(AnswerActivation.sigmoid.scores([0 as Float]) == [0.5])
    let sum = exp(1.0) + exp(-2.0) + exp(0.5)
    for (found, x) in zip(AnswerActivation.softmax.scores(logits), [1.0, -2, 0.5]) {
      #expect(abs(found - exp(x) / sum) < 1e-15)
    }
    #expect(AnswerActivation.softmax.scores([1000 as Float, 1000]) == [0.5, 0.5])
  }

  private func timm(_ architecture: String, _ more: String) throws -> VisionTransformerConfiguration {
    try .read(json: Data(#"{"architecture": "\#(architecture)", \#(more)}"#.utf8), file: "config.json")
  }

  @Test(arguments: [
    ("vit_tiny_patch16_224", #""num_classes": 1000, "pretrained_cfg": {"tag": "augreg_in21k_ft_in1k"}"#, true),
    ("vit_base_patch16_clip_224", #""num_classes": 1000, "pretrained_cfg": {"tag": "laion2b_ft_in12k_in1k"}"#, true),
    ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", #""pretrained_cfg": {"num_classes": 1000}"#, true),
    // timm before 0.9 had no tags.
    ("vit_tiny_patch16_224", #""num_classes": 1000"#, true),
    // Models that are not known to be of ImageNet-1k have no names.
    ("vit_tiny_patch16_224", #""num_classes": 1000, "pretrained_cfg": {"tag": "my_products"}"#, false),
    ("vit_tiny_patch16_224", #""num_classes": 1000, "pretrained_cfg": {"tag": "in1k_ft_products"}"#, false),
    ("vit_tiny_patch16_224", #""num_classes": 1000, "pretrained_cfg": {"input_size": [3, 224, 224]}"#, false),
    ("vit_tiny_patch16_224", #""num_classes": 999, "pretrained_cfg": {"tag": "in1k"}"#, false),
    ("vit_small_patch14_dinov2", #""num_classes": 1000"#, false),
    (
      "vit_mine",
      #""num_classes": 1000, "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1, "#
        + #""num_heads": 2}"#,
      false
    ),
  ])
  func onlyImageNetsModelsHaveItsNames(_ architecture: String, _ more: String, _ isKnown: Bool) throws {
    let c = try timm(architecture, more)
    #expect(c.vocabulary == (isKnown ? .imageNet1k : nil))
    #expect(c.classCount != 1000 || c.label(ofClass: 294) == (isKnown ? "brown bear, bruin, Ursus arctos" : "294"))
    let again = try VisionTransformerConfiguration.read(json: c.timmJSON(), file: "timm")
    #expect(again == c)
  }

  @Test func namesInTheModelComeFirst() throws {
    let own = (0..<1000).map { #""own \#($0)""# }.joined(separator: ", ")
    let c = try timm("vit_tiny_patch16_224", #""num_classes": 1000, "label_names": [\#(own)]"#)
    #expect(c.vocabulary == nil && c.label(ofClass: 294) == "own 294")
  }

  @Test func aHuggingFaceModelOfAThousandClassesIsNotImageNet() throws {
    #expect(try huggingFace(#""num_labels": 1000"#).vocabulary == nil)
  }

  /// timm's `ImageNetInfo('imagenet-1k').label_descriptions()`: their number and some of them, the ends included.
  @Test func namesAreWordNetsInTimmsOrder() {
    let names = ClassVocabulary.imageNet1k.names
    #expect(names.count == 1000 && Set(names).count == 999)
    #expect(names[0] == "tench, Tinca tinca" && names[999] == "toilet tissue, toilet paper, bathroom tissue")
    #expect(names[207] == "golden retriever" && names[134] == "crane" && names[517] == "crane")
  }
}
