import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport
import Testing

/// Runs of a model that answers for every point of a cloud.
@Suite struct PartTrainerTests {
  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch, recipe.learningRate) = (4, 4, 4e-3)
    change(&recipe)
    return recipe
  }

  private func trainer(
    _ files: any LabelledFiles, in folder: URL, _ recipe: Recipe, _ c: VisionTransformerConfiguration = Models.parts,
    threads: Int = 2
  ) throws -> Trainer {
    let trainer = try Trainer(
      Models.joined(c, scale: 0), on: files, in: folder.path, recipe: recipe, engine: Engine(threads: threads))
    trainer.validation = files
    return trainer
  }

  private func contents(_ run: URL) throws -> [Data] {
    try ["checkpoint.safetensors", "log.jsonl", "recipe.yaml", "model/config.json", "model/model.safetensors"].map {
      try Data(contentsOf: run.appendingPathComponent($0))
    }
  }

  @Test func learnsThePartsOfABallAndOfARod() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let files = try Models.writeLabelledClouds(in: data, count: 6)
      let trainer = try trainer(files, in: data, recipe { ($0.epochs, $0.labelSmoothing) = (30, 0.05) })
      var evaluations: [Evaluation] = []
      let run = folder.appendingPathComponent("run")
      try trainer.run(in: run) { event in
        if case .epoch(_, _, let evaluation?) = event { evaluations.append(evaluation) }
      }
      #expect(!trainer.hasNewHead && trainer.answersForPoints && evaluations.count == 30)
      let best = evaluations.map(\.measure).max() ?? 0
      #expect(best > 0.95, "\(evaluations.map(\.measure))")
      // The model that is written is the best one by the mean over clouds.
      let model = try VisionTransformer(
        ModelWeights(modelAt: run.appendingPathComponent("model")), engine: Engine(threads: 2))
      let written = try Evaluation(model, Models.pointFrontEnd(model.configuration), on: files, batch: 4)
      #expect(written.parts?.instanceMean == best && written.count == 12 && !written.hasOneClassPerFile)
      let log = try String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)
      for key in ["miou", "instance_miou", "point_accuracy"] { #expect(log.contains("\"\(key)\":")) }
      #expect(!log.contains("\"accuracy\"") && !log.contains("top5"))
    }
  }

  @Test func aRunHasTheSameBitsOnAnyThreadsAndWhenResumed() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      let files = try Models.writeLabelledClouds(in: data, count: 4)
      let recipe = recipe { ($0.epochs, $0.dropPath, $0.ema, $0.labelSmoothing) = (2, 0.1, 0.5, 0.1) }
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(files, in: data, recipe, threads: 1).run(in: whole)
      let first = try trainer(files, in: data, recipe, threads: 3)
      #expect(try first.run(in: parts, shouldStop: { first.step == 3 }) == .stopped(step: 3))
      #expect(try trainer(files, in: data, recipe).run(in: parts, resuming: true) == .finished)
      #expect(try contents(whole) == contents(parts))
    }
  }

  @Test func accumulatedPassesHaveTheLossOfTheMeanOverAllPoints() throws {
    try Models.withFolder { folder in
      let files = try Models.writeLabelledClouds(in: folder.appendingPathComponent("data"), count: 4)
      let losses = try [(2, 2), (2, 1)].map { batch, accumulate in
        let trainer = try trainer(
          files, in: folder,
          recipe { ($0.batch, $0.accumulate, $0.epochs, $0.learningRate) = (batch, accumulate, 1, 0) })
        var losses: [Double] = []
        try trainer.run(in: folder.appendingPathComponent("run\(accumulate)")) { event in
          if case .step(_, let loss, _) = event { losses.append(loss) }
        }
        return losses
      }
      // Weights do not move: a step of two passes has the mean of their losses.
      #expect(losses[0].count == 2 && losses[1].count == 4)
      for step in 0..<2 {
        let mean = (losses[1][2 * step] + losses[1][2 * step + 1]) / 2
        #expect(abs(losses[0][step] - mean) <= 0x1p-45 * mean)
      }
    }
  }

  @Test func aModelOfOneCategoryTakesOneFolderOfFiles() throws {
    try Models.withFolder { folder in
      _ = try Models.writeLabelledClouds(in: folder, count: 4)
      var c = Models.parts
      guard var head = c.parts else { return }
      head.categories = [.init(name: "thing")]
      c.head = .parts(head)
      let place = folder.appendingPathComponent("rod")
      let files = try LabelledData.read(place.path, Models.pointFrontEnd(c), of: head)
      #expect(files.classes == ["thing"] && files.labelSets == [[0], [0], [0], [0]])
      let run = folder.appendingPathComponent("run")
      #expect(try trainer(files, in: place, recipe { $0.epochs = 1 }, c).run(in: run) == .finished)
    }
  }

  @Test func aTableNamesCategories() throws {
    try Models.withFolder { folder in
      _ = try Models.writeLabelledClouds(in: folder, count: 2)
      let table = folder.appendingPathComponent("files.csv")
      try Data("path,label,split\nrod/0.xyz,rod,train\nball/1.xyz,ball,test\n".utf8).write(to: table)
      let c = Models.parts
      let head = try #require(c.parts)
      let files = try LabelledData.read(table.path, Models.pointFrontEnd(c), split: .train, of: head)
      #expect(files.classes == ["ball", "rod"] && files.labelSets == [[1]])
    }
  }

  @Test func anEvaluationIsTheOneByHand() throws {
    try Models.withFolder { folder in
      for (name, labels) in [
        ("ball/0", [0, 1, 1, 1]), ("ball/1", [1, 1, 1, 1]), ("rod/0", [2, 2, 3, 3]),
      ] { try Models.writeLine(labels, to: folder.appendingPathComponent("\(name).xyz")) }
      // The answer is 1 for every point of a ball, and 3 for every point of a rod, though 3 is the surest of all.
      let model = try Models.partsPreferring([0, 1, 0, 2])
      let frontEnd = try Models.pointFrontEnd(model.configuration)
      let head = try #require(model.configuration.parts)
      let files = try LabelledData.read(folder.path, frontEnd, of: head)
      let found = try Evaluation(model, frontEnd, on: files, batch: 8)
      let parts = try #require(found.parts)
      // Of balls (0 + 3/4) / 2, and (1 + 1) / 2 where no point is of part 0; of the rod (0 + 2/4) / 2.
      let (first, rod) = (0.375, 0.25)
      #expect(found.count == 3 && found.measure == (first + 1 + rod) / 3)
      #expect(parts.categoryMean == ((first + 1) / 2 + rod) / 2 && parts.pointAccuracy == 0.75)
      #expect(parts.mean(ofCategory: 0) == (first + 1) / 2 && parts.mean(ofCategory: 1) == rod)
      #expect(parts.mean(ofPart: 0, category: 0) == 0.5 && parts.mean(ofPart: 1, category: 0) == 0.875)
      #expect(parts.mean(ofPart: 2, category: 1) == 0 && parts.mean(ofPart: 3, category: 1) == 0.5)
      #expect(parts.mean(ofPart: 0, category: 1) == nil && parts.mean(ofCategory: 2) == nil)
    }
  }

  @Test func aRunThatGoesOnByItselfHasTheSameEvents() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try Models.writeLabelledClouds(in: folder.appendingPathComponent("data"), count: 2)
    let recipe = recipe { ($0.epochs, $0.batch) = (2, 2) }
    func numbers(_ event: Trainer.Event) -> [Double] {
      switch event {
      case .step(let step, let loss, let rate): [Double(step), loss, rate]
      case .epoch(let epoch, let loss, let evaluation): [Double(epoch), loss, evaluation?.measure ?? .nan]
      case .skipped: []
      }
    }
    var expected: [[Double]] = []
    try trainer(files, in: folder, recipe).run(in: folder.appendingPathComponent("run")) {
      expected.append(numbers($0))
    }
    let session = TrainingSession(
      try trainer(files, in: folder, recipe), in: folder.appendingPathComponent("session"))
    var events: [[Double]] = []
    for try await event in session { events.append(numbers(event)) }
    #expect(events == expected && events.count == 6)
  }

  @Test func aStepIsTimedWithoutFiles() throws {
    let recipe = recipe()
    let benchmark = try StepBenchmark(Models.joined(Models.parts), recipe: recipe, engine: Engine(threads: 2))
    let times = try benchmark.step()
    #expect(times.forward > 0 && times.backward > 0 && benchmark.operationCount > 0)
  }

  @Test func theHeadsLayersAreItsOwnGroup() throws {
    let table = try ParameterTable(PathwayWeights(.random(Models.parts, seed: 1)))
    let heads = ["label_conv.", "propagation_0.", "convs1.", "convs2.", "convs3.", "bns1.", "bns2."]
    var recipe = recipe()
    recipe.layerDecay = 0.5
    for span in table.spans where heads.contains(where: { span.name.hasPrefix($0) }) {
      #expect(table.rate(of: span, recipe) == 1, "\(span.name)")
    }
    let rates = Dictionary(uniqueKeysWithValues: table.spans.map { ($0.name, table.rate(of: $0, recipe)) })
    #expect(rates["blocks.1.mlp.fc2.weight"] == 0.5 && rates["norm.weight"] == 0.5)
    #expect(rates["blocks.0.mlp.fc2.weight"] == 0.25)
    #expect(rates.filter { $0.key.hasPrefix("encoder.") }.allSatisfy { $0.value == 0.125 })
    let linear = try ParameterTable(PathwayWeights(.random(Models.parts, seed: 1)), freeze: .linear)
    for prefix in heads { #expect(linear.spans.contains { $0.trains && $0.name.hasPrefix(prefix) }, "\(prefix)") }
    #expect(linear.spans.allSatisfy { span in !span.trains || heads.contains { span.name.hasPrefix($0) } })
  }

  @Test func aNewModelHasTheHeadOfItsShapes() throws {
    let weights = try ModelWeights.random(Models.parts, seed: 1).initial(seed: 2)
    #expect(try weights.tensor("bns1.weight").float32().allSatisfy { $0 == 1 })
    #expect(try weights.tensor("label_conv.1.running_var").float32().allSatisfy { $0 == 1 })
    #expect(try weights.tensor("convs3.bias").float32().allSatisfy { $0 == 0 })
    #expect(try weights.tensor("propagation_0.mlp_convs.0.weight").float32().map(abs).max() ?? 0 > 0.03)
  }
}
