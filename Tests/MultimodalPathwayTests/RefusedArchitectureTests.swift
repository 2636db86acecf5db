import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// timm's architectures that this engine does not run, by the missing feature
/// (Tests/Fixtures/model/architectures_refused.json).
@Suite struct RefusedArchitectureTests {
  static let forms = ["%", "%.600ep_in1k", "timm/%", "hf_hub:timm/%.600ep_in1k", "hf-hub:timm/%"]

  @Test func everyRefusedNameNamesTheMissingFeature() throws {
    let data = try Data(contentsOf: Fixture.url("model/architectures_refused.json"))
    let refused = try JSONDecoder().decode([String: [String]].self, from: data)
    #expect(refused.count > 130 && refused["vit_base_patch16_clip_quickgelu_224"] == ["QuickGELU"])
    for (name, features) in refused {
      let error = ConfigurationError.lacking(architecture: name, features: features.joined(separator: ", "))
      for form in Self.forms {
        let written = form.replacingOccurrences(of: "%", with: name)
        #expect(throws: error, "\(written)") { try VisionTransformerConfiguration.preset(written) }
        // With all sizes in model_args it is still timm's architecture, not a custom one.
        let text = """
          {"architecture": "\(written)", "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1,
           "num_heads": 2, "act_layer": "gelu", "norm_layer": "layernorm"}}
          """
        #expect(throws: error, "\(written)") {
          try VisionTransformerConfiguration.read(json: Data(text.utf8), file: "config.json")
        }
      }
    }
  }

  @Test(arguments: ["vit_mine_quickgelu_224", "vit_relpos_mine", "vit_mine_swiglu.tag"])
  func customNamesWithAnUnsupportedFeatureAreRefused(_ name: String) throws {
    let text = """
      {"architecture": "\(name)", "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 1,
       "num_heads": 2}}
      """
    do {
      _ = try VisionTransformerConfiguration.read(json: Data(text.utf8), file: "config.json")
      Issue.record("accepted")
    } catch ConfigurationError.lacking(let architecture, _) {
      #expect(architecture == name)
    }
  }

  @Test(arguments: forms)
  func namesAreKnownWithTimmsPrefixesAndTags(_ form: String) throws {
    let name = form.replacingOccurrences(of: "%", with: "flexivit_small")
    let tag = form.hasSuffix(".600ep_in1k") ? ".600ep_in1k" : ""
    #expect(try VisionTransformerConfiguration.preset(name) == .preset("flexivit_small" + tag))
  }

  @Test func namesOfOlderTimmAreThoseOfToday() throws {
    let clip = try VisionTransformerConfiguration.preset("vit_huge_patch14_clip_224.laion2b")
    #expect(try VisionTransformerConfiguration.preset("vit_huge_patch14_224_clip_laion2b") == clip)
    #expect(
      throws: ConfigurationError.lacking(
        architecture: "vit_base_r50_s16_384", features: "a convolutional stem (HybridEmbed), the norm GroupNormAct")
    ) { try VisionTransformerConfiguration.preset("vit_base_resnet50_384") }
  }

  @Test func anotherOwnersRepositoryIsNotTimms() {
    let name = "hf_hub:me/vit_tiny_patch16_224"
    #expect(throws: ConfigurationError.self) { try VisionTransformerConfiguration.preset(name) }
  }
}
