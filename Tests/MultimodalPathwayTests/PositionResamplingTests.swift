import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Position embeddings at other sizes, against timm (Tests/Fixtures/model/make_goldens.py).
@Suite struct PositionResamplingTests {
  private struct Case: Decodable {
    var from: [Int]
    var to: [Int]
    var prefix_tokens: Int
  }

  /// A model of width 8 with patches of one pixel, whose grid is its image.
  private func weights(_ item: Case, positions: Tensor) throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_positions", imageSize: Extent(height: item.from[0], width: item.from[1]),
      patchSize: Extent(square: 1), width: 8, depth: 1, heads: 1, hiddenWidth: 8)
    c.classCount = 0
    c.hasClassToken = item.prefix_tokens > 0
    c.registerTokens = max(0, item.prefix_tokens - 1)
    if !c.hasClassToken { c.pooling = .mean }
    var tensors = try ModelWeights.random(c, seed: 1).tensors
    tensors["pos_embed"] = positions
    return try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c)
  }

  /// The error of PyTorch's float32 arithmetic: kernels of t <= 4 max(1, in / out) + 1 taps per direction, at distances
  /// with an error of 4 roundings of numbers up to the side of the grid, where the slope of the cubic is below 2; then
  /// t products and sums, and a division for the normalised weights. Our result adds one rounding.
  private func bound(_ item: Case, largest: Double) -> Double {
    func direction(_ source: Int, _ target: Int) -> (taps: Double, weights: Double) {
      let taps = 4 * max(1, Double(source) / Double(target)) + 1
      return (taps, taps * (2 * 4 * Double(source) + 8) * unitRoundoff)
    }
    let (rows, columns) = (direction(item.from[0], item.to[0]), direction(item.from[1], item.to[1]))
    // Weights of a row or column sum to 1, their magnitudes to less than 2.
    let sums = gamma(Int(rows.taps + columns.taps) + 4) * 4
    return largest * (2 * rows.weights + 2 * columns.weights + sums) + unitRoundoff * 4 * largest
  }

  @Test(arguments: [true, false])
  func matchesTimm(_ antialias: Bool) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/positions.safetensors"))
    let cases = try JSONDecoder().decode([String: Case].self, from: Data(golden.metadata["cases"]!.utf8))
    #expect(cases.count == 8)
    for (name, item) in cases {
      let source = golden.tensors["source.\(name)"]!
      let expected = try golden.tensors["\(antialias ? "resampled" : "plain").\(name)"]!.float32()
      let size = Extent(height: item.to[0], width: item.to[1])
      let resized = try weights(item, positions: source).resized(to: size, antialias: antialias)
      #expect(resized.configuration.imageSize == size)
      let found = resized.tensors["pos_embed"]!
      #expect(found.shape == [1, item.prefix_tokens + item.to[0] * item.to[1], 8])
      let values = try found.float32()
      let bound = bound(item, largest: try source.float32().reduce(0) { max($0, abs(Double($1))) })
      var worst = WorstError()
      for index in expected.indices { worst.note(values[index], Double(expected[index]), bound: bound, at: [index]) }
      #expect(worst.isWithinBound, "\(name): \(worst)")
      let kept = item.prefix_tokens * 8
      #expect(Array(values[..<kept]) == Array(try source.float32()[..<kept]))
    }
  }

  @Test func constantsStayAndTheSameGridKeepsItsBits() throws {
    let item = Case(from: [5, 4], to: [3, 9], prefix_tokens: 1)
    let constant = try weights(item, positions: Tensor([Float](repeating: 0.75, count: 21 * 8), shape: [1, 21, 8]))
    for antialias in [true, false] {
      let resized = try constant.resized(to: Extent(height: 3, width: 9), antialias: antialias)
      // Weights sum to 1 within a few roundings in Double.
      #expect(try resized.tensors["pos_embed"]!.float32().allSatisfy { $0 == 0.75 })
    }
    let same = try constant.resized(to: Extent(height: 5, width: 4))
    #expect(try same.tensors["pos_embed"]!.float32() == constant.tensors["pos_embed"]!.float32())
  }

  @Test func impossibleSizesAreRefused() throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/resized.safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
    for size in [Extent(square: 7), Extent(square: 0), Extent(height: -8, width: 8), Extent(square: 1 << 20)] {
      #expect(throws: ConfigurationError.self) { try weights.resized(to: size) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func wholeModelMatchesTimm(_ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/resized.safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden)
    ).resized(to: Extent(height: 40, width: 56))
    let model = try VisionTransformer(weights, engine: Engine(threads: 2, instructionSet: set))
    let output = try model.forward(golden.tensors["input"]!, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "features")
    try GoldenTests.expectClose(output.logits, golden.tensors["float64.logits"]!, "logits")
  }

  @Test func sizesAreParsed() {
    #expect(Extent(parsing: "384") == Extent(square: 384))
    #expect(Extent(parsing: "384x256") == Extent(height: 384, width: 256))
    for text in ["", "x", "1x", "x1", "1x2x3", "-1", "0", "3.5", "a", "99999999999999999999"] {
      #expect(Extent(parsing: text) == nil, "\(text)")
    }
  }
}
