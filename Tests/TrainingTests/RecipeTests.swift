import Foundation
import MultimodalPathway
import PathwayTraining
import Testing

@Suite struct RecipeTests {
  @Test func readsYAML() throws {
    let recipe = try Recipe(
      yaml: "epochs: 3   # few\nlearning_rate: 5e-4\nfreeze: linear\nimage_size: 32x48\nseed: 18446744073709551615\n",
      file: "r.yaml")
    #expect(recipe.epochs == 3 && recipe.learningRate == 5e-4 && recipe.freeze == .linear)
    #expect(recipe.imageSize == Extent(height: 32, width: 48) && recipe.seed == .max)
    #expect(recipe.batch == Recipe().batch)
  }

  @Test func anEmptyFileIsTheDefaults() throws {
    #expect(try Recipe(yaml: "# nothing\n", file: "r") == Recipe())
  }

  @Test func writtenYAMLReadsBackEqual() throws {
    var recipe = Recipe()
    let settings = [
      "epochs": "7", "batch": "3", "accumulate": "5", "precision": "bfloat16", "optimizer": "sgd",
      "learning_rate": "0.1", "lambda_rate": "12.5",
      "weight_decay": "0.3", "layer_decay": "0.65", "momentum": "0.8", "warmup_epochs": "0.25", "clip": "1",
      "image_size": "32x16", "freeze": "auxiliary", "label_smoothing": "0.1", "drop_path": "0.2", "ema": "0.99",
      "augmentation": "none", "crop_scale": "0.5", "flip": "0", "erase": "0.25", "mixup": "0.8",
      "cutmix": "1", "seed": "9",
    ]
    #expect(Set(settings.keys) == Set(Recipe.keys))
    for (key, value) in settings { try recipe.set(key, to: value) }
    for (key, own, other) in recipe.differences(from: Recipe()) {
      #expect(own != other, "\(key)")
    }
    #expect(recipe.differences(from: Recipe()).count == settings.count)
    #expect(try Recipe(yaml: recipe.yaml, file: "r") == recipe)
  }

  @Test func unknownKeysAreNamed() {
    #expect(throws: TrainingError.unknownKey(found: "epoch", known: Recipe.keys)) {
      try Recipe(yaml: "epoch: 3", file: "r")
    }
  }

  @Test(arguments: [
    ("epochs", "0"), ("batch", "1.5"), ("learning_rate", "-1"), ("learning_rate", "nan"), ("freeze", "all"),
    ("precision", "int8"), ("image_size", "0"), ("seed", "-1"), ("layer_decay", "0"), ("drop_path", "1"), ("ema", "1"),
  ])
  func valuesOutsideTheirRangeAreRefused(_ key: String, _ value: String) throws {
    var recipe = Recipe()
    #expect {
      try recipe.set(key, to: value)
    } throws: { error in
      guard case TrainingError.badSetting(key, value, _) = error else { return false }
      return true
    }
    #expect(recipe == Recipe())
  }

  @Test(arguments: ["- 1\n- 2\n", "epochs: [1, 2]\n", "epochs: 1\nepochs: 2\n", "a: 'b\n"])
  func whatIsNoRecipeIsRefused(_ text: String) {
    #expect {
      _ = try Recipe(yaml: text, file: "r.yaml")
    } throws: { error in
      guard case TrainingError.badRecipe("r.yaml", _) = error else { return false }
      return true
    }
  }
}
