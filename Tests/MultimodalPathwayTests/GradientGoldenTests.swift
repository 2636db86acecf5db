import Foundation
import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// All gradients of a small model, with pathways and without, next to PyTorch's in double
/// (Tests/Fixtures/training/make_gradients.py).
@Suite struct GradientGoldenTests {
  private struct PathwayCase: Decodable {
    var auxiliaries: [Int]
    var bias: String
  }

  /// Such a model's forward pass has fewer than 4,096 in a chain (GoldenTests). A gradient has them in its factors, and
  /// those of two products for each one of the forward pass.
  private static let roundings = 3 * 4096.0

  private let pathway: Checkpoint
  private let golden: Checkpoint
  private let training: TrainingCase
  private let scales: [[String: Float]]
  private let cases: [String: PathwayCase]

  init() throws {
    pathway = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    golden = try Checkpoint(contentsOf: Fixture.url("training/gradients.safetensors"))
    training = TrainingCase(try GoldenTests.configuration(pathway))
    for (index, parameter) in training.parameters.enumerated() {
      let values = try #require(pathway.tensors["target." + parameter.name]).float32()
      (training.values.base + training.starts[index]).update(from: values, count: values.count)
    }
    let decoder = JSONDecoder()
    scales = try decoder.decode([[String: Float]].self, from: Data(pathway.metadata["scales"]!.utf8))
    cases = try decoder.decode([String: PathwayCase].self, from: Data(pathway.metadata["cases"]!.utf8))
  }

  private func buffer(_ name: String) throws -> FloatBuffer {
    let values = try #require(pathway.tensors[name], "\(name)").float32()
    let buffer = FloatBuffer(count: values.count)
    buffer.base.update(from: values, count: values.count)
    return buffer
  }

  /// Inputs with a distribution over the 10 classes each.
  private struct Inputs {
    let values: [Float]
    let targets: [Float]
    var count: Int { targets.count / 10 }

    /// dL/dlogits of the mean cross-entropy.
    func slopes(_ logits: UnsafePointer<Float>) -> [Float] {
      targets.indices.map { index in
        let row = (0..<10).map { Double(logits[index / 10 * 10 + $0]) }
        let total = row.reduce(0) { $0 + exp($1) }
        return Float((exp(row[index % 10]) / total - Double(targets[index])) / Double(count))
      }
    }
  }

  /// All gradients of a case by parameter, those of scales, and the logits.
  private func gradients(
    _ set: InstructionSet, _ name: String, _ precision: Precision, _ inputs: Inputs
  ) throws -> [String: [Float]] {
    var (terms, sources): ([TrainedTerm], [FloatBuffer]) = ([], [])
    var shares: [(layer: String, weight: FloatBuffer, bias: FloatBuffer?)] = []
    if let rule = cases[name] {
      for m in rule.auxiliaries {
        for block in 0..<2 {
          for layer in PathwayLayer.allCases {
            let layerName = layer.name(inBlock: block)
            let weight = try buffer("auxiliary.\(m).\(layerName).weight")
            let bias = rule.bias == "combined" ? try buffer("auxiliary.\(m).\(layerName).bias") : nil
            let scale = FloatBuffer(count: 1)
            scale.base.pointee = try #require(scales[m][layerName])
            terms.append(
              TrainedTerm(block: block, layer: layer, weight: weight.base, bias: bias?.base, scale: scale.base))
            sources += [weight, scale] + (bias.map { [$0] } ?? [])
            shares.append((layerName, weight, bias))
          }
        }
      }
    }
    let gradients = FloatBuffer(count: training.values.count)
    let pass = try TrainingPass(
      training.c, parameters: training.pointers(training.values), gradients: training.pointers(gradients),
      pathways: terms, precision: precision, batch: inputs.count, engine: Engine(threads: 2, instructionSet: set))
    try inputs.values.withUnsafeBufferPointer { values in
      try pass.forward(#require(values.baseAddress), batch: inputs.count)
      pass.logitGradients.update(from: inputs.slopes(pass.logits), count: inputs.targets.count)
      try pass.backward()
    }
    var result = ["logits": Array(UnsafeBufferPointer(start: pass.logits, count: inputs.targets.count))]
    for (index, parameter) in training.parameters.enumerated() {
      result[parameter.name] = Array(
        UnsafeBufferPointer(start: gradients.base + training.starts[index], count: parameter.count))
    }
    // dL/dlambda = sum(G W') + sum(dL/db_hat b')
    result["scales"] = try shares.map { share in
      func product(_ part: String, _ other: FloatBuffer) throws -> Double {
        let found = try #require(result[share.layer + part])
        return zip(found, 0..<other.count).reduce(0) { $0 + Double($1.0) * Double(other.base[$1.1]) }
      }
      return Float(try product(".weight", share.weight) + (share.bias.map { try product(".bias", $0) } ?? 0))
    }
    withExtendedLifetime(sources) {}
    return result
  }

  @Test(arguments: InstructionSet.available, ["plain", "two", "combined"])
  func gradientsMatchPyTorch(_ set: InstructionSet, _ name: String) throws {
    let inputs = Inputs(
      values: try #require(pathway.tensors["input"]).float32(),
      targets: try #require(golden.tensors["targets"]).float32())
    let found = try gradients(set, name, .float32, inputs)
    for key in training.parameters.map(\.name) + (cases[name] == nil ? [] : ["scales"]) {
      let expected = try #require(golden.tensors[key == "scales" ? "\(name).scales" : "\(name).gradient.\(key)"])
      TrainingPassTests.expectClose(
        try #require(found[key]), try expected.float32().map(Double.init), key, roundings: Self.roundings)
    }
  }

  /// The error of bfloat16, from float32's gradients, next to that of PyTorch's autocast, from double's
  /// (Tests/Fixtures/training/make_bfloat16.py): at most twice as much in any tensor, and no more in all together.
  @Test(arguments: InstructionSet.available, ["plain", "two", "combined"])
  func bfloat16IsAsExactAsPyTorchs(_ set: InstructionSet, _ name: String) throws {
    let autocast = try Checkpoint(contentsOf: Fixture.url("training/bfloat16.safetensors"))
    let names = try JSONDecoder().decode([String: [String]].self, from: Data(autocast.metadata["names"]!.utf8))
    let errors = try #require(autocast.tensors["\(name).errors"]).float32()
    var random = SeededGenerator(seed: 71)
    let inputs = Inputs(
      values: (0..<64 * 3 * 32 * 32).map { _ in Float(random.next() >> 40) * 0x1p-23 - 1 },
      targets: (0..<640).map { $0 / 10 % 10 == $0 % 10 ? 1 : 0 })
    let exact = try gradients(set, name, .float32, inputs)
    let found = try gradients(set, name, .bfloat16, inputs)
    var (own, theirs) = (0.0, 0.0)
    for (key, error) in zip(try #require(names[name]), errors) {
      let (difference, size) = zip(try #require(found[key]), try #require(exact[key])).reduce((0.0, 0.0)) {
        let step = Double($1.0) - Double($1.1)
        return ($0.0 + step * step, $0.1 + Double($1.1) * Double($1.1))
      }
      let relative = (difference / size).squareRoot()
      #expect(relative <= 2 * Double(error), "\(key): relative error \(relative), PyTorch's \(error)")
      own += relative * relative
      theirs += Double(error) * Double(error)
    }
    #expect(own <= theirs && theirs > 0, "\(own.squareRoot()), PyTorch's \(theirs.squareRoot())")
  }
}
