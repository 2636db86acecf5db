import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// timm's recipes by architecture and tag against timm itself (Tests/Fixtures/model/make_recipes.py).
@Suite struct TimmRecipeTests {
  private struct Recipe: Decodable {
    let tag: String
    let input_size: [Int]
    let mean: [Double]
    let std: [Double]
    let crop_pct: Double
    let crop_mode: String
    let interpolation: String
    let num_classes: Int

    func preprocessing() throws -> ImagePreprocessing {
      ImagePreprocessing(
        size: Extent(height: input_size[1], width: input_size[2]),
        geometry: .timm(cropFraction: crop_pct, mode: try #require(.init(rawValue: crop_mode))),
        filter: try #require(.init(rawValue: interpolation)), mean: mean.map { Float($0) }, std: std.map { Float($0) })
    }
  }

  private let timm: [String: [Recipe]]

  init() throws {
    timm = try JSONDecoder().decode(
      [String: [Recipe]].self, from: Data(contentsOf: Fixture.url("model/recipes.json")))
  }

  @Test func tableIsTimms() throws {
    #expect(Set(TimmRecipe.all.keys) == Set(timm.keys) && timm.count == 179)
    for (name, recipes) in timm {
      let own = try #require(TimmRecipe.all[name])
      #expect(own.map(\.tag) == recipes.map(\.tag), "\(name)")
      for (found, expected) in zip(own, recipes) {
        #expect(try found.preprocessing == expected.preprocessing(), "\(name).\(expected.tag)")
        #expect(found.classCount == expected.num_classes, "\(name).\(expected.tag)")
        try found.preprocessing.validate()
      }
    }
  }

  /// The recipe of a lone file: for NAME.TAG that of the tag, for NAME that of timm's default tag.
  @Test func everyKnownArchitectureHasTheRecipeOfItsTag() throws {
    var tags = 0
    for name in VisionTransformerConfiguration.architectures {
      let recipes = try #require(timm[name], "\(name)")
      #expect(try ImagePreprocessing.usual(for: .preset(name)) == recipes[0].preprocessing(), "\(name)")
      for recipe in recipes {
        let c = try VisionTransformerConfiguration.preset("\(name).\(recipe.tag)")
        #expect(try ImagePreprocessing.usual(for: c) == recipe.preprocessing(), "\(name).\(recipe.tag)")
        #expect(c.classCount == recipe.num_classes && c.tag == recipe.tag && c.architecture == name)
        #expect(try VisionTransformerConfiguration.read(json: c.timmJSON(), file: "config.json") == c)
        #expect(try ImagePreprocessing.timm(json: c.timmJSON()) == recipe.preprocessing())
        tags += 1
      }
    }
    #expect(tags >= 186)
  }

  @Test func unknownTagsNameTheKnown() {
    let error = #expect(throws: ConfigurationError.self) {
      try VisionTransformerConfiguration.preset("vit_base_patch16_224.maee")
    }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains("'maee'") && message.contains("augreg2_in21k_ft_in1k, ") && message.contains(", mae"))
    for name in ["point_mae_modelnet40.x", "vit_base_patch16_audiomae.as2m", "vit_base_patch16_224."] {
      #expect(throws: ConfigurationError.self) { try VisionTransformerConfiguration.preset(name) }
    }
    // Directories are self-describing, and their weights may have any names.
    let own = #"{"architecture": "vit_tiny_patch16_224.my_weights"}"#
    #expect(throws: Never.self) { try VisionTransformerConfiguration.read(json: Data(own.utf8), file: "config.json") }
  }
}
