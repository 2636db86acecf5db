import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Recipes by tag, and options that override the recipe of a model, in every command that reads a picture.
@Suite struct RecipeOptionTests {
  private let picture = Fixture.url("images/cat.jpg").path
  private let options = [
    "--mean", "0.1,0.2,0.3", "--std", "0.4", "--crop-pct", "0.5", "--crop-mode", "squash", "--interpolation", "box",
  ]
  private let recipe = ImagePreprocessing(
    size: Extent(square: 32), geometry: .timm(cropFraction: 0.5, mode: .squash), filter: .box, mean: [0.1, 0.2, 0.3],
    std: [0.4, 0.4, 0.4])

  /// A model, and the same model with the options in its configuration.
  private func withBoth(_ body: (_ folder: URL, _ plain: String, _ stated: String) throws -> Void) throws {
    try Tool.withModels { folder in
      let (plain, stated) = (folder.appendingPathComponent("target"), folder.appendingPathComponent("stated"))
      try FileManager.default.copyItem(at: plain, to: stated)
      try VisionTransformerConfiguration.read(plain.appendingPathComponent("config.json")).write(
        toDirectory: stated, preprocessing: recipe)
      try body(folder, plain.path, stated.path)
    }
  }

  private func output(_ arguments: [String]) throws -> String {
    let run = try Tool.run(arguments)
    try #require(run.status == 0, "\(arguments): \(run.errors)")
    return run.output
  }

  @Test func classifyAttentionAndCalibrateTakeThem() throws {
    try withBoth { _, plain, stated in
      for command in ["classify", "attention", "calibrate"] {
        func answer(_ model: String, _ more: [String]) throws -> String {
          try output([command, "--model", model, "--json", picture] + more)
        }
        let asked = try answer(plain, options)
        #expect(try asked == answer(stated, []), "\(command)")
        #expect(try asked != answer(plain, []), "\(command)")
      }
    }
  }

  @Test func featuresTakeThem() throws {
    try withBoth { folder, plain, stated in
      func features(_ model: String, _ more: [String]) throws -> [Float]? {
        let file = folder.appendingPathComponent("features.safetensors")
        _ = try output(["features", "--model", model, picture, "--output", file.path] + more)
        return try Checkpoint(contentsOf: file).tensors["features"]?.float32()
      }
      let asked = try features(plain, options)
      #expect(try asked == features(stated, []) && asked != features(plain, []))
    }
  }

  @Test func verifyTakesThemAndMergeWritesThem() throws {
    try withBoth { folder, plain, stated in
      let join = ["--auxiliary", folder.appendingPathComponent("auxiliary.safetensors").path, "--scale", "0.1"]
      func verdict(_ model: String, _ more: [String]) throws -> String {
        try output(["verify", "--target", model, "--input", picture, "--json"] + join + more)
      }
      let asked = try verdict(plain, options)
      #expect(try asked == verdict(stated, []) && asked != verdict(plain, []))
      let merged = folder.appendingPathComponent("merged.safetensors")
      _ = try output(["merge", "--target", plain, "--output", merged.path] + join + options)
      #expect(try ImagePreprocessing.read(modelAt: merged) == recipe)
      _ = try output(["merge", "--target", stated, "--output", merged.path] + join)
      #expect(try ImagePreprocessing.read(modelAt: merged) == recipe)
    }
  }

  @Test func convertAndProbeWriteThem() throws {
    try withBoth { folder, plain, _ in
      let converted = folder.appendingPathComponent("converted")
      _ = try output(["convert", plain, converted.path] + options)
      #expect(try ImagePreprocessing.read(modelAt: converted) == recipe)
      let train = folder.appendingPathComponent("train")
      for (name, files) in [("cat", ["cat.jpg", "coffee.jpg"]), ("other", ["rocket.jpg", "astronaut.png"])] {
        let own = train.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
        for file in files {
          try FileManager.default.copyItem(at: Fixture.url("images/\(file)"), to: own.appendingPathComponent(file))
        }
      }
      let probed = folder.appendingPathComponent("probed")
      _ = try output(
        ["probe", "--model", plain, "--train", train.path, "--output", probed.path, "--folds", "2"] + options)
      #expect(try ImagePreprocessing.read(modelAt: probed) == recipe)
    }
  }

  @Test func benchTakesThem() throws {
    try withBoth { _, plain, _ in
      _ = try output(["bench", "--model", plain, "--input", picture, "--runs", "1"] + options)
      // An impossible recipe reaches the preprocessor here too.
      let run = try Tool.run(["bench", "--model", plain, "--input", picture, "--runs", "1", "--mean", "123.675"])
      #expect(run.status == 1 && run.errors.contains("'mean' is"), "\(run.errors)")
    }
  }

  @Test(arguments: [
    (["--crop-pct", "95"], "--crop-pct"), (["--crop-pct", "-1"], "--crop-pct"), (["--crop-pct", "nan"], "--crop-pct"),
    (["--std", "0"], "--std"), (["--std", "-0.5"], "--std"), (["--std", "0.5,0.5"], "--std"),
    (["--std", "inf"], "--std"), (["--mean", "a"], "--mean"), (["--mean", "0.5,,0.5"], "--mean"),
    (["--mean", "nan"], "--mean"), (["--interpolation", "hamming"], "--interpolation"),
    (["--crop-mode", "middle"], "--crop-mode"), (["--sampling", "dense"], "--sampling"),
    (["--points", "0"], "--points"),
    (["--groups", "-3"], "--groups"),
  ])
  func impossibleOptionsAreNamed(_ arguments: [String], _ name: String) throws {
    let run = try Tool.run(["classify", "--model", "none", picture] + arguments)
    #expect(run.status == 64 && run.errors.contains(name), "\(run.errors)")
  }

  @Test(arguments: [
    (["--mean", "123.675,116.28,103.53"], "'mean' is"), (["--std", "58.4"], "'std' is"),
    (["--sampling", "uniform"], "of videos; the model is for image"), (["--points", "100"], "of points"),
    (["--groups", "10"], "of points"),
  ])
  func optionsThatDoNotFitTheModelAreRefused(_ arguments: [String], _ words: String) throws {
    try Tool.withModels { folder in
      let target = folder.appendingPathComponent("target").path
      for command in [["classify", "--model", target, picture], ["convert", target, folder.path + "/out"]] {
        let run = try Tool.run(command + arguments)
        #expect(run.status == 1 && run.errors.contains(words), "\(run.errors)")
      }
    }
  }

  /// vit_small_patch16_224's default weights have mean 0.5 and crop 0.9; DINO's have ImageNet's numbers.
  @Test func aLoneFileTakesItsTagsRecipe() throws {
    try Tool.withFolder { folder in
      let file = folder.appendingPathComponent("lone.safetensors")
      var c = try VisionTransformerConfiguration.preset("vit_small_patch16_224")
      c.classCount = 0
      let weights = try ModelWeights.random(c, seed: 1)
      try Checkpoint(tensors: weights.tensors).write(to: file)
      let model = try VisionTransformer(weights, engine: Engine())
      let pixels = try ImageFile.read(URL(fileURLWithPath: picture))
      let half: [Float] = [0.5, 0.5, 0.5]
      for (name, mean, std) in [
        ("vit_small_patch16_224", half, half), ("vit_small_patch16_224.augreg_in1k", half, half),
        ("vit_small_patch16_224.dino", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
      ] {
        let output = folder.appendingPathComponent("features.safetensors")
        let run = try Tool.run([
          "features", "--model", file.path, "--architecture", name, picture, "--output", output.path,
        ])
        #expect(run.status == 0 && !run.errors.contains("note:"), "\(run.errors)")
        let recipe = ImagePreprocessing(
          size: Extent(square: 224), geometry: .timm(cropFraction: 0.9, mode: .center), filter: .bicubic, mean: mean,
          std: std)
        let expected = try model.forward(ImagePreprocessor(recipe)([pixels])).pooled.float32()
        #expect(try Checkpoint(contentsOf: output).tensors["pooled"]?.float32() == expected, "\(name)")
      }
      let run = try Tool.run(["classify", "--model", file.path, "--architecture", "vit_small_patch16_224.mae", picture])
      #expect(run.status == 1 && run.errors.contains("known tags: augreg_in21k_ft_in1k, "), "\(run.errors)")
      // The recipe of a config.json is kept; a note says that the recipe of the tag is not used.
      try c.write(toDirectory: folder, preprocessing: self.recipe)
      let named = try ModelWeights(modelAt: file, architecture: "vit_small_patch16_224.dino")
      #expect(named.preprocessing == self.recipe.settingSize(Extent(square: 224)))
      #expect(named.notes.contains { $0.contains("not as timm does for the tag dino") }, "\(named.notes)")
      let converted = folder.appendingPathComponent("converted")
      _ = try output(["convert", file.path, converted.path, "--architecture", "vit_small_patch16_224"])
      #expect(try ImagePreprocessing.read(modelAt: converted) == self.recipe.settingSize(Extent(square: 224)))
    }
  }

  /// If configuration and processor disagree, one note says which size is used.
  @Test func theUsedSizeGivesOneNote() throws {
    try Tool.withFolder { folder in
      let golden = try Checkpoint(contentsOf: Fixture.url("model/size_dinov2.safetensors"))
      for name in ["config.json", "preprocessor_config.json"] {
        try Data(golden.metadata[name]!.utf8).write(to: folder.appendingPathComponent(name))
      }
      let weights = golden.tensors.filter { $0.key.hasPrefix("weights.") }
      try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: weights.map { (String($0.key.dropFirst(8)), $0.value) }))
        .write(to: folder.appendingPathComponent("model.safetensors"))
      let file = folder.appendingPathComponent("features.safetensors")
      let cases: [([String], Int, Int)] = [
        ([], 257, 1), (["--image-size", "518"], 1370, 0), (["--image-size", "28"], 5, 0),
      ]
      for (arguments, tokens, notes) in cases {
        let run = try Tool.run(["features", "--model", folder.path, picture, "--output", file.path] + arguments)
        #expect(run.status == 0 && run.output.contains("features [1, \(tokens), 16]"), "\(run.output)\(run.errors)")
        let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("note:") }
        #expect(lines.count == notes && lines.allSatisfy { $0.contains("it runs at 224 x 224") }, "\(run.errors)")
      }
      let out = folder.appendingPathComponent("out")
      _ = try output(["convert", folder.path, out.path])
      let written = try VisionTransformerConfiguration.read(out.appendingPathComponent("config.json"))
      #expect(written.imageSize == Extent(square: 224))
      func features(_ model: URL) throws -> [Float]? {
        _ = try output(["features", "--model", model.path, picture, "--output", file.path])
        return try Checkpoint(contentsOf: file).tensors["features"]?.float32()
      }
      #expect(try features(out) == features(folder))
    }
  }

  @Test func aVideosSamplingIsAnOption() throws {
    try Tool.withFolder { folder in
      let model = try VideoToolTests.makeModel(in: folder)
      let clip = Fixture.url("video/h264.mp4")
      let weights = try ModelWeights(modelAt: URL(fileURLWithPath: model))
      func logits(_ rule: VideoSampling.Rule) throws -> [Float] {
        let sampling = VideoSampling(frames: 4, rate: 2, rule: rule)
        let views = try VideoFile(clip).clips(
          VideoPreprocessor(.videoMAE(size: Extent(square: 16)), sampling: sampling)
        ).tensor()
        return try VisionTransformer(weights, engine: Engine())(views).float32()
      }
      struct Answer: Decodable {
        struct Class: Decodable {
          var index: Int
          var logit: Float
        }
        var classes: [Class]
      }
      func answer(_ model: String, _ more: [String]) throws -> [Float] {
        let text = try output(["classify", "--model", model, "--json", clip.path] + more)
        let answers = try JSONDecoder().decode([Answer].self, from: Data(text.utf8))
        return answers[0].classes.sorted { $0.index < $1.index }.map(\.logit)
      }
      #expect(try answer(model, []) == logits(.strided))
      #expect(try answer(model, ["--sampling", "uniform"]) == logits(.uniform))
      #expect(try logits(.uniform) != logits(.strided))
      let converted = folder.appendingPathComponent("converted").path
      _ = try output(["convert", model, converted, "--sampling", "uniform"])
      #expect(try answer(converted, []) == logits(.uniform))
    }
  }
}
