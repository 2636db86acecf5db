import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// Whole small transformers of every configuration against timm in float64 (Tests/Fixtures/model/make_goldens.py).
@Suite struct GoldenTests {
  static let cases = [
    "headless", "layer_scale", "layer_scale_bf16", "layer_scale_f16", "mae", "max", "mean_max", "mean_no_class_token",
    "no_qkv_bias", "odd_sizes", "pre_norm", "query_value_bias", "rectangle", "registers", "registers_embedded", "token",
  ]

  static func part(_ checkpoint: Checkpoint, _ prefix: String) -> Checkpoint {
    let names = checkpoint.tensors.keys.filter { $0.hasPrefix(prefix) }
    return Checkpoint(
      tensors: Dictionary(
        uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), checkpoint.tensors[$0]!) }))
  }

  static func configuration(_ golden: Checkpoint) throws -> VisionTransformerConfiguration {
    try .read(json: Data(golden.metadata["config"]!.utf8), file: "golden")
  }

  /// Root mean square of the difference over that of the expected values: at most `roundings` rounding errors per
  /// element, added as in a random walk. Up to 3 blocks x (LayerNorm, 4 products of K <= 192, softmax), embedding and
  /// head: fewer than 4,096 in a chain.
  static func expectClose(_ found: Tensor, _ expected: Tensor, _ label: String) throws {
    #expect(found.shape == expected.shape, "\(label)")
    let (a, b) = (try found.float32(), try expected.float32())
    var difference = 0.0
    var size = 0.0
    for (x, y) in zip(a, b) {
      difference += pow(Double(x) - Double(y), 2)
      size += pow(Double(y), 2)
    }
    let relative = (difference / size).squareRoot()
    #expect(relative <= 4096.0.squareRoot() * unitRoundoff, "\(label): relative error \(relative)")
  }

  @Test(arguments: cases, InstructionSet.available)
  func matchesTimm(_ name: String, _ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: Self.part(golden, "weights."), configuration: try Self.configuration(golden))
    let model = try VisionTransformer(weights, engine: try Engine(threads: 2, instructionSet: set))
    let depth = weights.configuration.depth
    let output = try model.forward(golden.tensors["input"]!, features: true, blocks: Array(0..<depth))
    for block in 0..<depth {
      try Self.expectClose(output.blocks[block]!, golden.tensors["float64.block.\(block)"]!, "\(name) block \(block)")
    }
    try Self.expectClose(output.features!, golden.tensors["float64.features"]!, "\(name) features")
    try Self.expectClose(output.pooled, golden.tensors["float64.pooled"]!, "\(name) pooled")
    // Without a head the output is the pooled features.
    let logits = weights.configuration.classCount == 0 ? "float64.pooled" : "float64.logits"
    try Self.expectClose(output.logits, golden.tensors[logits]!, "\(name) logits")
  }

  private struct PathwayCase: Decodable {
    var auxiliaries: [Int]
    var bias: String
    var block_map: [String: Int]
  }

  @Test(arguments: InstructionSet.available, PathwayExecution.allCases)
  func pathwayMatchesPyTorch(_ set: InstructionSet, _ execution: PathwayExecution) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: Self.part(golden, "target."), configuration: try Self.configuration(golden))
    let decoder = JSONDecoder()
    let scales = try decoder.decode([[String: Float]].self, from: Data(golden.metadata["scales"]!.utf8))
    let cases = try decoder.decode([String: PathwayCase].self, from: Data(golden.metadata["cases"]!.utf8))
    let engine = try Engine(threads: 2, instructionSet: set)
    #expect(cases.count == 4)
    for (name, item) in cases {
      var joined = PathwayWeights(target)
      for index in item.auxiliaries {
        let blocks = item.block_map.map { (Int($0.key)!, $0.value) }
        joined = try joined.attach(
          auxiliary: AuxiliaryWeights(checkpoint: Self.part(golden, "auxiliary.\(index).")),
          blockMap: .explicit(Dictionary(uniqueKeysWithValues: blocks)), bias: PathwayBias(rawValue: item.bias)!,
          scales: scales[index])
      }
      let model = try VisionTransformer(joined, execution: execution, engine: engine)
      let output = try model.forward(golden.tensors["input"]!, features: true)
      try Self.expectClose(output.features!, golden.tensors["float64.\(name).features"]!, "\(name) features")
      try Self.expectClose(output.logits, golden.tensors["float64.\(name).logits"]!, "\(name) logits")
    }
  }

  @Test(arguments: InstructionSet.available)
  func identitiesOfThePathwayAreExact(_ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let images = golden.tensors["input"]!
    let target = try ModelWeights(
      checkpoint: Self.part(golden, "target."), configuration: try Self.configuration(golden))
    let auxiliary = try AuxiliaryWeights(checkpoint: Self.part(golden, "auxiliary.0."))
    let engine = try Engine(threads: 2, instructionSet: set)
    func logits(_ weights: PathwayWeights, _ execution: PathwayExecution) throws -> [Float] {
      try VisionTransformer(weights, execution: execution, engine: engine)(images).float32()
    }
    let plain = try logits(PathwayWeights(target), .merged)
    let zero = try target.attach(auxiliary: auxiliary, scale: 0)
    for execution in PathwayExecution.allCases { #expect(try logits(zero, execution) == plain) }

    let joined = try target.attach(auxiliary: auxiliary, scale: 0.25).attach(
      auxiliary: auxiliary, blockMap: .reversed, bias: .combined, scale: -0.125)
    let merged = try joined.merged(engine: engine)
    let bits = try VisionTransformer(merged, engine: engine)(images).float32()
    #expect(try logits(joined, .folded) == bits)
    #expect(try logits(joined, .merged) == bits)
    #expect(bits != plain)
    // Merging must not change the target, and only the joined layers differ in the result.
    #expect(try logits(PathwayWeights(target), .merged) == plain)
    for name in ["pos_embed", "blocks.0.norm1.weight", "head.weight"] {
      #expect(try merged.tensors[name]!.float32() == target.tensors[name]!.float32())
    }
  }

  @Test(arguments: InstructionSet.available)
  func threadsAndBatchChangeNoBit(_ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/registers.safetensors"))
    let weights = try ModelWeights(
      checkpoint: Self.part(golden, "weights."), configuration: try Self.configuration(golden))
    let two = try golden.tensors["input"]!.float32()
    let image = two.count / 2
    var random = SeededGenerator(seed: 9)
    let more = two + random.floats(7 * image)
    let reference = try VisionTransformer(weights, engine: Engine(threads: 1, instructionSet: set))
    let all = try reference(Tensor(more, shape: [9, 3, 32, 32])).float32()
    for threads in 1...8 {
      let model = try VisionTransformer(weights, engine: Engine(threads: threads, instructionSet: set))
      for batch in 1...9 {
        let images = Tensor(Array(more.prefix(batch * image)), shape: [batch, 3, 32, 32])
        #expect(try model(images).float32() == Array(all.prefix(batch * 10)), "\(threads) threads, batch \(batch)")
      }
    }
  }
}
