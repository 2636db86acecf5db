import MultimodalPathway
import PathwayCheckpoints
import PathwayKernels
import TestSupport
import Testing

/// The losses of a calibration against their definition in Double.
@Suite struct CalibrationLossTests {
  /// For fc2, the inputs are near 8, where bfloat16 has steps of 1/16, and the weights are multiples of 1/1024 up to
  /// 127/1024, which no format rounds.
  private static func weights(for layer: PathwayLayer) throws -> ModelWeights {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 2, hiddenWidth: 99)
    c.classCount = 5
    let random = try ModelWeights.random(c, seed: 15)
    guard layer == .fc2 else { return random }
    var (tensors, generator) = (random.tensors, SeededGenerator(seed: 17))
    tensors["blocks.0.mlp.fc1.bias"] = Tensor([Float](repeating: 8, count: 99), shape: [99])
    var values = generator.wholeNumbers(48 * 99, upTo: 127).map { $0 / 1024 }
    for row in 0..<48 { values[row * 99] = 127.0 / 1024 }
    tensors["blocks.0.mlp.fc2.weight"] = Tensor(values, shape: [48, 99])
    return try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c)
  }

  /// A row in int8 as in a narrow model: u = round((x - low) / step), with a step of 1/255 of the range of the row.
  private static func quantized(_ row: [Float]) -> [Float] {
    let low = row.min() ?? 0
    let step = ((row.max() ?? 0) - low) / 255
    return row.map { step * (($0 - low) * (1 / step)).rounded(.toNearestOrEven) + low }
  }

  /// ||y' - y|| / ||y|| over rows, and the bound of its error by sums in float32: ||bounds|| / ||y||.
  private static func loss(_ exact: [[Bounded]], _ narrow: [[Bounded]]) -> (value: Double, error: Double) {
    var (difference, output, moved) = (0.0, 0.0, 0.0)
    for (y, other) in zip(exact.joined(), narrow.joined()) {
      difference += (other.value - y.value) * (other.value - y.value)
      output += y.value * y.value
      moved += (other.error + y.error) * (other.error + y.error)
    }
    return ((difference / output).squareRoot(), 2 * (moved / output).squareRoot())
  }

  /// The int8 input of fc2 was rounded to bfloat16 first, the format in which fc1 stores it; the output of norms is
  /// rounded once.
  @Test(arguments: InstructionSet.available, [PathwayLayer.qkv, .fc1, .fc2])
  func lossesAreThoseOfTheLayerOnItsNarrowInput(_ set: InstructionSet, _ layer: PathwayLayer) throws {
    let weights = try Self.weights(for: layer)
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 16)
    let images = Tensor(random.floats(2 * 3 * 32 * 32), shape: [2, 3, 32, 32])
    var calibration = try Calibration(PathwayWeights(weights), engine: engine)
    try calibration.add(images)
    let name = layer.name(inBlock: 0)
    let found = try #require(calibration.layers().first { $0.name == name })

    let weight = try weights.tensor(name + ".weight").float32()
    let bias = try weights.tensor(name + ".bias").float32()
    func outputs(_ rows: [[Float]], _ precision: Precision) -> [[Bounded]] {
      let reference = LayerReference(weight: weight, bias: bias, precision)
      return rows.map { reference($0.map { Bounded(Double($0), error: 0) }) }
    }
    var rows: [[Float]] = []
    let model = try VisionTransformer(weights, engine: engine)
    try LayerStages(model, input: images).forEachLayer(ofBlock: 0) { stage in
      guard stage.layer == layer else { return }
      let count = weight.count / bias.count
      rows = (0..<stage.rows).map { row in
        StoredRow(stage.input, row: row, count: count, .float32, engine.kernels).values.map { Float($0) }
      }
    }
    #expect(rows.count == 2 * 17)
    let halves = rows.map { $0.map(roundedToBFloat16) }
    let exact = outputs(rows, .float32)
    let half = Self.loss(exact, outputs(halves, .bfloat16))
    #expect(abs(found.bfloat16Loss - half.value) <= half.error, "\(found), expected \(half)")
    let byte = Self.loss(exact, outputs((layer == .fc2 ? halves : rows).map(Self.quantized), .int8))
    let int8Loss = try #require(found.int8Loss)
    #expect(abs(int8Loss - byte.value) <= byte.error, "\(found), expected \(byte)")
    // The bound distinguishes one rounding from two.
    let other = Self.loss(exact, outputs((layer == .fc2 ? rows : halves).map(Self.quantized), .int8))
    #expect(abs(other.value - byte.value) > 2 * byte.error)
  }
}
