import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import Testing

@Suite struct TrainerTests {
  /// Where a run's data are, and its folders.
  private struct Pictures {
    let root: URL
    let folders: ClassFolders
    let validation: ClassFolders
  }

  private func data(_ folder: URL, count: Int = 6) throws -> Pictures {
    let (train, test) = (folder.appendingPathComponent("train"), folder.appendingPathComponent("test"))
    try Models.writePictures(in: train, count: count, seed: 1)
    try Models.writePictures(in: test, count: 2, seed: 2)
    let frontEnd = PictureFrontEnd(try ImagePreprocessor(.usual(for: Models.configuration)))
    return Pictures(
      root: train, folders: try ClassFolders(train.path, frontEnd), validation: try ClassFolders(test.path, frontEnd))
  }

  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch, recipe.learningRate) = (4, 4, 2e-3)
    change(&recipe)
    return recipe
  }

  private func trainer(
    _ data: Pictures, _ recipe: Recipe, _ weights: PathwayWeights? = nil, threads: Int = 2
  ) throws -> Trainer {
    let trainer = try Trainer(
      weights ?? Models.joined(scale: 0), on: data.folders, in: data.root.path, recipe: recipe,
      engine: Engine(threads: threads))
    trainer.validation = data.validation
    return trainer
  }

  /// The bytes of all files of a run by name.
  private func contents(_ run: URL) throws -> [String: Data] {
    let names =
      ["checkpoint.safetensors", "log.jsonl", "recipe.yaml", "scales.json"]
      + ["model", "unmerged"].flatMap { ["\($0)/config.json", "\($0)/model.safetensors"] }
      + ["unmerged/auxiliary-0.safetensors"]
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: run.appendingPathComponent($0))) })
  }

  @Test(arguments: Recipe.Precision.allCases)
  func learnsToTellRedFromBlue(_ precision: Recipe.Precision) throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      var losses: [Double] = []
      var accuracy: Double?
      let trainer = try trainer(data, recipe { ($0.epochs, $0.precision) = (12, precision) })
      let outcome = try trainer.run(in: folder.appendingPathComponent("run")) { event in
        if case .epoch(_, let loss, let evaluation) = event {
          losses.append(loss)
          accuracy = evaluation?.top1
        }
      }
      #expect(outcome == .finished && losses.count == 12 && trainer.step == 36)
      #expect(accuracy == 1 && losses[11] < losses[0] / 2)
    }
  }

  /// Both heads are trained by their mean, which they answer with.
  @Test func aDistilledModelIsTrainedAndReadBack() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      var c = Models.configuration
      c.architecture = "deit_tiny_distilled_patch16_224"
      (c.head, c.registerTokens, c.pooling) = (.distilled, 1, .prefixMean)
      let run = folder.appendingPathComponent("run")
      let trainer = try trainer(data, recipe { $0.epochs = 12 }, Models.joined(c, scale: 0))
      var accuracy: Double?
      try trainer.run(in: run) { event in
        if case .epoch(_, _, let evaluation) = event { accuracy = evaluation?.top1 }
      }
      let model = try ModelWeights(modelAt: run.appendingPathComponent("model"))
      #expect(accuracy == 1 && model.configuration.isDistilled && model.notes.isEmpty)
      let before = try Models.joined(c).target
      for name in ["head.weight", "head_dist.weight", "dist_token"] {
        #expect(try before.tensor(name).float32() != model.tensor(name).float32(), "\(name)")
      }
    }
  }

  @Test(arguments: [1, 5, 6], Recipe.Precision.allCases)
  func aResumedRunHasTheBitsOfOneThatWasNotStopped(_ stop: Int, _ precision: Recipe.Precision) throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let recipe = recipe {
        ($0.ema, $0.dropPath, $0.accumulate, $0.batch, $0.clip) = (0.5, 0.2, 2, 2, 1)
        $0.precision = precision
      }
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(data, recipe).run(in: whole)
      let first = try trainer(data, recipe)
      #expect(try first.run(in: parts, shouldStop: { first.step == stop }) == .stopped(step: stop))
      #expect(try trainer(data, recipe).run(in: parts, resuming: true) == .finished)
      let (one, other) = (try contents(whole), try contents(parts))
      for (name, bytes) in one { #expect(other[name] == bytes, "\(name)") }
    }
  }

  @Test func aRunThatStopsWhileItValidatesDoesSoWhenItIsResumed() throws {
    try Models.withFolder { folder in
      let (data, run) = (try data(folder), folder.appendingPathComponent("run"))
      var epochs: [Int] = []
      func note(_ event: Trainer.Event) {
        if case .epoch(let epoch, _, let evaluation) = event, evaluation != nil { epochs.append(epoch) }
      }
      let first = try trainer(data, recipe { $0.epochs = 1 })
      let isLast = { first.step == first.steps }
      #expect(try first.run(in: run, report: note, shouldStop: isLast) == .stopped(step: first.steps))
      #expect(epochs.isEmpty && !FileManager.default.fileExists(atPath: run.appendingPathComponent("model").path))
      #expect(try trainer(data, recipe { $0.epochs = 1 }).run(in: run, resuming: true, report: note) == .finished)
      #expect(epochs == [1] && FileManager.default.fileExists(atPath: run.appendingPathComponent("model").path))
    }
  }

  @Test func aRunThatWasKilledLosesTheStepsSinceItsCheckpointAlone() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(data, recipe()).run(in: whole)
      struct Killed: Error {}
      #expect(throws: Killed.self) {
        try trainer(data, recipe()).run(in: parts) { event in
          if case .step(5, _, _) = event { throw Killed() }
        }
      }
      try trainer(data, recipe()).run(in: parts, resuming: true)
      let (one, other) = (try contents(whole), try contents(parts))
      for (name, bytes) in one { #expect(other[name] == bytes, "\(name)") }
    }
  }

  @Test(arguments: Recipe.Precision.allCases)
  func anyNumberOfThreadsGivesTheSameRun(_ precision: Recipe.Precision) throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let runs = try [1, 3].map { threads in
        let run = folder.appendingPathComponent("run\(threads)")
        try trainer(data, recipe { ($0.epochs, $0.precision) = (2, precision) }, threads: threads).run(in: run)
        return try contents(run)
      }
      for (name, bytes) in runs[0] { #expect(runs[1][name] == bytes, "\(name)") }
    }
  }

  @Test func recomputedBlocksGiveTheSameRunInLessMemory() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let recipe = recipe { $0.epochs = 1 }
      let trainers = try [false, true].map { recomputes in
        try Trainer(
          Models.joined(scale: 0), on: data.folders, in: data.root.path, recipe: recipe, recomputesBlocks: recomputes,
          engine: Engine(threads: 2))
      }
      for (index, trainer) in trainers.enumerated() { try trainer.run(in: folder.appendingPathComponent("\(index)")) }
      let runs = try ["0", "1"].map { try contents(folder.appendingPathComponent($0)) }
      for (name, bytes) in runs[0] { #expect(runs[1][name] == bytes, "\(name)") }
      let memory = trainers.map { $0.memory.reduce(0) { $0 + $1.bytes } }
      #expect(memory[1] < memory[0])
    }
  }

  /// The model, its parameters and their moments are float32 in both.
  @Test func bfloat16KeepsLessMemoryAndGivesAnotherRun() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let trainers = try Recipe.Precision.allCases.map { precision in
        try trainer(data, recipe { ($0.epochs, $0.precision) = (1, precision) })
      }
      for (index, trainer) in trainers.enumerated() { try trainer.run(in: folder.appendingPathComponent("\(index)")) }
      let values = try trainers.map { try $0.trained().target.tensor("blocks.0.mlp.fc1.weight").float32() }
      #expect(values[0] != values[1])
      let memory = trainers.map { Dictionary(uniqueKeysWithValues: $0.memory.map { ($0.part, $0.bytes) }) }
      #expect(memory[0].keys == memory[1].keys)
      for part in ["queries, keys and values", "attention", "packed weights of a layer"] {
        #expect(try #require(memory[1][part]) < #require(memory[0][part]), "\(part)")
      }
      for (part, bytes) in memory[0] { #expect(try #require(memory[1][part]) <= bytes, "\(part)") }
    }
  }

  @Test func theMergedModelHasTheBitsOfTheTrainedOne() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let run = folder.appendingPathComponent("run")
      let trainer = try trainer(data, recipe { $0.epochs = 2 })
      trainer.validation = nil
      try trainer.run(in: run)
      let engine = try Engine(threads: 1)
      let folded = try VisionTransformer(trainer.trained(), execution: .folded, engine: engine)
      let merged = try VisionTransformer(
        ModelWeights(modelAt: run.appendingPathComponent("model")), engine: engine)
      let input = Tensor((0..<2 * 3 * 16 * 16).map { Float($0 % 17) / 17 - 0.5 }, shape: [2, 3, 16, 16])
      #expect(try folded(input).float32() == merged(input).float32())
      let tables = try PathwayScales.read(run.appendingPathComponent("scales.json"), count: 1)
      #expect(tables == [try trainer.trained().pathways[0].scales])
      #expect(tables[0].values.contains { $0 != 0 })
      // The parts make the same model.
      let parts = run.appendingPathComponent("unmerged")
      let joined = try ModelWeights(modelAt: parts).attach(
        auxiliary: AuxiliaryWeights(modelAt: parts.appendingPathComponent("auxiliary-0.safetensors")),
        scales: tables[0])
      let again = try VisionTransformer(joined, execution: .folded, engine: engine)
      #expect(try again(input).float32() == merged(input).float32())
    }
  }

  @Test func theLogHasALineForEveryStepAndEpoch() throws {
    struct Line: Decodable {
      var step: Int
      var epoch: Int
      var loss: Double
      var learning_rate: Double?
      var accuracy: Double?
    }
    try Models.withFolder { folder in
      let data = try data(folder)
      let run = folder.appendingPathComponent("run")
      try trainer(data, recipe { ($0.epochs, $0.warmupEpochs) = (2, 1) }).run(in: run)
      let text = try String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)
      let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
      #expect(lines.map(\.step) == [1, 2, 3, 3, 4, 5, 6, 6] && lines.map(\.epoch) == [1, 1, 1, 1, 2, 2, 2, 2])
      #expect(lines.map { $0.accuracy != nil } == [false, false, false, true, false, false, false, true])
      #expect(lines[0].learning_rate == 2e-3 / 3 && lines[2].learning_rate == 2e-3)
      #expect(abs(lines[3].loss - (lines[0].loss + lines[1].loss + lines[2].loss) / 3) < 1e-12)
    }
  }

  @Test func frozenLinearLayersAreTheTargetsOwn() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let weights = try Models.joined(scale: 0)
      let trainer = try trainer(data, recipe { ($0.freeze, $0.epochs) = (.linear, 1) }, weights)
      try trainer.run(in: folder.appendingPathComponent("run"))
      let trained = try trainer.trained()
      for (name, tensor) in weights.target.tensors {
        let isSame = try trained.target.tensor(name).float32() == tensor.float32()
        #expect(isSame == !name.hasPrefix("head."), "\(name)")
      }
      #expect(trained.pathways[0].scales.values.allSatisfy { $0 != 0 })
    }
  }

  @Test func aTargetWithoutPathwaysIsTrainedToo() throws {
    try Models.withFolder { folder in
      let data = try data(folder)
      let run = folder.appendingPathComponent("run")
      let trainer = try trainer(
        data, recipe { $0.epochs = 1 }, PathwayWeights(.random(Models.configuration, seed: 1)))
      try trainer.run(in: run)
      let model = try ModelWeights(modelAt: run.appendingPathComponent("model"))
      #expect(model.configuration.labels == ["a", "b"] && model.notes.isEmpty)
      #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent("scales.json").path))
    }
  }
}
