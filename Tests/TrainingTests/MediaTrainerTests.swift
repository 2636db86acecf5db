import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport
import Testing

/// Runs on sound, on videos, and on files of several labels.
@Suite struct MediaTrainerTests {
  private func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = Recipe()
    (recipe.epochs, recipe.batch, recipe.learningRate) = (4, 4, 2e-3)
    change(&recipe)
    return recipe
  }

  private func trainer(
    _ c: VisionTransformerConfiguration, _ data: String, _ recipe: Recipe, threads: Int = 2
  ) throws -> Trainer {
    let frontEnd = try c.frontEnd(engine: Engine(threads: 1))
    let files = try LabelledData.read(data, frontEnd, split: .train)
    let trainer = try Trainer(
      Models.joined(c, scale: 0), on: files, in: data, recipe: recipe, engine: Engine(threads: threads))
    trainer.validation = try LabelledData.read(data, frontEnd, split: .validation)
    return trainer
  }

  private func contents(_ run: URL) throws -> [Data] {
    try ["checkpoint.safetensors", "log.jsonl", "recipe.yaml", "model/config.json", "model/model.safetensors"].map {
      try Data(contentsOf: run.appendingPathComponent($0))
    }
  }

  @Test(arguments: [AudioPreprocessing.Layout.timeFirst, .melFirst])
  func learnsToTellALowFromAHighTone(_ layout: AudioPreprocessing.Layout) throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try Models.writeSounds(in: data, count: 6, seed: 1)
      let recipe = recipe { ($0.epochs, $0.noise, $0.timeMask, $0.frequencyMask) = (20, 0.1, 0.2, 0.2) }
      let trainer = try trainer(Models.sound(layout), data.path, recipe)
      var evaluations: [Evaluation] = []
      let run = folder.appendingPathComponent("run")
      try trainer.run(in: run) { event in
        if case .epoch(_, _, let evaluation?) = event { evaluations.append(evaluation) }
      }
      #expect(!trainer.hasNewHead && evaluations.count == 20 && evaluations.map(\.top1).max() == 1)
      let model = try ModelWeights(modelAt: run.appendingPathComponent("model"))
      #expect(model.configuration.input == Models.sound(layout).input && model.notes.isEmpty)
    }
  }

  @Test func aRunOnSoundHasTheSameBitsOnAnyThreadsAndWhenResumed() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try Models.writeSounds(in: data, count: 4, seed: 1)
      let recipe = recipe {
        ($0.noise, $0.timeMask, $0.frequencyMask, $0.mixup, $0.epochs) = (0.1, 0.2, 0.2, 0.5, 2)
      }
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(Models.sound(), data.path, recipe, threads: 1).run(in: whole)
      let first = try trainer(Models.sound(), data.path, recipe, threads: 3)
      #expect(try first.run(in: parts, shouldStop: { first.step == 3 }) == .stopped(step: 3))
      #expect(try trainer(Models.sound(), data.path, recipe).run(in: parts, resuming: true) == .finished)
      #expect(try contents(whole) == contents(parts))
    }
  }

  @Test func learnsToTellABallFromARod() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      _ = try Models.writeClouds(in: data, count: 6)
      let trainer = try trainer(Models.points, data.path, recipe { $0.epochs = 40 })
      var evaluations: [Evaluation] = []
      let run = folder.appendingPathComponent("run")
      try trainer.run(in: run) { event in
        if case .epoch(_, _, let evaluation?) = event { evaluations.append(evaluation) }
      }
      #expect(!trainer.hasNewHead && evaluations.count == 40)
      #expect(evaluations.map(\.top1).max() == 1, "\(evaluations.map(\.top1))")
      let model = try ModelWeights(modelAt: run.appendingPathComponent("model"))
      #expect(model.configuration.input == Models.points.input && model.notes.isEmpty)
    }
  }

  /// Statistics of batch norms move in every pass: a checkpoint that left them out would give other bits.
  @Test func aRunOnPointsHasTheSameBitsOnAnyThreadsAndWhenResumed() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      _ = try Models.writeClouds(in: data, count: 4)
      let recipe = recipe { ($0.epochs, $0.dropPath, $0.ema) = (2, 0.1, 0.5) }
      let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
      try trainer(Models.points, data.path, recipe, threads: 1).run(in: whole)
      let first = try trainer(Models.points, data.path, recipe, threads: 3)
      #expect(try first.run(in: parts, shouldStop: { first.step == 3 }) == .stopped(step: 3))
      #expect(try trainer(Models.points, data.path, recipe).run(in: parts, resuming: true) == .finished)
      #expect(try contents(whole) == contents(parts))
    }
  }

  @Test func aNewHeadOfPointsHasLayersThatLearn() throws {
    var c = Models.points
    c.labels = ["chair", "table"]
    let weights = try PathwayWeights(.random(c, seed: 1)).withHead(for: ["a", "b", "c"], seed: 2)
    func floats(_ name: String) throws -> [Float] { try weights.target.tensor("cls_head_finetune.\(name)").float32() }
    #expect(try floats("1.weight").allSatisfy { $0 == 1 } && floats("1.running_var").allSatisfy { $0 == 1 })
    #expect(try floats("1.running_mean").allSatisfy { $0 == 0 } && floats("4.bias") == [0, 0, 0])
    // Deviation 0.02.
    #expect(try floats("0.weight").map(abs).max() ?? 0 > 0.03)
  }

  @Test func videosAreTrainedWithRepeatedSampling() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      for (name, videos) in [("a", ["h264.mp4", "vp9.webm"]), ("b", ["mpeg4.avi", "mjpeg.avi"])] {
        let place = data.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for video in videos {
          try FileManager.default.copyItem(
            at: Fixture.url("video/\(video)"), to: place.appendingPathComponent(video))
        }
      }
      let recipe = recipe {
        ($0.epochs, $0.repeats, $0.erase, $0.mixup, $0.cutmix, $0.dropPath) = (2, 2, 0.25, 0.8, 1, 0.1)
      }
      let runs = try [1, 3].map { threads in
        let run = folder.appendingPathComponent("run\(threads)")
        let trainer = try trainer(Models.video, data.path, recipe, threads: threads)
        #expect(trainer.stepsPerEpoch == 2)
        try trainer.run(in: run)
        return try contents(run)
      }
      #expect(runs[0] == runs[1])
      #expect(throws: TrainingError.badSetting(key: "repeat", found: "3", expected: "a divisor of the batch, 4")) {
        try trainer(Models.video, data.path, self.recipe { $0.repeats = 3 })
      }
    }
  }

  /// Recordings of a low tone, a high tone, and both one after the other, in a table.
  private func writeTones(in folder: URL) throws -> String {
    var lines = ["path,label,split"]
    for index in 0..<8 {
      let file = folder.appendingPathComponent("\(index).wav")
      try Models.writeSound(
        Models.samples(frames: 32), frequency: index % 2 == 0 ? 300 : 2500, seed: UInt64(index), to: file)
      lines.append("\(index).wav,\(index % 2 == 0 ? "low;tone" : "high;tone"),\(index < 6 ? "train" : "validation")")
    }
    let table = folder.appendingPathComponent("files.csv")
    try Data(lines.joined(separator: "\n").utf8).write(to: table)
    return table.path
  }

  @Test func filesOfSeveralLabelsMakeAModelForSeveral() throws {
    try Models.withFolder { folder in
      let table = try writeTones(in: folder)
      let recipe = recipe { ($0.epochs, $0.batch, $0.learningRate) = (20, 3, 5e-3) }
      let trainer = try trainer(Models.sound(), table, recipe)
      #expect(trainer.hasNewHead && trainer.task == .multiLabel)
      var (losses, best): ([Double], Double) = ([], 0)
      let run = folder.appendingPathComponent("run")
      try trainer.run(in: run) { event in
        guard case .epoch(_, let loss, let evaluation?) = event else { return }
        losses.append(loss)
        best = max(best, evaluation.measure)
        #expect(!evaluation.hasOneClassPerFile)
      }
      // Three questions with even answers cost log 2 each.
      #expect(best == 1 && losses[0] < 0.8 && losses[19] < losses[0] / 2)
      let log = try String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)
      #expect(log.contains("\"mean_average_precision\":1") && !log.contains("accuracy"))
      let model = try ModelWeights(modelAt: run.appendingPathComponent("model")).configuration
      #expect(model.task == .multiLabel && model.labels == ["high", "low", "tone"])
    }
  }

  @Test func aRecipeForOneLabelRefusesFilesOfSeveral() throws {
    try Models.withFolder { folder in
      let table = try writeTones(in: folder)
      #expect(throws: TrainingError.severalLabels(file: folder.path + "/0.wav", found: 2)) {
        try trainer(Models.sound(), table, recipe { $0.task = .singleLabel })
      }
    }
  }

  @Test func aHeadForSeveralLabelsStaysOneOnSortedFiles() throws {
    try Models.withFolder { folder in
      try Models.writeSounds(in: folder, count: 2, seed: 1)
      var c = Models.sound()
      c.task = .multiLabel
      let trainer = try trainer(c, folder.path, recipe())
      #expect(!trainer.hasNewHead && trainer.task == .multiLabel)
      let single = try self.trainer(c, folder.path, recipe { $0.task = .singleLabel })
      #expect(single.hasNewHead && single.task == .singleLabel)
    }
  }

  @Test func soundOfAnotherRateIsAnErrorUnlessItIsResampled() throws {
    try Models.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try Models.writeSounds(in: data, count: 2, seed: 1)
      var c = Models.sound()
      c.input = .audio(AudioPreprocessing(rate: 8000, mean: -4, std: 4))
      #expect(throws: TrainingError.self) {
        try trainer(c, data.path, recipe { $0.epochs = 1 }).run(in: folder.appendingPathComponent("one"))
      }
      let resampled = recipe { ($0.epochs, $0.resample) = (1, true) }
      #expect(try trainer(c, data.path, resampled).run(in: folder.appendingPathComponent("other")) == .finished)
    }
  }
}
