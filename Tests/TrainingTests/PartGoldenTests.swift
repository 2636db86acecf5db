import Foundation
import MultimodalPathway
import PathwayData
import PathwayTraining
import TestSupport
import Testing

/// Eight steps of PyTorch in float64 on Point-MAE's part segmentation model (Tests/Fixtures/training/make_part_run.py),
/// against a run on files: labels, categories, loss, backward pass, clipping and optimizer together.
@Suite struct PartGoldenTests {
  private struct Step: Decodable {
    var loss: Double
    var gradient_norm: Double?
  }

  private let golden: Checkpoint
  private let names = ["lamp", "chair", "table", "mug"]

  init() throws { golden = try Checkpoint(contentsOf: Fixture.url("training/part_run.safetensors")) }

  /// The golden of a part segmentation model, in a directory.
  private func model(in folder: URL) throws -> ModelWeights {
    let file = try Checkpoint(contentsOf: Fixture.url("points/segmenter.safetensors"))
    let weights = file.tensors.filter { $0.key.hasPrefix("weights.") }.map { (String($0.key.dropFirst(8)), $0.value) }
    let place = folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data((file.metadata["config"] ?? "").utf8).write(to: place.appendingPathComponent("config.json"))
    try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: weights)).write(
      to: place.appendingPathComponent("model.safetensors"))
    return try ModelWeights(modelAt: place)
  }

  /// A folder for each category, with a cloud.
  private func writeClouds(in folder: URL) throws {
    let points = try #require(golden.tensors["points"])
    let labels = try #require(golden.tensors["labels"]).withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    let values = try points.float32()
    let count = points.shape[1]
    for (cloud, name) in names.enumerated() {
      let rows = (cloud * count..<(cloud + 1) * count).map { point in
        values[3 * point..<3 * point + 3].map { "\($0)" }.joined(separator: " ") + " \(labels[point])"
      }
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try Data(rows.joined(separator: "\n").utf8).write(to: place.appendingPathComponent("cloud.xyz"))
    }
  }

  private func expected(_ key: String) throws -> [Double] {
    try JSONDecoder().decode([Double].self, from: Data((golden.metadata[key] ?? "").utf8))
  }

  @Test func eightStepsEqualPyTorchs() throws {
    try Models.withFolder { folder in
      let weights = try model(in: folder)
      let data = folder.appendingPathComponent("data")
      try writeClouds(in: data)
      var recipe = Recipe()
      (recipe.epochs, recipe.batch, recipe.learningRate, recipe.weightDecay) = (8, 4, 1e-3, 0.05)
      (recipe.layerDecay, recipe.clip, recipe.labelSmoothing, recipe.augmentation) = (0.75, 1, 0.1, .none)
      let head = try #require(weights.configuration.parts)
      let files = try LabelledData.read(data.path, Models.pointFrontEnd(weights.configuration), of: head)
      let run = folder.appendingPathComponent("run")
      try Trainer(
        PathwayWeights(weights), on: files, in: data.path, recipe: recipe, engine: Engine(threads: 2)
      ).run(in: run)
      let log = try Data(contentsOf: run.appendingPathComponent("log.jsonl")).split(separator: UInt8(ascii: "\n"))
      let steps = try log.map { try JSONDecoder().decode(Step.self, from: $0) }.filter { $0.gradient_norm != nil }
      let (losses, norms) = try (expected("losses"), expected("norms"))
      #expect(steps.count == 8 && losses.count == 8)
      for (index, step) in steps.enumerated() {
        #expect(abs(step.loss - losses[index]) <= 1e-5 * losses[index], "step \(index): \(step.loss) \(losses[index])")
        let norm = step.gradient_norm ?? .nan
        #expect(abs(norm - norms[index]) <= 1e-4 * norms[index], "step \(index): \(norm), expected \(norms[index])")
      }
    }
  }
}
