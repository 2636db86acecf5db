import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing
import m2pt

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
  /// The float32 probabilities of the 17 tokens sum to 1 within a rounding of each and of their normalisation.
  private let sumBound = gamma(17 + 2)

  private func ask(_ model: String, _ options: [String]) throws -> Answer {
    let result = try Tool.run(["attention", "--model", model, picture, "--json"] + options)
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
  }

  @Test func printsTheProbabilitiesOfTheModel() throws {
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

  @Test func paintsTheInputOfTheModel() throws {
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
      // Only colours: a corner pixel has the value of its patch, and the map covers the least to the largest value.
      let solid = try ask(path, ["--opacity", "1", "--token", "2,1", "--output", output.path])
      let painted = try ImageFile.read(output)
      let values = solid.attention.joined()
      let (least, largest) = (try #require(values.min()), try #require(values.max()))
      for (row, column) in [(0, 0), (0, 3), (3, 0), (3, 3)] {
        let colour = HeatMap.inferno((solid.attention[row][column] - least) / (largest - least))
        let pixel = 3 * (row / 3 * 31 * 32 + column / 3 * 31)
        #expect(Array(painted.rgb[pixel..<pixel + 3]) == colour.map { UInt8($0.rounded()) }, "\(row), \(column)")
      }
    }
  }

  /// Abnar and Zuidema 2020: half of the attention of every block is that of the residual connection, the identity.
  @Test func rolloutMultipliesAttentionAndResidualOfAllBlocks() throws {
    try Tool.withFolder { folder in
      let path = try PictureTests.makeModel(in: folder)
      let model = try VisionTransformer(ModelWeights(modelAt: URL(fileURLWithPath: path)), engine: Engine())
      let recipe = try ImagePreprocessing.read(modelAt: URL(fileURLWithPath: path))
      let pixels = try ImagePreprocessor(recipe)([ImageFile.read(URL(fileURLWithPath: picture))])
      let (tokens, heads) = (17, 3)
      /// (N, N): half the mean of the heads, and half the identity.
      func mixed(_ block: Int) throws -> [[Double]] {
        let maps = try #require(model.forward(pixels, attention: block).attention).float32()
        return (0..<tokens).map { query in
          (0..<tokens).map { key in
            let sum = (0..<heads).reduce(0.0) { $0 + Double(maps[($1 * tokens + query) * tokens + key]) }
            return 0.5 * sum / Double(heads) + (query == key ? 0.5 : 0)
          }
        }
      }
      let (first, second) = (try mixed(0), try mixed(1))
      let found = try ask(path, ["--rollout"])
      for (key, value) in (found.prefix + found.attention.joined()).enumerated() {
        let expected = (0..<tokens).reduce(0.0) { $0 + second[0][$1] * first[$1][key] }
        // Sums of 17 and of 3 in another order, in Double.
        #expect(abs(value - expected) <= gamma(2 * (17 + 3 + 4), u: 0x1p-53) * expected)
      }
      // Up to the first block there is only one factor.
      let one = try ask(path, ["--rollout", "--block", "0"])
      for (value, expected) in zip(one.prefix + one.attention.joined(), first[0]) {
        #expect(abs(value - expected) <= gamma(8, u: 0x1p-53) * expected)
      }
    }
  }

  @Test func refuses() throws {
    try Tool.withFolder { folder in
      let path = try PictureTests.makeModel(in: folder)
      let output = ["--output", folder.appendingPathComponent("a.png").path]
      for (options, status, text) in [
        ([], 64, "--output"), (output + ["--token", "4,"], 64, "token"), (output + ["--head", "-1"], 64, "head"),
        (output + ["--opacity", "2"], 64, "opacity"), (output + ["--block", "2"], 1, "blocks 0...1"),
        (output + ["--head", "3"], 1, "heads 0...2"), (output + ["--token", "0,4"], 1, "4 x 4 patches"),
        (output + ["--token", "4"], 1, "ROW,COLUMN"),
      ] as [([String], Int32, String)] {
        let result = try Tool.run(["attention", "--model", path, picture] + options)
        #expect(result.status == status && result.errors.contains(text), "\(options): \(result.errors)")
      }
    }
  }
}
