import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Commands on files of points, run as processes.
@Suite struct PointToolTests {
  private struct Answer: Decodable {
    struct Class: Decodable {
      var index: Int
      var logit: Float
    }
    var file: String
    var classes: [Class]
  }

  private struct Parts: Decodable {
    struct Part: Decodable {
      var part: Int
      var points: Int
    }
    var category: String
    var points: Int
    var parts: [Part]
  }

  /// A model directory of a golden, and its first cloud as a PLY file.
  private func withModel(_ name: String, _ body: (URL, _ cloud: PointCloud) throws -> Void) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("points/\(name).safetensors"))
    try Tool.withFolder { folder in
      let model = folder.appendingPathComponent("model")
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      try Data(golden.metadata["config"]!.utf8).write(to: model.appendingPathComponent("config.json"))
      let weights = golden.tensors.filter { $0.key.hasPrefix("weights.") }
      try Checkpoint(
        tensors: Dictionary(uniqueKeysWithValues: weights.map { (String($0.key.dropFirst(8)), $0.value) })
      ).write(to: model.appendingPathComponent("model.safetensors"))
      let points = golden.tensors["points"]!
      let cloud = try PointCloud(coordinates: Array(points.float32().prefix(3 * points.shape[1])))
      let text = (0..<cloud.count).map { "\(cloud[$0].x) \(cloud[$0].y) \(cloud[$0].z)" }.joined(separator: "\n")
      try Data(text.utf8).write(to: folder.appendingPathComponent("cloud.xyz"))
      try PointFile.writePLY(
        cloud, colors: Array(repeating: (0, 0, 0), count: cloud.count), labels: Array(repeating: 0, count: cloud.count),
        to: folder.appendingPathComponent("cloud.ply"))
      try body(folder, cloud)
    }
  }

  @Test func classify() throws {
    try withModel("classifier") { folder, cloud in
      let model = folder.appendingPathComponent("model").path
      let file = folder.appendingPathComponent("cloud.ply").path
      let one = try Tool.run(["classify", "--model", model, "--json", file])
      #expect(one.status == 0 && one.errors.isEmpty, "\(one.errors)")
      let answers = try JSONDecoder().decode([Answer].self, from: Data(one.output.utf8))
      let expected = try VisionTransformer(
        ModelWeights(modelAt: URL(fileURLWithPath: model)), engine: Engine(threads: 1))(
          Tensor(cloud.normalized().coordinates, shape: [1, cloud.count, 3])
        ).float32()
      #expect(
        answers.count == 1
          && answers[0].classes.map(\.index)
            == expected.indices.sorted { expected[$0] > expected[$1] }.prefix(5).map { $0 }
      )
      #expect(answers[0].classes[0].logit == expected.max())
      // Text and binary hold the same points; a directory's files are found.
      let both = try Tool.run(["classify", "--model", model, "--json", "--batch", "2", folder.path])
      let twice = try JSONDecoder().decode([Answer].self, from: Data(both.output.utf8))
      #expect(twice.map { $0.classes.map(\.logit) } == [answers[0], answers[0]].map { $0.classes.map(\.logit) })
      let picture = try Tool.run(["classify", "--model", model, Fixture.url("images/cat.jpg").path])
      #expect(picture.status == 1 && picture.errors.contains("a JPEG image"), "\(picture.errors)")
      let segment = try Tool.run(["segment", "--model", model, file])
      #expect(segment.status == 1 && segment.errors.contains("classify"), "\(segment.errors)")
      for command in ["attention", "probe"] {
        let options =
          command == "probe"
          ? ["--train", folder.path, "--output", folder.appendingPathComponent("p").path] : [file, "--output", "a.png"]
        let refused = try Tool.run([command, "--model", model] + options)
        #expect(refused.status != 0, "\(command)")
      }
    }
  }

  @Test func segment() throws {
    try withModel("segmenter") { folder, cloud in
      let model = folder.appendingPathComponent("model").path
      let file = folder.appendingPathComponent("cloud.xyz").path
      let output = folder.appendingPathComponent("parts.ply")
      let known = try Tool.run([
        "segment", "--model", model, file, "--category", "Table", "--output", output.path, "--json",
      ])
      #expect(known.status == 0 && known.errors.isEmpty, "\(known.errors)")
      let report = try JSONDecoder().decode(Parts.self, from: Data(known.output.utf8))
      #expect(report.category == "table" && report.points == cloud.count)
      #expect(
        report.parts.allSatisfy { [5, 6].contains($0.part) } && report.parts.reduce(0) { $0 + $1.points } == cloud.count
      )
      #expect(try PointFile.read(output).coordinates == cloud.coordinates)
      let csv = try Tool.run(["segment", "--model", model, file, "--csv"])
      #expect(csv.output.split(separator: "\n").count == cloud.count + 1, "\(csv.errors)")
      let wrong = try Tool.run(["segment", "--model", model, file, "--category", "car"])
      #expect(wrong.status == 1 && wrong.errors.contains("lamp, chair, table, mug"), "\(wrong.errors)")
      let classify = try Tool.run(["classify", "--model", model, file])
      #expect(classify.status == 1 && classify.errors.contains("segment"), "\(classify.errors)")
    }
  }

  @Test func verifyFeaturesAndBench() throws {
    try withModel("classifier") { folder, _ in
      let model = folder.appendingPathComponent("model").path
      let file = folder.appendingPathComponent("cloud.ply").path
      let verified = try Tool.run(
        ["verify", "--target", model, "--auxiliary", model, "--scale", "0.1", "--input", file])
      #expect(verified.status == 0 && verified.output.contains("verdict: equal"), "\(verified.errors)")
      let features = folder.appendingPathComponent("f.safetensors")
      let written = try Tool.run(["features", "--model", model, file, "--output", features.path])
      #expect(written.status == 0, "\(written.errors)")
      let tensors = try Checkpoint(contentsOf: features).tensors
      #expect(tensors["features"]?.shape == [1, 21, 32] && tensors["pooled"]?.shape == [1, 64])
      let bench = try Tool.run(["bench", "--model", model, "--runs", "1"])
      #expect(bench.status == 0 && bench.output.contains("point_test"), "\(bench.errors)")
      let inspected = try Tool.run(["inspect", model])
      #expect(inspected.status == 0, "\(inspected.errors)")
    }
  }
}
