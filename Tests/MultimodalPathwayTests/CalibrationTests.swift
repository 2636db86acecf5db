import Foundation
import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// Automatic precision on a model of two blocks.
@Suite struct CalibrationTests {
  private static let outlying = "blocks.0.mlp.fc1"

  /// Random weights, but the LayerNorm before one layer makes one channel 2,000 times larger than the others, and the
  /// weights of that layer for this channel are 2,000 times smaller.
  private static func weights() throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 2, hiddenWidth: 99)
    c.classCount = 5
    let random = try ModelWeights.random(c, seed: 5)
    var tensors = random.tensors
    for name in ["blocks.0.norm2.weight", "blocks.0.norm2.bias", outlying + ".weight"] {
      let tensor = try #require(tensors[name])
      var values = try tensor.float32()
      let factor: Float = name.contains("norm2") ? 2000 : 1 / 2000
      for index in stride(from: 7, to: values.count, by: 48) { values[index] *= factor }
      tensors[name] = Tensor(values, shape: tensor.shape)
    }
    return try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c)
  }

  private static func images(_ count: Int) -> Tensor {
    var random = SeededGenerator(seed: 6)
    return Tensor(random.floats(count * 3 * 32 * 32), shape: [count, 3, 32, 32])
  }

  private static func calibration(_ set: InstructionSet? = nil, threads: Int = 2) throws -> Calibration {
    try Calibration(PathwayWeights(weights()), engine: Engine(threads: threads, instructionSet: set))
  }

  /// The narrowest format but int8.
  private static func wider(_ set: InstructionSet) -> Precision { set.emulates(.bfloat16) ? .float32 : .bfloat16 }

  /// One outlier uses up the range of int8; bfloat16 is not affected.
  @Test(arguments: InstructionSet.available)
  func aLayerWithAnOutlierIsKeptWider(_ set: InstructionSet) throws {
    var calibration = try Self.calibration(set)
    try calibration.add(Self.images(3))
    let layers = try calibration.layers()
    let joined = (0..<2).flatMap { block in PathwayLayer.allCases.map { $0.name(inBlock: block) } }
    #expect(layers.map(\.name) == ["patch_embed.proj"] + joined)
    let wider = Self.wider(set)
    let singleRow = [PathwayLayer.projection, .fc1, .fc2].map { $0.name(inBlock: 1) }
    for layer in layers {
      // The head reads one token: after attention, the last block computes only that one.
      let isNeverInt8 = layer.name == "patch_embed.proj" || singleRow.contains(layer.name)
      #expect(layer.precision == (isNeverInt8 || layer.name == Self.outlying ? wider : .int8), "\(layer)")
      #expect((layer.int8Loss == nil) == isNeverInt8)
      // Rounding to bfloat16 moves an operand by 2^-8 of itself at most, two of them by 2^-7; attention's four too.
      #expect(layer.bfloat16Loss > 0 && layer.bfloat16Loss < 6 * 0x1p-8, "\(layer)")
    }
    let plan = try calibration.plan()
    // What is never int8 is bfloat16 where nothing else is said.
    let names = [Self.outlying] + (wider == .float32 ? singleRow + ["patch_embed.proj"] : [])
    #expect(plan == PrecisionPlan(.int8, overrides: Dictionary(uniqueKeysWithValues: names.map { ($0, wider) })))
    let model = try VisionTransformer(Self.weights(), precision: plan, engine: calibration.engine)
    #expect(model.precision[0, .fc1] == wider && model.precision[0, .fc2] == .int8)
  }

  @Test func boundsDecide() throws {
    var calibration = try Self.calibration()
    try calibration.add(Self.images(2))
    let wider = Self.wider(calibration.engine.instructionSet)
    let exact = try calibration.layers(bound: 0)
    #expect(exact.allSatisfy { $0.precision == .float32 })
    for layer in try calibration.layers(bound: .infinity) {
      #expect(layer.precision == (layer.int8Loss == nil ? wider : .int8), "\(layer)")
    }
    if wider == .bfloat16 { #expect(try calibration.plan(bound: .infinity) == .int8) }
    // A loss equal to the bound is within it.
    for layer in exact {
      let found = try calibration.layers(bound: layer.bfloat16Loss).first { $0.name == layer.name }
      #expect(found?.precision == wider, "\(layer)")
      guard let int8Loss = layer.int8Loss else { continue }
      #expect(try calibration.layers(bound: int8Loss).first { $0.name == layer.name }?.precision == .int8, "\(layer)")
      let less = try calibration.layers(bound: int8Loss.nextDown).first { $0.name == layer.name }
      #expect(less?.precision == wider, "\(layer)")
    }
  }

  /// The range of a row exceeds float32, although all of its numbers, and all outputs, are finite: the step of int8 is
  /// infinite, and its outputs are NaN.
  @Test(arguments: InstructionSet.available, [Calibration.usualBound, .infinity])
  func aLayerThatIsNaNInInt8IsNeverInt8(_ set: InstructionSet, _ bound: Double) throws {
    let random = try Self.weights()
    var tensors = random.tensors
    for (name, value) in [("blocks.0.norm2.weight", Float(7e37)), ("blocks.0.norm2.bias", 0)] {
      tensors[name] = Tensor([Float](repeating: value, count: 48), shape: [48])
    }
    let weight = try random.tensor(Self.outlying + ".weight")
    tensors[Self.outlying + ".weight"] = Tensor(try weight.float32().map { $0 * 0x1p-100 }, shape: weight.shape)
    let weights = try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors), configuration: random.configuration)
    var calibration = try Calibration(
      PathwayWeights(weights), engine: Engine(threads: 2, instructionSet: set))
    try calibration.add(Self.images(3))
    let layer = try #require(calibration.layers(bound: bound).first { $0.name == Self.outlying })
    #expect(layer.int8Loss == .infinity && layer.bfloat16Loss < 6 * 0x1p-8, "\(layer)")
    #expect(layer.precision == Self.wider(set))
    #expect(try calibration.plan(bound: bound).overrides[Self.outlying] == Self.wider(set))
  }

  @Test func neitherThreadsNorBatchesChangeAnything() throws {
    let images = Self.images(5)
    let values = try images.float32()
    var expected: [Double]?
    for (threads, batch) in [(1, 5), (2, 1), (3, 2), (8, 3)] {
      var calibration = try Self.calibration(threads: threads)
      for first in stride(from: 0, to: 5, by: batch) {
        let count = min(batch, 5 - first)
        let part = Array(values[first * 3 * 32 * 32..<(first + count) * 3 * 32 * 32])
        try calibration.add(Tensor(part, shape: [count, 3, 32, 32]))
      }
      let losses = try calibration.layers().flatMap { layer -> [Double] in [layer.bfloat16Loss, layer.int8Loss ?? 0] }
      #expect(calibration.inputCount == 5 && losses == expected ?? losses, "\(threads) threads, \(batch) a batch")
      expected = losses
    }
  }

  @Test func errorsAreTyped() throws {
    var calibration = try Self.calibration()
    #expect(throws: CalibrationError.noInputs) { try calibration.layers() }
    for bound in [-0.1, .nan] {
      #expect { try calibration.plan(bound: bound) } throws: { error in
        guard case CalibrationError.bound = error else { return false }
        return true
      }
    }
    #expect(throws: InferenceError.self) { try calibration.add(Tensor([1, 2], shape: [1, 2])) }
    var values = try Self.images(1).float32()
    values[3] = .nan
    let input = Tensor(values, shape: [1, 3, 32, 32])
    #expect(throws: InferenceError.inputNotFinite) { try calibration.add(input) }
    #expect(calibration.inputCount == 0)
  }

  @Test func plansAreFiles() throws {
    let plan = PrecisionPlan(.int8, overrides: ["blocks.0.mlp.fc2": .float32, "blocks.1.attn.qkv": .bfloat16])
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: file) }
    try plan.write(to: file)
    #expect(try PrecisionPlan.read(file) == plan)
    let malformed = [
      "": "is not valid JSON", "[]": "expected an object", "{}": "lacks the key 'standard'",
      #"{"standard": "int4"}"#: "float32, bfloat16, int8", #"{"standard": "int8", "layers": {}}"#: "'layers'",
      #"{"standard": "int8", "overrides": []}"#: "'overrides'",
      #"{"standard": "int8", "overrides": {"blocks.0.mlp.fc2": 3}}"#: "overrides.blocks.0.mlp.fc2",
    ]
    for (text, reason) in malformed {
      #expect { try PrecisionPlan.read(json: Data(text.utf8), file: "plan.json") } throws: { error in
        "\(error)".hasPrefix("plan.json: ") && "\(error)".contains(reason)
      }
    }
  }
}
