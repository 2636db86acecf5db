import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt train` and `m2pt evaluate` on sound, tables of files and files of several labels, run as processes.
@Suite struct MediaTrainToolTests {
  private struct Evaluation: Decodable {
    var count: Int
    var top1: Double?
    var mean_average_precision: Double?
    var average_precision: [Double?]?
    var classes: [String]
    var confusion: [[Int]]?
  }

  /// A model of sound, and a table of recordings of noise: six to train on, of which half have two labels, two to
  /// validate on and two to test on.
  private func makeSounds(in folder: URL) throws -> (model: String, table: String) {
    let sound = SoundToolTests()
    var lines = ["path,label,split"]
    for index in 0..<10 {
      try sound.noise(8000, rate: 16_000, seed: UInt64(index)).write(to: folder.appendingPathComponent("\(index).wav"))
      let split = index < 6 ? "train" : index < 8 ? "validation" : "test"
      lines.append("\(index).wav,\(index % 2 == 0 ? "x;y" : "y"),\(split)")
    }
    let table = folder.appendingPathComponent("files.csv")
    try Data(lines.joined(separator: "\n").utf8).write(to: table)
    return (try sound.makeModel(in: folder), table.path)
  }

  private func evaluate(_ arguments: [String]) throws -> Evaluation {
    let result = try Tool.run(["evaluate", "--json"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Evaluation.self, from: Data(result.output.utf8))
  }

  @Test func trainsOnATableOfSoundAndMeasuresSeveralLabels() throws {
    try Tool.withFolder { folder in
      let (model, table) = try makeSounds(in: folder)
      let run = folder.appendingPathComponent("run")
      let trained = try Tool.run([
        "train", "--target", model, "--data", table, "--validation", table, "--output", run.path, "--set", "epochs=2",
        "--set", "batch=3", "--set", "time_mask=0.2", "--set", "noise=0.1", "--json",
      ])
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(trained.errors.contains("a new one for 2, of which a file may have several"), "\(trained.errors)")
      struct Result: Decodable {
        var steps: Int
        var accuracy: Double?
        var best_mean_average_precision: Double
      }
      let result = try JSONDecoder().decode(Result.self, from: Data(trained.output.utf8))
      #expect(result.steps == 4 && result.accuracy == nil && result.best_mean_average_precision >= 0.75)
      let page = try String(contentsOf: run.appendingPathComponent("index.html"), encoding: .utf8)
      #expect(page.contains("Mean average precision") && !page.contains("Accuracy"))

      let best = run.appendingPathComponent("model").path
      let found = try evaluate(["--model", best, "--data", table])
      #expect(found.count == 2 && found.classes == ["x", "y"] && found.top1 == nil && found.confusion == nil)
      #expect(found.average_precision?.count == 2 && (found.mean_average_precision ?? 0) >= 0.75)
      #expect(try evaluate(["--model", best, "--data", table, "--split", "train"]).count == 6)
      let shown = try Tool.run(["evaluate", "--model", best, "--data", table])
      #expect(shown.output.hasPrefix("2 files: mAP ") && !shown.output.contains("top-1"), "\(shown.output)")
      let refused = try Tool.run(["evaluate", "--model", best, "--data", table, "--confusion"])
      #expect(refused.status == 1 && refused.errors.contains("--confusion is for files of one class"))
    }
  }

  @Test func theConfusionIsATable() throws {
    try Tool.withModels { folder in
      let data = try Tool.makePictures(in: folder.appendingPathComponent("data"), count: 4, seed: 1)
      let target = folder.appendingPathComponent("target")
      let run = folder.appendingPathComponent("run")
      let trained = try Tool.run([
        "train", "--target", target.path, "--data", data, "--output", run.path, "--set", "epochs=20", "--set",
        "batch=4", "--set", "learning_rate=2e-3",
      ])
      #expect(trained.status == 0, "\(trained.errors)")
      let shown = try Tool.run([
        "evaluate", "--model", run.appendingPathComponent("model").path, "--data", data, "--confusion",
      ])
      #expect(
        shown.output == """
          8 files: top-1 100.00 %, top-5 100.00 %
          true class by row, predicted class by column:
                blue  red
          blue     4    0
          red      0    4

          """, "\(shown.output)")
    }
  }

  @Test(arguments: [
    (["--recipe", "coco"], "the recipes are imagenet, audioset, kinetics, modelnet, shapenetpart"),
    (["--recipe", "imagenet"], "a step takes 1024 files (batch 32, accumulate 32)"),
    (["--recipe", "audioset"], "it is a key for models of audio"),
    (["--set", "repeat=2"], "it is a key for models of video"),
  ])
  func recipesAndKeysOfOtherModalitiesAreExplained(_ added: [String], _ expected: String) throws {
    try Tool.withModels { folder in
      let data = try Tool.makePictures(in: folder.appendingPathComponent("data"), count: 4, seed: 1)
      let result = try Tool.run(
        [
          "train", "--target", folder.appendingPathComponent("target").path, "--data", data, "--output",
          folder.appendingPathComponent("run").path,
        ] + added)
      #expect(result.status == 1 && result.errors.contains(expected), "\(result.errors)")
    }
  }
}
