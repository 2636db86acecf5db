import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// All gradients of small models of sound, video and points, with a pathway and without, next to PyTorch's in double
/// (Tests/Fixtures/training/make_modality_gradients.py). Models of points are in training: their running statistics are
/// next to PyTorch's too.
@Suite struct ModalityGradientTests {
  private let golden: Checkpoint

  init() throws { golden = try Checkpoint(contentsOf: Fixture.url("training/modality_gradients.safetensors")) }

  private func weights(_ name: String) throws -> ModelWeights {
    let files = ["sound": "model/audio_mae", "classifier": "points/classifier", "segmenter": "points/segmenter"]
    guard let file = files[name] else {
      return try ModelWeights(
        checkpoint: GoldenTests.part(golden, "video.weights."), configuration: GoldenTests.configuration(golden))
    }
    let checkpoint = try Checkpoint(contentsOf: Fixture.url("\(file).safetensors"))
    return try ModelWeights(
      checkpoint: GoldenTests.part(checkpoint, "weights."), configuration: GoldenTests.configuration(checkpoint))
  }

  private func values(_ name: String) throws -> [Float] {
    try #require(golden.tensors[name], "\(name)").float32()
  }

  /// As of `GradientGoldenTests`, and of every batch norm two sums over pieces of up to 256 rows, those of its moments,
  /// of which the gradient has two more.
  private static func roundings(_ c: VisionTransformerConfiguration) -> Double {
    3 * (4096 + 512 * Double(c.parameters.count { $0.role == .mean }))
  }

  private func buffer(_ name: String) throws -> FloatBuffer {
    let values = try values(name)
    let buffer = FloatBuffer(count: values.count)
    buffer.base.update(from: values, count: values.count)
    return buffer
  }

  /// The layers that have an auxiliary, in the order of the scales.
  private static let layers = (0..<2).flatMap { block in PathwayLayer.allCases.map { (block, $0) } }

  /// - Returns: the pass after `backward`; `training` has the parameters.
  private func run(
    _ training: TrainingCase, _ name: String, _ gradients: FloatBuffer, terms: [TrainedTerm], engine: Engine
  ) throws -> TrainingPass {
    let (input, slopes) = (try values("\(name).input"), try values("\(name).slopes"))
    let batch = input.count / training.c.inputShape.reduce(1, *)
    let categories = golden.tensors["\(name).categories"].map { PointGoldenTests.integers($0).map(Int32.init) } ?? []
    let pass = try TrainingPass(
      training.c, parameters: training.pointers(training.values), gradients: training.pointers(gradients),
      pathways: terms, batch: batch, engine: engine)
    try input.withUnsafeBufferPointer { input in
      try pass.forward(#require(input.baseAddress), batch: batch, categories: categories)
      pass.logitGradients.update(from: slopes, count: slopes.count)
      try pass.backward()
    }
    return pass
  }

  @Test(arguments: InstructionSet.available, ["sound", "video", "classifier", "segmenter"])
  func gradientsMatchPyTorch(_ set: InstructionSet, _ name: String) throws {
    let weights = try weights(name)
    for joins in name == "segmenter" ? [false] : [false, true] {
      let training = try TrainingCase(weights)
      let roundings = Self.roundings(training.c)
      let label = joins ? "\(name).joined" : name
      let sources = joins ? try Self.layers.map { try buffer("\(name).auxiliary.\($1.name(inBlock: $0))") } : []
      let scales = joins ? try buffer("\(name).scales") : FloatBuffer(count: 0)
      let terms = zip(Self.layers, sources).enumerated().map { index, item in
        TrainedTerm(block: item.0.0, layer: item.0.1, weight: item.1.base, scale: scales.base + index)
      }
      let gradients = FloatBuffer(count: training.values.count)
      let engine = try Engine(threads: 2, instructionSet: set)
      let pass = try run(training, name, gradients, terms: terms, engine: engine)
      let logits = try values("\(label).logits")
      TrainingPassTests.expectClose(
        UnsafeBufferPointer(start: pass.logits, count: logits.count), logits.map(Double.init), "\(label) logits",
        roundings: roundings)
      var expected = [Double](repeating: 0, count: gradients.count)
      for (parameter, start) in zip(training.parameters, training.starts)
      where ![.mean, .variance].contains(parameter.role) {
        let values = try values("\(label).gradient.\(parameter.name)").map(Double.init)
        expected.replaceSubrange(start..<start + values.count, with: values)
      }
      for item in training.compared({ Array(expected[training.starts[$0]..<training.starts[$0 + 1]]) }) {
        TrainingPassTests.expectClose(
          item.ranges.flatMap { range in range.map { gradients.base[$0] } }, item.ranges.flatMap { expected[$0] },
          "\(label) \(item.name)", roundings: roundings)
      }
      for (parameter, start) in zip(training.parameters, training.starts)
      where [.mean, .variance].contains(parameter.role) {
        let expected = try values("\(label).running.\(parameter.name)")
        let found = UnsafeBufferPointer(start: training.values.base + start, count: expected.count)
        TrainingPassTests.expectClose(
          found, expected.map(Double.init), "\(label) \(parameter.name)", roundings: roundings)
        #expect((start..<start + expected.count).allSatisfy { gradients.base[$0] == 0 })
      }
      guard joins else { continue }
      // dL/dlambda = sum(G W')
      let ofScales = try zip(Self.layers, sources).map { item, source in
        let weight = item.1.name(inBlock: item.0) + ".weight"
        let index = try #require(training.parameters.firstIndex { $0.name == weight })
        return (0..<source.count).reduce(0) {
          $0 + Double(gradients.base[training.starts[index] + $1]) * Double(source.base[$1])
        }
      }
      TrainingPassTests.expectClose(
        ofScales.map { Float($0) }, try values("\(label).scales").map(Double.init), "\(label) scales",
        roundings: roundings)
      withExtendedLifetime(sources) {}
    }
  }

  @Test(arguments: InstructionSet.available, ["classifier", "segmenter"])
  func bitsDependOnNoThreads(_ set: InstructionSet, _ name: String) throws {
    let weights = try weights(name)
    func results(_ threads: Int) throws -> [Float] {
      let training = try TrainingCase(weights)
      let gradients = FloatBuffer(count: training.values.count)
      let pass = try run(
        training, name, gradients, terms: [], engine: Engine(threads: threads, instructionSet: set))
      let logits = try values("\(name).logits").count
      return (0..<logits).map { pass.logits[$0] }
        + [training.values, gradients].flatMap { buffer in (0..<buffer.count).map { buffer.base[$0] } }
    }
    let expected = try results(1)
    for threads in [2, 3, 8] { #expect(try results(threads) == expected, "\(threads) threads") }
  }

  /// After a pass has moved the running statistics, the pass's model answers as one that is loaded with them.
  @Test(arguments: InstructionSet.available, ["classifier", "segmenter"])
  func evaluationHasTheBitsOfInference(_ set: InstructionSet, _ name: String) throws {
    let training = try TrainingCase(weights(name))
    let engine = try Engine(threads: 2, instructionSet: set)
    let pass = try run(training, name, FloatBuffer(count: training.values.count), terms: [], engine: engine)
    try pass.update()
    let input = try #require(golden.tensors["\(name).input"])
    let categories = golden.tensors["\(name).categories"].map(PointGoldenTests.integers) ?? []
    let moved = training.weights()
    let model = try VisionTransformer(moved, engine: engine)
    let found = try pass.model.forward(input, categories: categories).logits.float32()
    #expect(try found == model.forward(input, categories: categories).logits.float32())
    let first = try VisionTransformer(weights(name), engine: engine)
    #expect(try found != first.forward(input, categories: categories).logits.float32())
    let statistics = moved.configuration.parameters.filter { [.mean, .variance].contains($0.role) }
    #expect(pass.statistics == statistics.map(\.name) && !statistics.isEmpty)
  }

  @Test func aBatchOfOneCloudIsRefused() throws {
    let training = try TrainingCase(weights("classifier"))
    let pass = try TrainingPass(
      training.c, parameters: training.pointers(training.values),
      gradients: training.pointers(FloatBuffer(count: training.values.count)), batch: 2, engine: Engine(threads: 1))
    let input = try values("classifier.input")
    #expect(throws: GradientError.self) {
      try input.withUnsafeBufferPointer { try pass.forward(#require($0.baseAddress), batch: 1) }
    }
  }
}
