import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import Testing

@Suite struct TrainerErrorTests {
  private func folders(_ folder: URL, classes: [String] = ["a", "b"], count: Int = 4) throws -> ClassFolders {
    try Models.writePictures(in: folder, count: count, seed: 1, classes: classes)
    return try ClassFolders(folder.path, PictureFrontEnd(try ImagePreprocessor(.usual(for: Models.configuration))))
  }

  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch) = (2, 4)
    change(&recipe)
    return recipe
  }

  private func trainer(_ folders: ClassFolders, _ root: URL, _ recipe: Recipe) throws -> Trainer {
    try Trainer(
      Models.joined(scale: 0), on: folders, in: root.path, recipe: recipe, engine: Engine(threads: 2))
  }

  @Test func oneClassIsTooFew() throws {
    try Models.withFolder { folder in
      let folders = try folders(folder, classes: ["a"])
      #expect(throws: TrainingError.tooFewClasses(found: 1)) { try trainer(folders, folder, recipe()) }
    }
  }

  @Test func anEmptyClassIsNamed() throws {
    try Models.withFolder { folder in
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("c"), withIntermediateDirectories: true)
      #expect {
        _ = try folders(folder)
      } throws: { error in
        guard case DataError.noFiles(let directory, _) = error else { return false }
        return directory.hasSuffix("/c")
      }
    }
  }

  @Test func aBatchLargerThanTheDataIsRefused() throws {
    try Models.withFolder { folder in
      let folders = try folders(folder)
      #expect(throws: TrainingError.tooFewFiles(found: 8, batch: 3, accumulate: 3)) {
        try trainer(folders, folder, recipe { ($0.batch, $0.accumulate) = (3, 3) })
      }
    }
  }

  @Test func modelsWithAPoolerAreRefused() throws {
    try Models.withFolder { folder in
      let folders = try folders(folder)
      var c = Models.configuration
      c.head = .pooler(width: 8)
      #expect(
        throws: TrainingError.unsupported(feature: "a pooler", expected: "a linear head of pooled tokens")
      ) {
        try Trainer(
          PathwayWeights(.random(c, seed: 1)), on: folders, in: folder.path, recipe: recipe(),
          engine: Engine(threads: 1))
      }
    }
  }

  @Test func aBatchOfOneIsRefusedWhereNormsAreOverInputs() throws {
    try Models.withFolder { folder in
      let files = try Models.writeClouds(in: folder, count: 2)
      #expect(
        throws: TrainingError.badSetting(
          key: "batch", found: "1", expected: "2 or more, over which the head's batch norms have a variance")
      ) {
        try Trainer(
          PathwayWeights(.random(Models.points, seed: 1)), on: files, in: folder.path,
          recipe: recipe { $0.batch = 1 }, engine: Engine(threads: 1))
      }
    }
  }

  @Test func aRegressionIsRefused() throws {
    try Models.withFolder { folder in
      let folders = try folders(folder)
      var c = Models.configuration
      c.task = .regression
      let error = TrainingError.unsupported(
        feature: "the task regression", expected: "a model that answers with classes, or has no head")
      #expect(throws: error) {
        try Trainer(
          PathwayWeights(.random(c, seed: 1)), on: folders, in: folder.path, recipe: recipe(),
          engine: Engine(threads: 1))
      }
    }
  }

  @Test(arguments: [("noise", "0.1"), ("resample", "true"), ("repeat", "2"), ("time_mask", "0.5")])
  func keysOfOtherModalitiesAreRefused(_ key: String, _ value: String) throws {
    try Models.withFolder { folder in
      let folders = try folders(folder)
      #expect {
        var recipe = recipe()
        try recipe.set(key, to: value)
        _ = try trainer(folders, folder, recipe)
      } throws: { error in
        guard case TrainingError.notApplicable(key, value, "image", _, _) = error else { return false }
        return true
      }
    }
  }

  @Test func aRunIsNotOverwritten() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let folders = try folders(data)
      let run = folder.appendingPathComponent("run")
      try trainer(folders, data, recipe()).run(in: run)
      #expect(throws: TrainingError.occupied(directory: run.path, found: "a run")) {
        try trainer(folders, data, recipe()).run(in: run)
      }
      #expect(throws: TrainingError.occupied(directory: data.path, found: "'a'")) {
        try Trainer.check(data, resuming: false)
      }
      #expect(throws: TrainingError.nothingToResume(directory: data.path)) {
        try Trainer.check(data, resuming: true)
      }
    }
  }

  @Test func anotherRecipeIsRefusedWithItsDifferences() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let folders = try folders(data)
      let run = folder.appendingPathComponent("run")
      try trainer(folders, data, recipe()).run(in: run)
      let differences = ["epochs is 3, the run has 2", "seed is 1, the run has 0"]
      #expect(throws: TrainingError.otherRecipe(differences: differences)) {
        try trainer(folders, data, recipe { ($0.epochs, $0.seed) = (3, 1) }).run(in: run, resuming: true)
      }
      #expect(try Trainer.recipe(ofRunIn: run) == recipe())
    }
  }

  @Test func anotherPrecisionIsRefused() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let folders = try folders(data)
      let run = folder.appendingPathComponent("run")
      try trainer(folders, data, recipe { ($0.epochs, $0.precision) = (1, .bfloat16) }).run(in: run)
      let differences = ["precision is float32, the run has bfloat16"]
      #expect(throws: TrainingError.otherRecipe(differences: differences)) {
        try trainer(folders, data, recipe { $0.epochs = 1 }).run(in: run, resuming: true)
      }
      #expect(try Trainer.recipe(ofRunIn: run).precision == .bfloat16)
    }
  }

  @Test func otherDataAreRefused() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let before = try folders(data)
      let run = folder.appendingPathComponent("run")
      try trainer(before, data, recipe()).run(in: run)
      let after = try folders(data, count: 5)
      #expect(throws: TrainingError.otherData(directory: data.path)) {
        try trainer(after, data, recipe()).run(in: run, resuming: true)
      }
    }
  }

  @Test func aLossThatIsNotFiniteEndsTheRunWithItsStepAndRate() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let folders = try folders(data)
      let run = folder.appendingPathComponent("run")
      let recipe = recipe { ($0.optimizer, $0.learningRate, $0.epochs) = (.sgd, 1000, 50) }
      #expect {
        try trainer(folders, data, recipe).run(in: run)
      } throws: { error in
        guard case TrainingError.diverged(let step, _, let rate) = error else { return false }
        return step > 1 && rate > 900
      }
    }
  }

  @Test func filesThatAreLeftOutAreReportedOnce() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let folders = try folders(data)
      try Data("no picture".utf8).write(to: URL(fileURLWithPath: folders.paths[2]))
      let trainer = try trainer(folders, data, recipe())
      trainer.skipsUnreadable = true
      var skipped: [String] = []
      try trainer.run(in: folder.appendingPathComponent("run")) { event in
        if case .skipped(let reason) = event { skipped.append(reason) }
      }
      #expect(skipped.count == 1 && skipped[0].contains(folders.paths[2]))
      #expect(throws: TrainingError.self) {
        try self.trainer(folders, data, recipe()).run(in: folder.appendingPathComponent("other"))
      }
    }
  }
}
