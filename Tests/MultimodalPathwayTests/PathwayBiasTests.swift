import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// Combined biases for a target that has biases only of queries and values.
@Suite struct PathwayBiasTests {
  private static func weights(_ bias: VisionTransformerConfiguration.QKVBias, seed: UInt64) throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 16), patchSize: Extent(square: 8), width: 24, depth: 2,
      heads: 2)
    (c.qkvBias, c.classCount) = (bias, 3)
    return try ModelWeights.random(c, seed: seed)
  }

  private static func joined(
    _ bias: PathwayBias
  ) throws -> (PathwayWeights, target: ModelWeights, other: ModelWeights) {
    let (target, other) = (try weights(.queryAndValue, seed: 1), try weights(.full, seed: 2))
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors))
    return (try target.attach(auxiliary: auxiliary, bias: bias, scale: 0.3), target, other)
  }

  /// Keys have no bias in the target, so that of the auxiliary is ignored: timm's `BeitAttention` adds zeros there.
  @Test func keysGetNoBias() throws {
    let (joined, target, other) = try Self.joined(.combined)
    for block in 0..<2 {
      let share = try other.tensor("blocks.\(block).attn.qkv.bias").float32()
      #expect(share[24..<48].allSatisfy { $0 != 0 })
      func sum(_ name: String, _ range: Range<Int>) throws -> [Float] {
        zip(try target.tensor("blocks.\(block).attn.\(name)").float32(), share[range]).map { $0.addingProduct(0.3, $1) }
      }
      let (q, v) = (try sum("q_bias", 0..<24), try sum("v_bias", 48..<72))
      #expect(try joined.bias(block, .qkv) == q + [Float](repeating: 0, count: 24) + v)
      let merged = try joined.merged(engine: Engine(threads: 1))
      #expect(try merged.tensor("blocks.\(block).attn.q_bias").float32() == q)
      #expect(try merged.tensor("blocks.\(block).attn.v_bias").float32() == v)
    }
  }

  @Test func theTargetsBiasesAreKeptIfTheyAreNotCombined() throws {
    let (joined, target, _) = try Self.joined(.target)
    let q = try target.tensor("blocks.1.attn.q_bias").float32()
    let v = try target.tensor("blocks.1.attn.v_bias").float32()
    #expect(try joined.bias(1, .qkv) == q + [Float](repeating: 0, count: 24) + v)
    #expect(try joined.bias(1, .fc1) == target.tensor("blocks.1.mlp.fc1.bias").float32())
  }

  /// For a target whose keys have no bias, every layer of every execution is within its bound around Double.
  @Test func allExecutionsAddTheSameBiases() throws {
    let (joined, _, _) = try Self.joined(.combined)
    var random = SeededGenerator(seed: 4)
    let images = Tensor(random.floats(3 * 16 * 16), shape: [1, 3, 16, 16])
    #expect(try Verification(joined, input: images, engine: Engine(threads: 2)).holds)
  }
}
