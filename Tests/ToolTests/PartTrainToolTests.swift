import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// `m2pt train`, `m2pt evaluate` and `m2pt bench --training` of a model that answers for every point, run as processes.
@Suite struct PartTrainToolTests {
  private struct Evaluation: Decodable {
    struct Category: Decodable {
      struct Part: Decodable {
        var part: Int
        var label: String?
        var iou: Double?
      }
      var category: String
      var count: Int
      var iou: Double?
      var parts: [Part]
    }
    var count: Int
    var miou: Double
    var instance_miou: Double
    var point_accuracy: Double
    var iou: [Category]
    var skipped: [String]
  }

  /// The golden of parts: lamp (0, 1), chair (2, 3, 4), table (5, 6), mug (7, 8).
  private func makeModel(in folder: URL) throws -> String {
    let place = folder.appendingPathComponent("model")
    try PointToolTests.makeModel("segmenter", in: place)
    return place.path
  }

  private func write(_ rows: [String], to file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(rows.joined(separator: "\n").utf8).write(to: file)
  }

  /// Points along a line, with ShapeNetPart's columns.
  private func line(_ labels: [Int]) -> [String] {
    labels.enumerated().map { "\(Float($0 * $0) / 7) \(Float($0) / 3) 0.5 0 0 1 \($1).000000" }
  }

  /// Folders of clouds whose part is the side of the middle.
  private func makeClouds(in folder: URL, count: Int) throws -> String {
    var random = SeededGenerator(seed: 3)
    for (name, part) in [("lamp", 0), ("table", 5)] {
      for index in 0..<count {
        let rows = (0..<200).map { _ in
          let v = random.floats(3)
          return "\(v[0]) \(v[1]) \(v[2]) \(v[2] > 0 ? part : part + 1)"
        }
        try write(["x y z part"] + rows, to: folder.appendingPathComponent("\(name)/\(index).txt"))
      }
    }
    return folder.path
  }

  /// A model that answers with part 1 for every point of a lamp and with part 3 for every point of a chair.
  @Test func anEvaluationIsTheOneByHand() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let file = URL(fileURLWithPath: model).appendingPathComponent("model.safetensors")
      var tensors = try Checkpoint(contentsOf: file).tensors
      let weight = try #require(tensors["convs3.weight"])
      tensors["convs3.weight"] = Tensor([Float](repeating: 0, count: weight.count), shape: weight.shape)
      tensors["convs3.bias"] = Tensor([0, 1, 0, 2, 1, 9, 0, 0, 0], shape: [9])
      try Checkpoint(tensors: tensors).write(to: file)
      let data = folder.appendingPathComponent("data")
      for (name, labels) in [
        ("lamp/0", [0, 1, 1, 1]), ("lamp/1", [1, 1, 1, 1]), ("chair/0", [2, 2, 3, 3]),
      ] { try write(line(labels), to: data.appendingPathComponent("\(name).txt")) }

      let arguments = ["evaluate", "--model", model, "--data", data.path]
      let result = try Tool.run(arguments + ["--json"])
      try #require(result.status == 0, "\(result.errors)")
      let found = try JSONDecoder().decode(Evaluation.self, from: Data(result.output.utf8))
      // Lamps (0 + 3/4) / 2 and 1, of which one has no point of part 0; the chair (0 + 1/2 + 1) / 3.
      #expect(found.count == 3 && found.instance_miou == 0.625 && found.miou == 0.59375)
      #expect(found.point_accuracy == 0.75 && found.skipped.isEmpty)
      #expect(found.iou.map(\.category) == ["lamp", "chair", "table", "mug"] && found.iou.map(\.count) == [2, 1, 0, 0])
      #expect(found.iou.map(\.iou) == [0.6875, 0.5, nil, nil])
      #expect(found.iou[0].parts.map(\.part) == [0, 1] && found.iou[0].parts.map(\.iou) == [0.5, 0.875])
      #expect(found.iou[1].parts.map(\.iou) == [0, 0.5, 1] && found.iou[3].parts.map(\.iou) == [nil, nil])

      let shown = try Tool.run(arguments)
      #expect(
        shown.output == """
          3 files: instance mIoU 62.50 %, class mIoU 59.38 %, point accuracy 75.00 %
          category   files  mIoU %  by part
          lamp           2   68.75  0: 50.00  1: 87.50
          chair          1   50.00  2: 0.00  3: 50.00  4: 100.00

          """, "\(shown.output)")

      let broken = data.appendingPathComponent("chair/1.txt")
      try write(["1 2 3", "4 5 6", "7 8 9"], to: broken)
      let refused = try Tool.run(arguments + ["--fail-fast"])
      #expect(refused.status == 1 && refused.errors.contains("\(broken.path): its points have no labels"))
      let skipped = try Tool.run(arguments + ["--skip-unreadable"])
      #expect(skipped.status == 0 && skipped.output.hasPrefix("3 files: ") && skipped.output.contains("1 left out"))
      let confusion = try Tool.run(arguments + ["--confusion"])
      #expect(confusion.status == 1 && confusion.errors.contains("--confusion is for models of whole files"))
    }
  }

  @Test func trainsAndWritesTheBestByTheMeanOverClouds() throws {
    try Tool.withFolder { folder in
      let model = try makeModel(in: folder)
      let data = try makeClouds(in: folder.appendingPathComponent("data"), count: 4)
      let run = folder.appendingPathComponent("run")
      let arguments = [
        "train", "--target", model, "--data", data, "--validation", data, "--output", run.path, "--set", "epochs=2",
        "--set", "batch=4", "--from-scratch",
      ]
      let plan = try Tool.run(arguments + ["--dry-run"])
      #expect(plan.status == 0 && plan.output.contains("propagation_0.mlp_convs.0.weight"), "\(plan.errors)")
      #expect(plan.output.contains("targets of points"))
      let trained = try Tool.run(arguments + ["--json"])
      try #require(trained.status == 0, "\(trained.errors)")
      #expect(trained.errors.contains("epoch 1: loss ") && trained.errors.contains(", instance mIoU "))
      #expect(!trained.errors.contains("it gets a new one"))
      struct Result: Decodable {
        var steps: Int
        var accuracy: Double?
        var best_instance_miou: Double
      }
      let result = try JSONDecoder().decode(Result.self, from: Data(trained.output.utf8))
      #expect(result.steps == 4 && result.accuracy == nil)
      let page = try String(contentsOf: run.appendingPathComponent("index.html"), encoding: .utf8)
      #expect(page.contains("Instance mIoU") && !page.contains("Accuracy"))
      let best = run.appendingPathComponent("model").path
      let evaluated = try Tool.run(["evaluate", "--model", best, "--data", data, "--json"])
      try #require(evaluated.status == 0, "\(evaluated.errors)")
      let found = try JSONDecoder().decode(Evaluation.self, from: Data(evaluated.output.utf8))
      #expect(found.count == 8 && found.instance_miou == result.best_instance_miou)
    }
  }

  @Test func foldersOfOtherNamesAreExplained() throws {
    try Tool.withFolder { folder in
      let data = folder.appendingPathComponent("data")
      try write(line([0, 1]), to: data.appendingPathComponent("sofa/0.txt"))
      let result = try Tool.run([
        "train", "--target", makeModel(in: folder), "--data", data.path, "--output",
        folder.appendingPathComponent("run").path,
      ])
      #expect(result.status == 1 && result.errors.contains("'sofa' is not among"), "\(result.errors)")
      #expect(result.errors.contains("lamp, chair, table, mug"))
    }
  }

  @Test func aStepIsTimed() throws {
    try Tool.withFolder { folder in
      let result = try Tool.run([
        "bench", "--training", "--model", makeModel(in: folder), "--batch", "2", "--runs", "1", "--threads", "2",
        "--json",
      ])
      try #require(result.status == 0, "\(result.errors)")
      let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any] ?? [:]
      #expect(report["batch"] as? Int == 2 && (report["median_ms"] as? Double ?? 0) > 0)
    }
  }
}
