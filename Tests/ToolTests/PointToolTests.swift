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

  /// A model that classifies clouds.
  static func makeClassifier(in folder: URL) throws -> String {
    let model = folder.appendingPathComponent("model")
    try makeModel("classifier", in: model)
    return model.path
  }

  /// Makes a model directory of a golden, `segmenter` or `classifier`.
  @discardableResult
  static func makeModel(_ name: String, in folder: URL) throws -> Checkpoint {
    let golden = try Checkpoint(contentsOf: Fixture.url("points/\(name).safetensors"))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
    let weights = golden.tensors.filter { $0.key.hasPrefix("weights.") }
    try Checkpoint(
      tensors: Dictionary(uniqueKeysWithValues: weights.map { (String($0.key.dropFirst(8)), $0.value) })
    ).write(to: folder.appendingPathComponent("model.safetensors"))
    return golden
  }

  /// A model directory of a golden, and its first cloud as files.
  private func withModel(_ name: String, _ body: (URL, _ cloud: PointCloud) throws -> Void) throws {
    try Tool.withFolder { folder in
      let golden = try Self.makeModel(name, in: folder.appendingPathComponent("model"))
      let points = golden.tensors["points"]!
      let cloud = try PointCloud(coordinates: Array(points.float32().prefix(3 * points.shape[1])))
      let text = (0..<cloud.count).map { "\(cloud[$0].x) \(cloud[$0].y) \(cloud[$0].z)" }.joined(separator: "\n")
      try Data(text.utf8).write(to: folder.appendingPathComponent("cloud.xyz"))
      try PointFile.writePLY(
        cloud, colors: Array(repeating: PointColor(0, 0, 0), count: cloud.count),
        column: .integers("label", Array(repeating: 0, count: cloud.count)),
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
      // Text and binary have the same points; the files of a directory are found.
      let both = try Tool.run(["classify", "--model", model, "--json", "--batch", "2", folder.path])
      let twice = try JSONDecoder().decode([Answer].self, from: Data(both.output.utf8))
      #expect(twice.map { $0.classes.map(\.logit) } == [answers[0], answers[0]].map { $0.classes.map(\.logit) })
      let picture = try Tool.run(["classify", "--model", model, Fixture.url("images/cat.jpg").path])
      #expect(picture.status == 1 && picture.errors.contains("a JPEG image"), "\(picture.errors)")
      let segment = try Tool.run(["segment", "--model", model, file])
      #expect(segment.status == 1 && segment.errors.contains("classify"), "\(segment.errors)")
    }
  }

  /// A cloud in UTM coordinates has the answers of the same cloud at 0, in its own coordinates.
  @Test func cloudsFarFromZeroAnswerInTheirOwnCoordinates() throws {
    try withModel("segmenter") { folder, cloud in
      let model = folder.appendingPathComponent("model").path
      let (easting, northing) = (691_234.5, 5_412_345.25)
      let far = folder.appendingPathComponent("far.xyz")
      let lines = (0..<cloud.count).map { index in
        "\(Double(cloud[index].x) + easting) \(Double(cloud[index].y) + northing) \(cloud[index].z)"
      }
      try Data(lines.joined(separator: "\n").utf8).write(to: far)
      func rows(_ file: URL) throws -> [[Double]] {
        let result = try Tool.run(["segment", "--model", model, "--csv", file.path])
        try #require(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        return result.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",").map { Double($0)! } }
      }
      let (near, moved) = (try rows(folder.appendingPathComponent("cloud.xyz")), try rows(far))
      #expect(near.count == cloud.count && moved.count == cloud.count)
      for (a, b) in zip(near, moved) {
        #expect(abs(b[0] - easting - a[0]) < 1e-6 && abs(b[1] - northing - a[1]) < 1e-6 && abs(b[2] - a[2]) < 1e-6)
        #expect(a[3] == b[3] && abs(a[4] - b[4]) < 1e-3)
      }
      let output = folder.appendingPathComponent("parts.ply")
      let written = try Tool.run(["segment", "--model", model, far.path, "--output", output.path])
      #expect(written.status == 0, "\(written.errors)")
      let parts = try PointFile.read(output)
      #expect(abs(parts.position(5).y - northing - Double(cloud[5].y)) < 1e-6)
      let look = try Tool.run(["attention", "--model", model, far.path, "--json"])
      let centers = try #require(JSONDecoder().decode(Attention.self, from: Data(look.output.utf8)).centers)
      #expect(centers.allSatisfy { abs(Double($0[1]) - northing) < 10 })
      let broken = folder.appendingPathComponent("broken.csv")
      try Data("x,y,z\n1,2,3\n4,,6\n".utf8).write(to: broken)
      let refused = try Tool.run(["segment", "--model", model, broken.path])
      #expect(refused.status == 1 && refused.errors.contains("line 3: the value of y is missing"), "\(refused.errors)")
    }
  }

  private struct Attention: Decodable {
    var prefix: [Double]
    var attention: [[Double]]
    var centers: [[Float]]?
  }

  /// Every point has a colour and a value of the nearest centres; a centre has those of its group.
  @Test(arguments: ["classifier", "segmenter"])
  func attention(_ name: String) throws {
    try withModel(name) { folder, cloud in
      let model = folder.appendingPathComponent("model").path
      let file = folder.appendingPathComponent("cloud.ply").path
      let output = folder.appendingPathComponent("look.ply")
      let result = try Tool.run(["attention", "--model", model, file, "--json", "--output", output.path])
      try #require(result.status == 0, "\(result.errors)")
      let answer = try JSONDecoder().decode(Attention.self, from: Data(result.output.utf8))
      let (groups, centers) = (try #require(answer.attention.first), try #require(answer.centers))
      #expect(answer.attention.count == 1 && groups.count == centers.count)
      // Each of at most 65 float32 probabilities is rounded, and so is their divisor.
      #expect(abs(answer.prefix.reduce(0, +) + groups.reduce(0, +) - 1) <= 2 * gamma(65 + 2))
      #expect(try PointFile.read(output).coordinates == cloud.coordinates)
      let data = try Data(contentsOf: output)
      let header = try #require(data.firstRange(of: Data("property float attention\nend_header\n".utf8)))
      #expect(data.count == header.upperBound + 19 * cloud.count)
      let values = (0..<cloud.count).map { point in
        data.withUnsafeBytes {
          Float(bitPattern: $0.loadUnaligned(fromByteOffset: header.upperBound + 19 * point + 15, as: UInt32.self))
        }
      }
      for (group, center) in centers.enumerated() {
        let point = try #require(
          (0..<cloud.count).first { [cloud[$0].x, cloud[$0].y, cloud[$0].z] == center })
        #expect(values[point] == Float(groups[group]))
      }
      let range = groups.min()!...groups.max()!
      #expect(values.allSatisfy { Float(range.lowerBound) <= $0 && $0 <= Float(range.upperBound) })

      let picture = folder.appendingPathComponent("look.png")
      let painted = try Tool.run(["attention", "--model", model, file, "--token", "2", "--output", picture.path])
      #expect(painted.status == 0 && painted.output.contains("token 2, \(cloud.count) points"), "\(painted.errors)")
      let pixels = try ImageFile.read(picture)
      #expect(pixels.extent == Extent(square: 512) && Array(pixels.rgb.prefix(3)) == [255, 255, 255])
      #expect(pixels.rgb.count { $0 < 250 } > 3 * cloud.count)
      let turned = try Tool.run(
        ["attention", "--model", model, file, "--token", "2", "--up", "z", "--output", picture.path])
      #expect(try turned.status == 0 && ImageFile.read(picture) != pixels)
      for (options, text) in [
        (["--token", "\(groups.count)", "--output", picture.path], "\(groups.count) groups"),
        (["--token", "0,1", "--output", picture.path], "GROUP"), (["--output", file + ".jpg"], ".ply or .png"),
      ] {
        let refused = try Tool.run(["attention", "--model", model, file] + options)
        #expect(refused.status == 1 && refused.errors.contains(text), "\(refused.errors)")
      }
    }
  }

  /// Balls and sticks: one linear layer replaces the hidden layers of the published head, or the per-point head.
  @Test(arguments: ["classifier", "segmenter"])
  func probe(_ name: String) throws {
    try withModel(name) { folder, _ in
      var random = SeededGenerator(seed: 61)
      let train = folder.appendingPathComponent("train")
      for (kind, width) in [("ball", Float(1)), ("stick", 0.05)] {
        let place = train.appendingPathComponent(kind)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for index in 0..<6 {
          let lines = (0..<100).map { _ in
            let point = random.floats(3)
            return "\(point[0] * width) \(point[1] * width) \(point[2])"
          }
          try Data(lines.joined(separator: "\n").utf8).write(to: place.appendingPathComponent("\(index).xyz"))
        }
      }
      let output = folder.appendingPathComponent("probed").path
      let model = folder.appendingPathComponent("model").path
      let result = try Tool.run(
        ["probe", "--model", model, "--train", train.path, "--output", output, "--folds", "2", "--batch", "5"])
      #expect(result.status == 0 && result.output.contains("training: 12 clouds in"), "\(result.errors)")
      let probed = try ModelWeights(modelAt: URL(fileURLWithPath: output))
      #expect(probed.configuration.labels == ["ball", "stick"] && probed.configuration.task == .singleLabel)
      #expect(
        try probed.tensor("cls_head_finetune.0.weight").shape == [2, probed.configuration.pooledWidth])
      let answers = try Tool.run(
        ["classify", "--model", output, "--csv", "--top-k", "1", train.path + "/ball", train.path + "/stick"])
      let labels = answers.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[3] }
      #expect(labels == Array(repeating: "ball", count: 6) + Array(repeating: "stick", count: 6), "\(answers.errors)")
    }
  }

  /// The centre of every dot has the colour of the nearest point whose dot covers it: the hue of its part, 0 or 222.5
  /// degrees, mixed with 0.4 (0.5 - d / 2) of white at the depth d, from -1 to 1.
  @Test func segmentedPointsArePainted() throws {
    try withModel("segmenter") { folder, cloud in
      let model = folder.appendingPathComponent("model").path
      try Self.balance(5, 6, ofCategory: 2, URL(fileURLWithPath: model), cloud)
      let file = folder.appendingPathComponent("cloud.xyz").path
      let picture = folder.appendingPathComponent("parts.png")
      let command = ["segment", "--model", model, file, "--category", "table"]
      let result = try Tool.run(command + ["--output", picture.path])
      #expect(result.status == 0, "\(result.errors)")
      let painted = try ImageFile.read(picture)
      #expect(painted.extent == Extent(square: 512))

      let table = try Tool.run(command + ["--csv"])
      let parts = table.output.split(separator: "\n").dropFirst().compactMap { Int($0.split(separator: ",")[3]) }
      #expect(parts.count == cloud.count && Set(parts) == [5, 6])
      let dots = Self.dots(cloud)
      for dot in dots {
        let covering = dots.indices.filter { index in
          let (down, across) = (dots[index].row - dot.row, dots[index].column - dot.column)
          return down * down + across * across <= 64
        }
        let nearest = try #require(covering.max { dots[$0].depth < dots[$1].depth })
        let fog = 0.4 * (0.5 - dots[nearest].depth / 2)
        let hue: [Double] = parts[nearest] == 5 ? [255, 25, 25] : [25, 74, 255]
        let start = 3 * (dot.row * 512 + dot.column)
        #expect(
          painted.rgb[start..<start + 3].map { Int($0) } == hue.map { Int(($0 * (1 - fog) + 255 * fog).rounded()) })
      }
      let refused = try Tool.run(["segment", "--model", model, file, "--output", "parts.obj"])
      #expect(refused.status == 1 && refused.errors.contains(".ply or .png"), "\(refused.errors)")
    }
  }

  /// Moves a bias so that half of the points belong to each of two parts.
  private static func balance(
    _ part: Int, _ other: Int, ofCategory category: Int, _ model: URL, _ cloud: PointCloud
  ) throws {
    let weights = try ModelWeights(modelAt: model)
    let input = Tensor(try cloud.normalized().coordinates, shape: [1, cloud.count, 3])
    let logits = try VisionTransformer(weights, engine: Engine()).forward(input, categories: [category]).logits
    let (values, classes) = (try logits.float32(), weights.configuration.classCount)
    let differences = (0..<cloud.count).map { values[classes * $0 + other] - values[classes * $0 + part] }.sorted()
    var tensors = weights.tensors
    let bias = try #require(tensors["convs3.bias"])
    var biases = try bias.float32()
    biases[other] -= (differences[cloud.count / 2 - 1] + differences[cloud.count / 2]) / 2
    tensors["convs3.bias"] = Tensor(biases, shape: bias.shape)
    try Checkpoint(tensors: tensors).write(to: model.appendingPathComponent("model.safetensors"))
  }

  /// The dots of points whose y axis points up, for a camera 35 degrees to the right and 20 above. The ball around the
  /// cloud fills the square of 512 pixels, except for a margin of a dot's radius, 8, and a pixel.
  private static func dots(_ cloud: PointCloud) -> [(row: Int, column: Int, depth: Double)] {
    let middle = (0..<3).map { axis in
      let values = (0..<cloud.count).map { Double(cloud.coordinates[3 * $0 + axis]) }
      return (values.min()! + values.max()!) / 2
    }
    let (around, above) = (35 * Double.pi / 180, 20 * Double.pi / 180)
    let places = (0..<cloud.count).map { index in
      let p = (0..<3).map { Double(cloud.coordinates[3 * index + $0]) - middle[$0] }
      let turned = p[0] * sin(around) + p[2] * cos(around)
      return [
        p[0] * cos(around) - p[2] * sin(around), p[1] * cos(above) - turned * sin(above),
        p[1] * sin(above) + turned * cos(above),
      ]
    }
    let radius = places.map { ($0[0] * $0[0] + $0[1] * $0[1] + $0[2] * $0[2]).squareRoot() }.max()!
    return places.map { place in
      let row = Int((256 - place[1] * 247 / radius).rounded())
      return (row, Int((256 + place[0] * 247 / radius).rounded()), place[2] / radius)
    }
  }

  /// Finite weights with answers that are not finite: nothing is written.
  @Test func partsThatAreNotFiniteNameTheFile() throws {
    try withModel("segmenter") { folder, _ in
      let model = folder.appendingPathComponent("model")
      let weights = model.appendingPathComponent("model.safetensors")
      var tensors = try Checkpoint(contentsOf: weights).tensors
      let last = try #require(tensors["convs3.weight"])
      tensors["convs3.weight"] = Tensor([Float](repeating: 3e38, count: last.count), shape: last.shape)
      try Checkpoint(tensors: tensors).write(to: weights)
      let file = folder.appendingPathComponent("cloud.xyz").path
      for format in [[], ["--json"], ["--csv"], ["--output", folder.path + "/parts.ply"]] {
        let found = try Tool.run(["segment", "--model", model.path, file] + format)
        #expect(found.status == 1 && found.output.isEmpty, "\(found.output)")
        #expect(found.errors.contains("\(file): the answer for a point is not finite"), "\(found.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/parts.ply"))
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

  private struct FileTimes: Decodable {
    var modality: String
    var views: Int
    var read_ms: Double
    var tokens_ms: Double
    var pass_ms: Double
    var times_ms: [Double]
    var percent_before_blocks: Double
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
      let timed = try Tool.run(["bench", "--model", model, "--runs", "3", "--input", file, "--json"])
      #expect(timed.status == 0, "\(timed.errors)")
      let times = try JSONDecoder().decode(FileTimes.self, from: Data(timed.output.utf8))
      #expect(times.modality == "points" && times.views == 1 && times.times_ms.count == 3)
      #expect(0 < times.tokens_ms && times.tokens_ms < times.pass_ms && times.read_ms > 0)
      #expect((0...100).contains(times.percent_before_blocks))
      let wrong = try Tool.run(["bench", "--model", model, "--input", file, "--profile"])
      #expect(wrong.status == 64 && wrong.errors.contains("--input goes with"), "\(wrong.errors)")
      let inspected = try Tool.run(["inspect", model])
      #expect(inspected.status == 0, "\(inspected.errors)")
    }
  }
}
