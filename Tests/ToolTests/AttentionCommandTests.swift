import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// `m2pt attention`, run as a process.
@Suite struct AttentionCommandTests {
  private struct Answer: Decodable {
    var block: Int
    var token: String
    var prefix: [Double]
    var attention: [[Double]]

    var total: Double { prefix.reduce(0, +) + attention.joined().reduce(0, +) }
  }

  private let picture = Fixture.url("real/photographs/coffee.jpg").path
  /// Every row of float32 probabilities sums to 1 within a rounding of each and of their normalisation, the 17 tokens'
  /// together.
  private let sumBound = gamma(17 + 2)

  private func ask(_ model: String, _ options: [String]) throws -> Answer {
    let result = try Tool.run(["attention", "--model", model, picture, "--json"] + options)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
  }

  @Test func givesTheModelsProbabilities() throws {
    try Tool.withFolder { folder in
      let path = try PictureTests.makeModel(in: folder)
      let model = try VisionTransformer(ModelWeights(modelAt: URL(fileURLWithPath: path)), engine: Engine())
      let recipe = try ImagePreprocessing.read(modelAt: URL(fileURLWithPath: path))
      let pixels = try ImagePreprocessor(recipe)([ImageFile.read(URL(fileURLWithPath: picture))])
      let maps = try #require(model.forward(pixels, attention: 0).attention).float32()
      let tokens = 17
      let one = try ask(path, ["--block", "0", "--head", "2", "--token", "1,3"])
      let start = (2 * tokens + 1 + 4 + 3) * tokens
      #expect(one.prefix + one.attention.joined() == maps[start..<start + tokens].map { Double($0) })
      let mean = try ask(path, ["--block", "0"])
      let expected = (0..<tokens).map { key in
        (0..<3).reduce(0.0) { $0 + Double(maps[$1 * tokens * tokens + key]) / 3 }
      }
      #expect(mean.token == "class" && mean.prefix + mean.attention.joined() == expected)
      for options in [[], ["--rollout"], ["--token", "mean"], ["--rollout", "--block", "0", "--head", "1"]] {
        let answer = try ask(path, options)
        #expect(answer.attention.map(\.count) == [4, 4, 4, 4] && answer.prefix.count == 1)
        #expect(abs(answer.total - 1) <= 2 * sumBound, "\(options): \(answer.total)")
      }
    }
  }

  @Test func paintsThePictureTheModelSees() throws {
    try Tool.withFolder { folder in
      let path = try PictureTests.makeModel(in: folder)
      let output = folder.appendingPathComponent("attention.png")
      let result = try Tool.run(["attention", "--model", path, picture, "--output", output.path])
      #expect(result.status == 0 && result.output.contains("block 1, head mean, token class"), "\(result.errors)")
      #expect(try ImageFile.read(output).extent == Extent(square: 32))
      // Without colours, the crop itself.
      let plain = try Tool.run(["attention", "--model", path, picture, "--opacity", "0", "--output", output.path])
      #expect(plain.status == 0)
      let recipe = try ImagePreprocessing.read(modelAt: URL(fileURLWithPath: path))
      let crop = try ImagePreprocessor(recipe).crop(ImageFile.read(URL(fileURLWithPath: picture)))
      #expect(try ImageFile.read(output) == crop)
      // Colours alone: the least and the largest value have the ends of the map, unless they lie between pixels.
      let solid = try Tool.run(["attention", "--model", path, picture, "--opacity", "1", "--output", output.path])
      #expect(solid.status == 0)
      #expect(try ImageFile.read(output) != crop)
    }
  }

  @Test func refuses() throws {
    try Tool.withFolder { folder in
      let path = try PictureTests.makeModel(in: folder)
      let output = ["--output", folder.appendingPathComponent("a.png").path]
      for (options, status, text) in [
        ([], 64, "--output"), (output + ["--token", "4,"], 64, "token"), (output + ["--head", "-1"], 64, "head"),
        (output + ["--opacity", "2"], 64, "opacity"), (output + ["--block", "2"], 1, "blocks 0...1"),
        (output + ["--head", "3"], 1, "heads 0...2"), (output + ["--token", "0,4"], 1, "4 x 4 patches"), (output + ["--token", "4"], 1, "ROW,COLUMN"),
      ] as [([String], Int32, String)] {
        let result = try Tool.run(["attention", "--model", path, picture] + options)
        #expect(result.status == status && result.errors.contains(text), "\(options): \(result.errors)")
      }
    }
  }
}
