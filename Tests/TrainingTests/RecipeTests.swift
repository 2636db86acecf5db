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
      "cutmix": "1", "seed": "9", "frequency_mask": "0.25", "time_mask": "0.125", "noise": "0.1", "resample": "true",
      "channel": "2", "repeat": "4", "task": "multi_label", "rand_augment": "rand-m9-mstd0.5-inc1",
    ]
    #expect(Set(settings.keys) == Set(Recipe.keys))
    for (key, value) in settings { try recipe.set(key, to: value) }
    for (key, own, other) in recipe.differences(from: Recipe()) {
      #expect(own != other, "\(key)")
    }
    #expect(recipe.differences(from: Recipe()).count == settings.count)
    #expect(try Recipe(yaml: recipe.yaml, file: "r") == recipe)
  }

  /// Recipes of pictures have the text that they had before other modalities were trained.
  @Test func keysOfOtherModalitiesAreWrittenWithOtherValuesAlone() throws {
    var recipe = Recipe()
    #expect(recipe.yaml.split(separator: "\n").count == 24 && !recipe.yaml.contains("noise"))
    recipe.noise = 0.5
    #expect(recipe.yaml.contains("\nnoise: 0.5\n"))
  }

  @Test func aKeyIsForItsModalitiesAlone() throws {
    var recipe = Recipe()
    recipe.flip = 0
    for modality in [Modality.image, .video] { try recipe.check(for: modality) }
    for modality in [Modality.audio, .points] {
      #expect(
        throws: TrainingError.notApplicable(
          key: "flip", found: "0.0", modality: modality.rawValue, standard: "0.5", applies: ["image", "video"])
      ) { try recipe.check(for: modality) }
    }
  }

  @Test(arguments: [
    ("crop_scale", "0.3", "augmentation", "crop", "0.08", "1"), ("flip", "0.2", "augmentation", "crop", "0.5", "0"),
    ("momentum", "0.8", "optimizer", "sgd", "0.9", "0"),
  ])
  func aKeyWithoutAnEffectIsRefused(
    _ key: String, _ value: String, _ other: String, _ needed: String, _ standard: String, _ idle: String
  ) throws {
    let otherValue = other == "optimizer" ? "adamw" : "none"
    var recipe = Recipe()
    try recipe.set(other, to: otherValue)
    try recipe.check(for: .image)
    try recipe.set(key, to: value)
    #expect(
      throws: TrainingError.noEffect(
        key: key, found: value, other: other, otherFound: otherValue, needed: needed, standard: standard)
    ) { try recipe.check(for: .image) }
    try recipe.set(key, to: idle)
    try recipe.check(for: .image)
    try recipe.set(key, to: value)
    try recipe.set(other, to: needed)
    try recipe.check(for: .image)
  }

  @Test func namedRecipesAreForTheirModality() throws {
    let modalities = [
      "imagenet": Modality.image, "audioset": .audio, "kinetics": .video, "modelnet": .points, "shapenetpart": .points,
    ]
    #expect(Set(modalities.keys) == Set(Recipe.names))
    for (name, modality) in modalities {
      let recipe = try Recipe(named: name)
      try recipe.check(for: modality)
      #expect(try Recipe(yaml: recipe.yaml, file: name) == recipe)
    }
  }

  /// The numbers that the paper states.
  @Test func namedRecipesHaveThePapersNumbers() throws {
    let pictures = try Recipe(named: "imagenet")
    #expect(pictures.learningRate == 2e-3 && pictures.batch * pictures.accumulate == 1024 && pictures.epochs == 100)
    #expect(pictures.layerDecay == 0.65 && pictures.dropPath == 0.1 && pictures.mixup == 0.8 && pictures.cutmix == 1)
    let sound = try Recipe(named: "audioset")
    #expect(sound.epochs == 60 && sound.warmupEpochs == 4 && sound.learningRate == 1e-3 && sound.task == .multiLabel)
    let videos = try Recipe(named: "kinetics")
    #expect(videos.epochs == 90 && videos.learningRate == 7e-4 && videos.batch * videos.accumulate == 256)
    let parts = try Recipe(named: "shapenetpart")
    #expect(parts.learningRate == 2e-4 && parts.batch == 16 && parts.clip == 10 && parts.epochs == 300)
    #expect(try Recipe(named: "modelnet").learningRate == 5e-4)
  }

  @Test func anUnknownNameListsTheKnown() {
    #expect(throws: TrainingError.unknownRecipe(found: "coco", known: Recipe.names)) { try Recipe(named: "coco") }
  }

  @Test func unknownKeysAreNamed() {
    #expect(throws: TrainingError.unknownKey(found: "epoch", known: Recipe.keys)) {
      try Recipe(yaml: "epoch: 3", file: "r")
    }
  }

  @Test(arguments: [
    ("epochs", "0"), ("batch", "1.5"), ("learning_rate", "-1"), ("learning_rate", "nan"), ("freeze", "all"),
    ("precision", "int8"), ("resample", "yes"), ("repeat", "0"), ("time_mask", "1.5"), ("task", "regression"),
    ("image_size", "0"), ("seed", "-1"), ("layer_decay", "0"), ("drop_path", "1"), ("ema", "1"),
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

  /// What the parser would take unbounded time or stack for.
  private static let hostile = [
    String(repeating: "[", count: 60_000), String(repeating: "- ", count: 30_000),
    String(repeating: "{a: ", count: 15_000), String(repeating: "? ", count: 30_000),
    "epochs: 3 #" + String(repeating: "x", count: 1 << 16), "e" + String(repeating: "\u{301}", count: 30_000) + ": 1",
    // Each level repeats the one before it four times, in keys, which are compared.
    "? &a0 [x, x]\n: 1\n"
      + (1..<40).map { "? &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 4).joined(separator: ", "))]\n: 1\n" }
      .joined(),
  ]

  @Test(arguments: ["- 1\n- 2\n", "epochs: [1, 2]\n", "epochs: 1\nepochs: 2\n", "a: 'b\n"] + hostile)
  func whatIsNoRecipeIsRefused(_ text: String) {
    #expect {
      _ = try Recipe(yaml: text, file: "r.yaml")
    } throws: { error in
      guard case TrainingError.badRecipe("r.yaml", _) = error else { return false }
      return true
    }
  }

  @Test func aRecipeOfAsManyLevelsAsAllowedIsParsed() {
    #expect(throws: TrainingError.badRecipe(file: "r.yaml", reason: "it is no mapping of keys to values")) {
      try Recipe(yaml: String(repeating: "[", count: 256) + String(repeating: "]", count: 256), file: "r.yaml")
    }
  }

  @Test func aDeviceIsNoRecipe() {
    #expect(throws: TrainingError.badRecipe(file: "/dev/zero", reason: "it has more than 65536 bytes")) {
      try Recipe(contentsOf: URL(fileURLWithPath: "/dev/zero"))
    }
  }
}
