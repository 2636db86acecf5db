import MultimodalPathway
import TestSupport
import Testing

/// The advice in errors of binding matches the tensors.
@Suite struct BindingHintTests {
  private func message(
    missing: [String] = [], unexpected: [String] = [], others: [String] = []
  ) -> String {
    let tensors = Dictionary(uniqueKeysWithValues: unexpected.map { ($0, Tensor([1], shape: [1])) })
    var error = ModelWeights.problems(
      of: tensors, expected: missing.map { Parameter(name: $0, shape: [1], role: .bias) })
    error.others = others
    return error.description
  }

  @Test func aHeadIsALinearLayer() {
    #expect(message(unexpected: ["head.bias", "head.weight"]).contains("correct num_classes"))
    for names in [
      ["head.0.num_batches_tracked", "head.0.running_mean", "head.0.running_var", "head.1.bias", "head.1.weight"],
      ["head.bias", "head.weight", "head_dist.weight"],
    ] {
      #expect(!message(unexpected: names).contains("num_classes"))
    }
    #expect(message(unexpected: ["head.0.running_mean"]).contains("batch norms"))
  }

  @Test(arguments: [
    (".weight_g", "weight norm"), (".parametrizations.weight.original0", "parametrized"),
    (".base_layer.weight", "adapters"), (".SCB", "quantized"),
  ])
  func tensorsInAnotherFormAreNotMerelyMissing(_ ending: String, _ words: String) {
    let text = message(missing: ["blocks.0.mlp.fc1.weight"], unexpected: ["blocks.0.mlp.fc1" + ending])
    #expect(text.contains(words), "\(text)")
    #expect(!message(unexpected: ["blocks.0.mlp.fc1" + ending]).contains(words))
  }

  /// If a tensor is missing, a value of its name that is not a tensor is reported.
  @Test func valuesThatAreNotTensorsAreNamed() throws {
    #expect(message(missing: ["a"], others: ["a is a list"]).contains("1 no tensors: a is a list"))
    #expect(!message(unexpected: ["b"], others: ["a is a list"]).contains("a list"))
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("pytorch/others.pth"))
    let configuration = try VisionTransformerConfiguration.preset("vit_tiny_patch16_224")
    let error = #expect(throws: BindingError.self) {
      try ModelWeights(checkpoint: checkpoint, configuration: configuration)
    }
    #expect(error?.others == ["head.bias is a list", "head.weight is None", "scale is a number or a set"])
  }
}
