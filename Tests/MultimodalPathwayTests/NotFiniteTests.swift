import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// NaN and infinity in weights, auxiliaries and sums are errors that name them.
@Suite struct NotFiniteTests {
  private static let configuration: VisionTransformerConfiguration = {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 3, hiddenWidth: 192)
    c.classCount = 3
    return c
  }()

  private static func weights(
    seed: UInt64, _ change: (inout [String: Tensor]) throws -> Void = { _ in }
  ) throws -> ModelWeights {
    var tensors = try ModelWeights.random(configuration, seed: seed).tensors
    try change(&tensors)
    return try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: configuration)
  }

  /// Replaces some elements of a tensor by `value`.
  private static func set(
    _ value: Float, _ name: String, at places: [Int], in tensors: inout [String: Tensor]
  ) throws {
    let tensor = try #require(tensors[name])
    var values = try tensor.float32()
    for place in places { values[place] = value }
    tensors[name] = Tensor(values, shape: tensor.shape)
  }

  private static func auxiliary(_ weights: ModelWeights) throws -> AuxiliaryWeights {
    try AuxiliaryWeights(checkpoint: Checkpoint(tensors: weights.tensors))
  }

  private func caught(_ body: () throws -> Void) -> NotFiniteError? {
    do {
      try body()
    } catch {
      return error as? NotFiniteError
    }
    return nil
  }

  /// A bad number is found in every tensor of a model, in every format.
  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func noTensorOfAModelMayHoldThem(_ precision: Precision) throws {
    let engine = try Engine(threads: 2)
    let names = Self.configuration.parameters.map(\.name)
    #expect(names.count > 25)
    for (number, name) in names.enumerated() {
      let value: Float = [.nan, .infinity, -.infinity][number % 3]
      let bad = try Self.weights(seed: 1) { tensors in
        let last = (tensors[name]?.count ?? 0) - 1
        try Self.set(value, name, at: [last / 2, last], in: &tensors)
      }
      let error = try #require(
        caught { _ = try VisionTransformer(bad, precision: PrecisionPlan(precision), engine: engine) }, "\(name)")
      let shape = try #require(bad.tensors[name]).shape
      #expect(error.tensor == name && error.count == 2 && error.origin == .model)
      #expect(zip(error.index, shape).allSatisfy { $0 < $1 } && error.index.count == shape.count)
      #expect(error.description.contains("'\(name)' is \(["NaN", "infinity", "-infinity"][number % 3]) at ["))
    }
  }

  @Test func aMergeNamesWhereTheyComeFrom() throws {
    let engine = try Engine(threads: 2)
    let good = try Self.weights(seed: 1)
    let name = "blocks.1.mlp.fc1"
    let place = 7 * 48 + 5
    let bad = try Self.weights(seed: 2) { try Self.set(.nan, name + ".weight", at: [place, place + 9], in: &$0) }
    let huge = try Self.weights(seed: 2) {
      try Self.set(.greatestFiniteMagnitude, name + ".weight", at: [place], in: &$0)
    }
    let cases: [(PathwayWeights, NotFiniteError.Origin, String, Int)] = [
      (try bad.attach(auxiliary: Self.auxiliary(good), scale: 0.1), .model, "NaN", 2),
      (try good.attach(auxiliary: Self.auxiliary(bad), scale: 0.1), .auxiliary(0), "NaN", 2),
      (
        try good.attach(auxiliary: Self.auxiliary(good), scale: 0.1).attach(auxiliary: Self.auxiliary(bad), scale: 1),
        .auxiliary(1), "NaN", 2
      ),
      (try good.attach(auxiliary: Self.auxiliary(huge), scale: 3), .sum, "infinity", 1),
      (try huge.attach(auxiliary: Self.auxiliary(huge), scale: 1), .sum, "infinity", 1),
      (PathwayWeights(bad), .model, "NaN", 2),
    ]
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (number, (weights, origin, found, count)) in cases.enumerated() {
      let expected = NotFiniteError(
        tensor: name + ".weight", origin: origin, index: [7, 5], found: found, count: count, total: 192 * 48,
        storedType: origin == .model ? .float32 : nil)
      #expect(caught { _ = try weights.merged(engine: engine) } == expected, "\(number)")
      for type in [ElementType.float32, .bfloat16] {
        let written = caught {
          try weights.writeMerged(to: folder.appendingPathComponent("x"), as: type, engine: engine)
        }
        #expect(written == expected, "\(number) \(type)")
      }
      let isEmpty = try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty
      #expect(isEmpty)
      if number < 3 {
        for execution in PathwayExecution.allCases {
          let run = caught { _ = try VisionTransformer(weights, execution: execution, engine: engine) }
          #expect(run == expected, "\(number) \(execution)")
        }
      }
    }
  }

  /// Biases are folded too, if requested.
  @Test func anAuxiliarysBiasIsNamed() throws {
    let engine = try Engine(threads: 1)
    let good = try Self.weights(seed: 1)
    let bad = try Self.weights(seed: 2) { try Self.set(-.infinity, "blocks.0.attn.qkv.bias", at: [60], in: &$0) }
    let folding = try good.attach(auxiliary: Self.auxiliary(bad), bias: .combined, scale: 0.5)
    let expected = NotFiniteError(
      tensor: "blocks.0.attn.qkv.bias", origin: .auxiliary(0), index: [60], found: "-infinity", count: 1, total: 144,
      storedType: nil)
    #expect(caught { _ = try folding.merged(engine: engine) } == expected)
    #expect(caught { _ = try VisionTransformer(folding, execution: .folded, engine: engine) } == expected)
    // Unused, it has no effect.
    let merged = try good.attach(auxiliary: Self.auxiliary(bad), scale: 0.5).merged(engine: engine)
    let name = "blocks.0.attn.qkv.bias"
    #expect(try merged.tensors[name]?.float32() == good.tensors[name]?.float32())
  }

  @Test func layersWithoutAScaleAreNotChecked() throws {
    let engine = try Engine(threads: 1)
    let good = try Self.weights(seed: 1)
    let bad = try Self.weights(seed: 2) { try Self.set(.nan, "blocks.0.attn.qkv.weight", at: [0], in: &$0) }
    let weights = try good.attach(auxiliary: Self.auxiliary(bad), scale: 0, scales: ["mlp.fc1": 0.5])
    let merged = try weights.merged(engine: engine)
    let name = "blocks.0.attn.qkv.weight"
    #expect(try merged.tensors[name]?.float32() == good.tensors[name]?.float32())
  }

  @Test func aConversionThatMakesThemStops() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func conversion(_ name: String, _ change: (inout [String: Tensor]) throws -> Void) throws -> ModelConversion {
      var tensors = try ModelWeights.random(Self.configuration, seed: 1).tensors
      try change(&tensors)
      let file = folder.appendingPathComponent(name + ".safetensors")
      try Checkpoint(
        tensors: tensors,
        metadata: [ModelWeights.configurationKey: String(decoding: Self.configuration.timmJSON(), as: UTF8.self)]
      ).write(to: file)
      return try ModelConversion(modelAt: file)
    }
    // float64's 1e300 has no float32.
    let wide = try conversion("wide") { tensors in
      var values = try #require(tensors["head.weight"]).float32().map(Double.init)
      (values[50], values[51]) = (1e300, -1e300)
      tensors["head.weight"] = Tensor(elementType: .float64, shape: [3, 48]) { bytes in
        values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
    }
    let error = caught { _ = try wide.checkpoint() }
    #expect(error?.tensor == "head.weight" && error?.index == [1, 2] && error?.count == 2 && error?.total == 144)
    #expect(error?.description.contains("float64") == true)
    // A float32's 70000 has no float16.
    let large = try conversion("large") { try Self.set(70_000, "head.bias", at: [1, 2], in: &$0) }
    #expect(throws: PathwayError.beyondRange(tensor: "head.bias", index: [1], count: 2, type: .float16)) {
      try large.checkpoint(as: .float16)
    }
    #expect(try large.checkpoint(as: .bfloat16).tensors["head.bias"]?.elementType == .bfloat16)
    let broken = try conversion("broken") { try Self.set(.nan, "pos_embed", at: [100], in: &$0) }
    #expect(caught { _ = try broken.checkpoint(as: .float16) }?.index == [0, 2, 4])
  }

  /// A calibration skips inputs that it cannot measure, and names them.
  @Test func aCalibrationNamesTheInput() throws {
    let model = try Self.weights(seed: 1) { tensors in
      let patches = try #require(tensors["patch_embed.proj.weight"])
      tensors["patch_embed.proj.weight"] = Tensor(try patches.float32().map { 1000 * $0 }, shape: patches.shape)
    }
    let size = 3 * 32 * 32
    var values: [Float] = (0..<3 * size).map { Float($0 % 17) - 8 }
    for index in size..<2 * size { values[index] = 3e38 }
    let engine = try Engine(threads: 2)
    var calibration = try Calibration(PathwayWeights(model), engine: engine)
    var expected = calibration
    let inputs = Tensor(values, shape: [3, 3, 32, 32])
    var place: Int?
    do {
      try calibration.add(inputs)
    } catch CalibrationError.notFinite(let input, _) {
      place = input
    }
    #expect(place == 1 && calibration.inputCount == 0)
    let rest: [Float] = Array(values[..<size]) + Array(values[(2 * size)...])
    let others = Tensor(rest, shape: [2, 3, 32, 32])
    try calibration.add(others)
    try expected.add(others)
    #expect(try calibration.layers().map(\.int8Loss) == expected.layers().map(\.int8Loss))
  }

  /// An overflow of the residual stream gives NaN in every format; int8 does not turn it into a number.
  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func anInputThatIsNoneHasNoAnswer(_ precision: Precision) throws {
    let engine = try Engine(threads: 2)
    let size = 3 * 32 * 32
    for pooling in [VisionTransformerConfiguration.Pooling.token, .mean, .maximum] {
      var c = Self.configuration
      c.pooling = pooling
      let weights = try ModelWeights.random(c, seed: 3)
      let model = try VisionTransformer(weights, precision: PrecisionPlan(precision), engine: engine)
      let good: [Float] = (0..<2 * size).map { Float($0 % 17) - 8 }
      var bad = good
      bad[size + 700] = .nan
      let expected = try model.forward(Tensor(good, shape: [2, 3, 32, 32]))
      let found = try model.forward(Tensor(bad, shape: [2, 3, 32, 32]))
      let (a, b) = (try expected.logits.float32(), try found.logits.float32())
      #expect(a.allSatisfy { $0.isFinite })
      #expect(b[..<3] == a[..<3] && b[3...].allSatisfy(\.isNaN), "\(pooling): \(b)")
      let pooled = try found.pooled.float32()
      #expect(pooled[48...].allSatisfy { $0.isNaN })
    }
  }
}
