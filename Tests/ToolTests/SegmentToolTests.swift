import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// The answers of `m2pt segment` against the log-probabilities of the model.
@Suite struct SegmentToolTests {
  private struct Report: Decodable {
    struct Part: Decodable {
      var part: Int
      var label: String
      var points: Int
      var mean_probability: Double
    }
    var category: String
    var points: Int
    var parts: [Part]
  }

  /// The answer for a category: the sum of the best log-probabilities of points, and the part of every point with its
  /// share among the parts of the category.
  private struct Answer {
    var certainty = 0.0
    var points: [(part: Int, probability: Double)] = []

    init(_ logits: [Float], classes: Int, parts: [Int]) {
      for start in stride(from: 0, to: logits.count, by: classes) {
        let best = parts.max { (logits[start + $0], -$0) < (logits[start + $1], -$1) } ?? 0
        certainty += Double(logits[start + best])
        let total = parts.reduce(0) { $0 + exp(Double(logits[start + $1]) - Double(logits[start + best])) }
        points.append((best, 1 / total))
      }
    }
  }

  private func ask(_ model: URL, _ file: URL, _ options: [String] = []) throws -> Report {
    let result = try Tool.run(["segment", "--model", model.path, file.path, "--json"] + options)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  /// Hues at multiples of the golden angle, fully saturated: 0, 222.5, 85.0 and 307.5 degrees.
  @Test func partsHaveTheirColours() throws {
    let colors: [[UInt8]] = [[255, 25, 25], [25, 74, 255], [148, 255, 25], [255, 25, 223]]
    try Tool.withFolder { folder in
      let place = folder.appendingPathComponent("model")
      let golden = try PointToolTests.makeModel("segmenter", in: place)
      let points = try #require(golden.tensors["points"])
      let values = try points.float32()
      let text = (0..<points.shape[1]).map { "\(values[3 * $0]) \(values[3 * $0 + 1]) \(values[3 * $0 + 2])" }
      let file = folder.appendingPathComponent("cloud.xyz")
      try Data(text.joined(separator: "\n").utf8).write(to: file)
      let categories = try #require(ModelWeights(modelAt: place).configuration.parts).categories
      for category in categories where !category.parts.isEmpty {
        let output = folder.appendingPathComponent("\(category.name).ply")
        let run = try Tool.run(
          ["segment", "--model", place.path, file.path, "--category", category.name, "--output", output.path])
        try #require(run.status == 0, "\(run.errors)")
        let data = try Data(contentsOf: output)
        let header = try #require(data.firstRange(of: Data("property int label\nend_header\n".utf8)))
        for point in 0..<points.shape[1] {
          let row = header.upperBound + 19 * point
          let label = data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: row + 15, as: Int32.self)) }
          let number = try #require(category.parts.firstIndex(of: label))
          #expect(Array(data[row + 12..<row + 15]) == colors[number])
        }
      }
    }
  }

  /// Without --category the most probable category is used, with it the named one.
  @Test(arguments: [0, 1]) func theSurestCategoryIsTaken(_ cloudIndex: Int) throws {
    try Tool.withFolder { folder in
      let place = folder.appendingPathComponent("model")
      let golden = try PointToolTests.makeModel("segmenter", in: place)
      let points = try #require(golden.tensors["points"])
      let count = points.shape[1]
      let cloud = try PointCloud(
        coordinates: Array(points.float32()[3 * count * cloudIndex..<3 * count * (cloudIndex + 1)]))
      let file = folder.appendingPathComponent("cloud.xyz")
      let text = (0..<count).map { "\(cloud[$0].x) \(cloud[$0].y) \(cloud[$0].z)" }.joined(separator: "\n")
      try Data(text.utf8).write(to: file)

      let model = try VisionTransformer(ModelWeights(modelAt: place), engine: Engine())
      let c = model.configuration
      let categories = try #require(c.parts).categories
      let input = Tensor(try cloud.normalized().coordinates, shape: [1, count, 3])
      let answers = try categories.indices.map { number in
        let own = categories[number].parts
        return Answer(
          try model.forward(input, categories: [number]).logits.float32(), classes: c.classCount,
          parts: own.isEmpty ? Array(0..<c.classCount) : own)
      }
      let surest = try #require(answers.indices.max { answers[$0].certainty < answers[$1].certainty })
      let least = try #require(answers.indices.min { answers[$0].certainty < answers[$1].certainty })
      #expect(surest != least)
      #expect(try ask(place, file).category == categories[surest].name)

      for number in categories.indices {
        let found = try ask(place, file, ["--category", categories[number].name])
        #expect(found.category == categories[number].name && found.points == count)
        let parts = categories[number].parts.isEmpty ? Array(0..<c.classCount) : categories[number].parts
        let expected = parts.map { part in answers[number].points.filter { $0.part == part }.map(\.probability) }
        let named = zip(parts, expected).filter { !$0.1.isEmpty }
        #expect(found.parts.map(\.part) == named.map(\.0) && found.parts.map(\.points) == named.map(\.1.count))
        // Parts without a name of their own are numbered from 1.
        let labels = parts.enumerated().map { c.labels?[$1] ?? "\(categories[number].name) \($0 + 1)" }
        #expect(found.parts.map(\.label) == found.parts.map { labels[parts.firstIndex(of: $0.part) ?? 0] })
        for (part, probabilities) in zip(found.parts, named.map(\.1)) {
          let mean = probabilities.reduce(0, +) / Double(probabilities.count)
          // float32: log-probabilities above -20 are subtracted, their exponentials added, and 1 divided by the sum.
          #expect(abs(part.mean_probability - mean) <= gamma(64) * mean)
        }
      }
    }
  }
}
