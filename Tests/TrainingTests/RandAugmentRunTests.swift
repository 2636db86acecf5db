import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import PathwayTraining
import Testing

@Suite struct RandAugmentRunTests {
  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) throws -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch, recipe.erase) = (2, 4, 0.5)
    try recipe.set("rand_augment", to: "rand-m9-mstd0.5-inc1")
    change(&recipe)
    return recipe
  }

  private func trainer(
    _ root: URL, _ recipe: Recipe, _ weights: PathwayWeights? = nil, threads: Int = 2
  ) throws -> Trainer {
    if !FileManager.default.fileExists(atPath: root.path) { try Models.writePictures(in: root, count: 6, seed: 1) }
    let folders = try ClassFolders(
      root.path, PictureFrontEnd(try ImagePreprocessor(.usual(for: Models.configuration))))
    return try Trainer(
      weights ?? Models.joined(scale: 0), on: folders, in: root.path, recipe: recipe, engine: Engine(threads: threads))
  }

  private func contents(_ run: URL) throws -> [Data] {
    try ["checkpoint.safetensors", "log.jsonl", "recipe.yaml", "model/model.safetensors"].map {
      try Data(contentsOf: run.appendingPathComponent($0))
    }
  }

  @Test func picturesAreCroppedThenChangedThenErased() throws {
    try Models.withFolder { folder in
      try Models.writePictures(in: folder, count: 3, seed: 1)
      var preprocessing = ImagePreprocessing(
        size: Extent(square: 16), geometry: .timm(cropFraction: 0.9, mode: .center), filter: .bilinear,
        mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
      let folders = try ClassFolders(folder.path, PictureFrontEnd(try ImagePreprocessor(preprocessing)))
      let recipe = try recipe { $0.randAugment?.probability = 1 }
      let randAugment = try #require(recipe.randAugment)
      let samples = try PictureSamples(folders, preprocessing, recipe)
      let order = try SampleOrder(count: 6, batch: 2, accumulate: 1, seed: 4)
      let reader = try BatchReader(samples, order, seed: 4, passes: 0..<1, threads: 2)
      let found = try withExtendedLifetime(reader) {
        Array(UnsafeBufferPointer(start: try reader.next().values, count: 2 * 3 * 16 * 16))
      }
      preprocessing.geometry = .huggingFace(.none, crops: false)
      let numbers = try ImagePreprocessor(preprocessing)
      let crop = PictureAugmentation(size: preprocessing.size, filter: .bilinear)
      var expected: [Float] = []
      for place in 0..<2 {
        var random = RandomStream(seed: 4, epoch: 0, place: place, .augmentation)
        let file = URL(fileURLWithPath: folders.paths[order(epoch: 0)[place]])
        let cropped = try crop(ImageFile.read(file) { _ in }, &random)
        let sampling = PictureSampling(isCubic: false, fill: [128, 128, 128])
        let changed = try randAugment(cropped, sampling, &random)
        #expect(changed != cropped)
        var values = try numbers(changed).float32()
        values.withUnsafeMutableBufferPointer { RandomErasing(probability: 0.5)($0, size: preprocessing.size, &random) }
        expected += values
      }
      #expect(found == expected)
    }
  }

  @Test func aResumedRunHasTheBitsOfOneThatWasNotStopped() throws {
    try Models.withFolder { folder in
      let (data, recipe) = (folder.appendingPathComponent("data"), try recipe())
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(data, recipe).run(in: whole)
      let first = try trainer(data, recipe)
      #expect(try first.run(in: parts, shouldStop: { first.step == 4 }) == .stopped(step: 4))
      #expect(try trainer(data, recipe).run(in: parts, resuming: true) == .finished)
      #expect(try contents(whole) == contents(parts))
    }
  }

  @Test func anyNumberOfThreadsGivesTheSameRun() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let runs = try [1, 3].map { threads in
        let run = folder.appendingPathComponent("run\(threads)")
        try trainer(data, recipe(), threads: threads).run(in: run)
        return try contents(run)
      }
      #expect(runs[0] == runs[1])
    }
  }

  @Test func aRunIsAnotherThanOneWithout() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let losses = try [recipe(), recipe { $0.randAugment = nil }].enumerated().map { index, recipe in
        var losses: [Double] = []
        try trainer(data, recipe).run(in: folder.appendingPathComponent("\(index)")) { event in
          if case .step(_, let loss, _) = event { losses.append(loss) }
        }
        return losses
      }
      #expect(losses[0].count == losses[1].count && losses[0] != losses[1])
    }
  }

  @Test func modelsOfOtherInputsAreRefused() throws {
    try Models.withFolder { folder in
      var c = Models.configuration
      (c.input, c.channels) = (.audio(.audioSet), 1)
      let weights = PathwayWeights(try .random(c, seed: 1))
      #expect(
        throws: TrainingError.notApplicable(
          key: "rand_augment", found: "rand-m9-mstd0.5-inc1", modality: "audio", standard: "none", applies: ["image"])
      ) { try trainer(folder.appendingPathComponent("data"), recipe(), weights) }
    }
  }

  @Test func picturesThatAreNotCroppedAreRefused() throws {
    try Models.withFolder { folder in
      #expect(
        throws: TrainingError.noEffect(
          key: "rand_augment", found: "rand-m9-mstd0.5-inc1", other: "augmentation", otherFound: "none", needed: "crop",
          standard: "none")
      ) { try trainer(folder.appendingPathComponent("data"), recipe { $0.augmentation = .none }) }
    }
  }
}
