import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `--weights` and `--auxiliary-weights` for a file with a model and its average
/// (Tests/Fixtures/pytorch/make_variants.py).
@Suite struct WeightsOptionTests {
  /// A directory with `model.pth` and its config.json.
  private func withModel(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    // Outputs have a directory of their own: weights next to those of the model would be loaded as the model.
    let output = folder.appendingPathComponent("output")
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = try #require(
      Checkpoint(contentsOf: Fixture.url("pytorch/variants.safetensors")).metadata["model.config"])
    try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
    let file = folder.appendingPathComponent("model.pth")
    try FileManager.default.copyItem(at: Fixture.url("pytorch/model.pth"), to: file)
    try body(folder)
  }

  private func bias(_ key: String) throws -> [Float] {
    let name = "model.pth/\(key)/head.bias"
    return try #require(Checkpoint(contentsOf: Fixture.url("pytorch/variants.safetensors")).tensors[name]).float32()
  }

  @Test func convertUsesTheAverageOrTheNamedWeights() throws {
    try withModel { folder in
      let cases = [([], "model_ema"), (["--weights", "model"], "model"), (["--weights", "model_ema"], "model_ema")]
      for (options, key) in cases {
        let output = folder.appendingPathComponent("output/converted")
        let run = try Tool.run(["convert", folder.path, output.path, "--overwrite"] + options)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("averaged weights under 'model_ema' are used") == options.isEmpty, "\(run.errors)")
        let (found, expected) = (try Checkpoint(contentsOf: output).tensors["head.bias"]?.float32(), try bias(key))
        #expect(found == expected)
      }
      let run = try Tool.run(["convert", folder.path, folder.path + "/output/none", "--weights", "ema"])
      #expect(run.status == 1)
      #expect(run.errors.contains("no tensors under 'ema' (--weights); keys: model, model_ema"), "\(run.errors)")
    }
  }

  @Test func everyCommandThatLoadsAModelHasTheOption() throws {
    try withModel { folder in
      let (model, picture) = (folder.path, Fixture.url("images/cat.jpg").path)
      let features = folder.appendingPathComponent("output/features.safetensors")
      let commands = [
        ["classify", "--model", model, "--json", picture],
        ["features", "--model", model, "--output", features.path, picture],
        ["attention", "--model", model, "--output", folder.path + "/output/a.png", picture],
        ["calibrate", "--model", model, "--output", folder.path + "/output/plan.json", picture],
        ["bench", "--model", model, "--runs", "1"], ["inspect", model, "--json"],
      ]
      for command in commands {
        let unknown = try Tool.run(command + ["--weights", "none"])
        #expect(unknown.status == 1 && unknown.errors.contains("(--weights); keys: model, model_ema"), "\(unknown)")
        let chosen = try Tool.run(command + ["--weights", "model"])
        #expect(chosen.status == 0 && !chosen.errors.contains("averaged"), "\(command) \(chosen.errors)")
      }
      let (plain, usual) = (try Tool.run(commands[0] + ["--weights", "model"]), try Tool.run(commands[0]))
      #expect(plain.output != usual.output)
      let ambiguous = try Tool.run(["inspect", Fixture.url("pytorch/ambiguous.pth").path])
      #expect(ambiguous.errors.contains("each of student, teacher; choose one: --weights KEY"), "\(ambiguous.errors)")
    }
  }

  @Test func auxiliariesHaveTheirOwn() throws {
    try withModel { folder in
      let merged = folder.appendingPathComponent("output/merged.safetensors")
      let layer = "blocks.0.mlp.fc1.weight"
      func merge(_ options: [String]) throws -> (status: Int32, errors: String, values: [Float]?) {
        let run = try Tool.run(
          ["merge", "--target", folder.path, "--weights", "model", "--auxiliary", folder.path, "--scale", "0.5"]
            + ["--output", merged.path] + options)
        return (run.status, run.errors, try? Checkpoint(contentsOf: merged).tensors[layer]?.float32())
      }
      let file = folder.appendingPathComponent("model.pth")
      let plain = try #require(Checkpoint(contentsOf: file, weights: "model").tensors[layer]).float32()
      let average = try #require(Checkpoint(contentsOf: file).tensors[layer]).float32()
      let option = "--auxiliary-weights"
      for (options, other) in [([], average), ([option, "model"], plain), ([option, ""], average)] {
        let result = try merge(options)
        #expect(result.status == 0, "\(result.errors)")
        // Products with 1/2 are exact, sums are rounded once.
        #expect(result.values == zip(plain, other).map { $0 + 0.5 * $1 })
      }
      let unknown = try merge(["--auxiliary-weights", "none"])
      #expect(unknown.status == 1 && unknown.errors.contains("(--auxiliary-weights); keys: model"), "\(unknown.errors)")
      #expect(try merge(["--auxiliary-weights", "a", "--auxiliary-weights", "b"]).status == 64)
    }
  }
}
