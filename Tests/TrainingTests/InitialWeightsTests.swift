import MultimodalPathway
import PathwayTraining
import Testing

/// `ModelWeights.initial(seed:)`.
@Suite struct InitialWeightsTests {
  private func initial(seed: UInt64) throws -> ModelWeights {
    var c = Models.configuration
    c.hasLayerScale = true
    return try ModelWeights.random(c, seed: 1).initial(seed: seed)
  }

  private func floats(_ weights: ModelWeights, _ name: String) throws -> [Float] {
    try #require(weights.tensors[name]).float32()
  }

  @Test func numbersFollowTimmsRules() throws {
    let weights = try initial(seed: 5)
    for name in ["blocks.0.attn.qkv.bias", "blocks.1.mlp.fc2.bias", "norm.bias", "head.bias"] {
      #expect(try floats(weights, name).allSatisfy { $0 == 0 }, "\(name)")
    }
    for name in ["blocks.0.norm1.weight", "norm.weight"] {
      #expect(try floats(weights, name).allSatisfy { $0 == 1 }, "\(name)")
    }
    #expect(try floats(weights, "blocks.1.ls2.gamma").allSatisfy { $0 == 1e-5 })
    // Of n numbers of deviation s, the mean square deviates from s^2 by s^2 sqrt(2 / n); six of that.
    for (name, deviation) in [("blocks.0.mlp.fc1.weight", 0.02), ("pos_embed", 0.02), ("cls_token", 1e-6)] {
      let values = try floats(weights, name).map { Double($0) }
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count) / (deviation * deviation)
      #expect(abs(square - 1) < 6 * (2 / Double(values.count)).squareRoot(), "\(name): \(square)")
    }
    // Kernels of 3 x 8 x 8.
    let reach = Float(1 / 192.0.squareRoot())
    for name in ["patch_embed.proj.weight", "patch_embed.proj.bias"] {
      let values = try floats(weights, name)
      #expect(values.allSatisfy { abs($0) <= reach } && values.contains { abs($0) > reach / 2 }, "\(name)")
    }
  }

  @Test func theSeedDecidesAllBits() throws {
    let (first, same, other) = (try initial(seed: 5), try initial(seed: 5), try initial(seed: 6))
    for name in first.tensors.keys { #expect(try floats(first, name) == floats(same, name), "\(name)") }
    #expect(try floats(first, "head.weight") != floats(other, "head.weight"))
  }
}
