import Foundation
import MultimodalPathway
import PathwayMedia
import PathwayTraining
import TestSupport
import Testing

/// `m2pt train` and `m2pt evaluate`, run as processes on pictures that are made here.
@Suite struct TrainToolTests {
  /// Arguments of a run of two epochs of three steps in `folder`, whose output is `run`.
  private func arguments(_ folder: URL) throws -> [String] {
    let data = try Tool.makePictures(in: folder.appendingPathComponent("data"), count: 6, seed: 1)
    return [
      "train", "--target", folder.appendingPathComponent("target").path, "--auxiliary",
      folder.appendingPathComponent("auxiliary.safetensors").path, "--data", data, "--output",
      folder.appendingPathComponent("run").path, "--set", "epochs=2", "--set", "batch=4", "--set",
      "learning_rate=2e-3", "--threads", "2",
    ]
  }

  @Test func trainsEvaluatesAndVerifies() throws {
    try Tool.withModels { folder in
      let run = folder.appendingPathComponent("run")
      let test = try Tool.makePictures(in: folder.appendingPathComponent("test"), count: 3, seed: 2)
      let trained = try Tool.run(arguments(folder) + ["--validation", test, "--set", "epochs=8", "--json"])
      #expect(trained.status == 0, "\(trained.errors)")
      struct Result: Decodable {
        var steps: Int
        var accuracy: Double
        var best_accuracy: Double
      }
      let result = try JSONDecoder().decode(Result.self, from: Data(trained.output.utf8))
      #expect(result.steps == 24 && result.best_accuracy == 1)

      let evaluated = try Tool.run([
        "evaluate", "--model", run.appendingPathComponent("model").path, "--data", test, "--json",
      ])
      #expect(evaluated.status == 0, "\(evaluated.errors)")
      struct Evaluation: Decodable {
        var count: Int
        var top1: Double
        var top5: Double
        var classes: [String]
        var confusion: [[Int]]
      }
      let evaluation = try JSONDecoder().decode(Evaluation.self, from: Data(evaluated.output.utf8))
      #expect(evaluation.count == 6 && evaluation.top1 == 1 && evaluation.top5 == 1)
      let page = try String(contentsOf: run.appendingPathComponent("index.html"), encoding: .utf8)
      #expect(page.contains("<polyline") && page.contains("blocks.1.mlp.fc2") && page.contains("Accuracy"))
      #expect(evaluation.classes == ["blue", "red"] && evaluation.confusion == [[3, 0], [0, 3]])

      let parts = run.appendingPathComponent("unmerged")
      let verified = try Tool.run([
        "verify", "--target", parts.path, "--auxiliary", parts.appendingPathComponent("auxiliary-0.safetensors").path,
        "--scales", run.appendingPathComponent("scales.json").path,
      ])
      #expect(verified.status == 0 && verified.output.contains("verdict: equal"), "\(verified.errors)")
    }
  }

  /// Runs m2pt and asks it to stop once the log has a fourth step.
  private func stopped(
    _ options: [String], in folder: URL
  ) throws -> (status: Int32, output: String, errors: String) {
    let log = folder.appendingPathComponent("run/log.jsonl")
    var isAsked = false
    return try Tool.watched(options, in: folder) { process in
      guard !isAsked, let text = try? String(contentsOf: log, encoding: .utf8), text.contains("\"step\":4") else {
        return
      }
      isAsked = true
      kill(process, SIGTERM)
    }
  }

  @Test func aSignalSavesTheRunAndResumingGivesTheSameBits() throws {
    try Tool.withModels { folder in
      let options = try arguments(folder) + ["--set", "epochs=40"]
      let run = folder.appendingPathComponent("run")
      let log = run.appendingPathComponent("log.jsonl")
      let first = try stopped(options, in: folder)
      #expect(first.status == 128 + SIGTERM, "\(first.errors)")
      #expect(first.errors.contains("--resume continues it"), "\(first.errors)")
      let second = try Tool.run(options + ["--resume"])
      #expect(second.status == 0, "\(second.errors)")
      let model = try Data(contentsOf: run.appendingPathComponent("model/model.safetensors"))
      let lines = try Data(contentsOf: log)
      try FileManager.default.removeItem(at: run)
      #expect(try Tool.run(options).status == 0)
      #expect(try Data(contentsOf: run.appendingPathComponent("model/model.safetensors")) == model)
      #expect(try Data(contentsOf: log) == lines)
    }
  }

  @Test func aFullDiskLeavesTheLastCheckpoint() throws {
    try Tool.withModels { folder in
      let options = try arguments(folder) + ["--set", "epochs=40"]
      let file = folder.appendingPathComponent("run/checkpoint.safetensors")
      #expect(try stopped(options, in: folder).status == 128 + SIGTERM)
      let checkpoint = try Data(contentsOf: file)
      let full = try Tool.run(options + ["--resume"], fileLimit: 200)
      #expect(full.status == 1 && full.errors.contains("cannot be written"), "\(full.errors)")
      #expect(try Data(contentsOf: file) == checkpoint)
      #expect(try Tool.run(options + ["--resume"]).status == 0)
    }
  }

  @Test func aDryRunWritesNothing() throws {
    try Tool.withModels { folder in
      let result = try Tool.run(arguments(folder) + ["--dry-run", "--set", "freeze=linear"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("scales.0.blocks.0.attn.qkv"))
      #expect(result.output.contains("in 6 steps (3 an epoch)") && result.output.contains("total"))
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
    }
  }

  @Test func settingsOfAuxiliariesThatAreNotThereAreNoted() throws {
    try Tool.withModels { folder in
      var options = try arguments(folder) + ["--dry-run", "--set", "lambda_rate=3"]
      let joined = try Tool.run(options)
      #expect(joined.status == 0 && !joined.errors.contains("no effect"), "\(joined.errors)")
      options.removeSubrange(3...4)
      let alone = try Tool.run(options + ["--set", "freeze=auxiliary"])
      #expect(alone.status == 0)
      #expect(alone.errors.contains("note: lambda_rate has no effect without an auxiliary\n"))
      #expect(alone.errors.contains("note: freeze=auxiliary has no effect without an auxiliary\n"))
    }
  }

  @Test func aRunFromScratchHasNewWeights() throws {
    try Tool.withModels { folder in
      let steady = ["--from-scratch", "--seed", "4", "--set", "epochs=1", "--set", "learning_rate=1e-30"]
      let result = try Tool.run(arguments(folder) + steady)
      #expect(result.status == 0, "\(result.errors)")
      let file = folder.appendingPathComponent("run/unmerged/model.safetensors")
      let trained = try Checkpoint(contentsOf: file).tensors
      let initial = try ModelWeights(modelAt: folder.appendingPathComponent("target")).initial(seed: 4)
      // A rate of 1e-30 moves nothing; weight decay is times the rate.
      for name in ["blocks.0.attn.qkv.weight", "blocks.1.mlp.fc2.weight", "norm.weight", "pos_embed"] {
        #expect(try trained[name]?.float32() == initial.tensor(name).float32(), "\(name)")
      }
    }
  }

  @Test func aRunFromScratchNeedsAConfigurationAlone() throws {
    try Tool.withModels { folder in
      let steady = ["--from-scratch", "--seed", "4", "--set", "epochs=1"]
      let file = folder.appendingPathComponent("target/model.safetensors")
      let run = folder.appendingPathComponent("run")
      let model = run.appendingPathComponent("unmerged/model.safetensors")
      #expect(try Tool.run(arguments(folder) + steady).status == 0)
      let expected = try Data(contentsOf: model)
      try FileManager.default.removeItem(at: run)
      try FileManager.default.removeItem(at: file)
      let result = try Tool.run(arguments(folder) + steady)
      #expect(result.status == 0, "\(result.errors)")
      #expect(try Data(contentsOf: model) == expected)

      let trained = try Tool.run(arguments(folder) + ["--dry-run"])
      #expect(trained.status == 1 && trained.errors.contains("a directory without checkpoints"), "\(trained.errors)")
    }
  }

  @Test func aResumedRunWithoutARecipeHasTheRunsOwn() throws {
    try Tool.withModels { folder in
      let options = try arguments(folder)
      #expect(try Tool.run(options).status == 0)
      let bare = options.filter { !$0.contains("=") && $0 != "--set" }
      #expect(try Tool.run(bare + ["--resume"]).status == 0)
      let other = try Tool.run(bare + ["--resume", "--set", "batch=2"])
      #expect(other.status == 1 && other.errors.contains("batch is 2, the run has 4"), "\(other.errors)")
      let again = try Tool.run(options)
      #expect(again.status == 1 && again.errors.contains("holds a run"), "\(again.errors)")
    }
  }

  @Test func aRunInBFloat16IsResumedInItsPrecisionAlone() throws {
    try Tool.withModels { folder in
      let options = try arguments(folder)
      #expect(try Tool.run(options + ["--precision", "bfloat16"]).status == 0)
      let recipe = try String(contentsOf: folder.appendingPathComponent("run/recipe.yaml"), encoding: .utf8)
      #expect(recipe.contains("precision: bfloat16\n"))
      let bare = options.filter { !$0.contains("=") && $0 != "--set" }
      #expect(try Tool.run(bare + ["--resume"]).status == 0)
      let other = try Tool.run(bare + ["--resume", "--precision", "float32"])
      #expect(
        other.status == 1 && other.errors.contains("precision is float32, the run has bfloat16"), "\(other.errors)")
    }
  }

  @Test(arguments: [
    (["--set", "epochs"], "--set takes KEY=VALUE"), (["--set", "epoch=3"], "a recipe has no key 'epoch'"),
    (["--precision", "int8"], "precision is 'int8', expected float32, bfloat16"),
    (["--set", "freeze=all"], "freeze is 'all', expected none, linear, auxiliary"),
    (["--set", "batch=100"], "a step takes 100 files"), (["--resume"], "has no checkpoint"),
    (["--image-size", "48", "--set", "image_size=32"], "leave one of them out"),
  ])
  func wrongArgumentsAreExplained(_ added: [String], _ expected: String) throws {
    try Tool.withModels { folder in
      let result = try Tool.run(arguments(folder) + added)
      #expect(result.status != 0 && result.errors.contains(expected), "\(result.errors)")
    }
  }

  @Test func auxiliariesThatDoNotFitAreAnErrorBeforeTheRun() throws {
    try Tool.withModels { folder in
      let result = try Tool.run(arguments(folder) + ["--block-map", "0:7"])
      #expect(result.status == 1 && result.errors.contains("block map '0:7'"), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
    }
  }

  @Test func foldersThatAreNotTheModelsClassesAreAnError() throws {
    try Tool.withModels { folder in
      let data = try Tool.makePictures(in: folder.appendingPathComponent("data"), count: 1, seed: 1)
      let result = try Tool.run(["evaluate", "--model", folder.appendingPathComponent("target").path, "--data", data])
      #expect(result.status == 1 && result.errors.contains("blue"), "\(result.errors)")
    }
  }
}
