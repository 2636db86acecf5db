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

  /// dL/dlogits of the mean cross-entropy with soft targets.
  private func slopes(_ logits: UnsafePointer<Float>) throws -> [Float] {
    let targets = try #require(golden.tensors["targets"]).float32()
    return (0..<20).map { index in
      let row = (0..<10).map { Double(logits[index / 10 * 10 + $0]) }
      let total = row.reduce(0) { $0 + exp($1) }
      return Float((exp(row[index % 10]) / total - Double(targets[index])) / 2)
    }
  }

  @Test(arguments: InstructionSet.available, ["plain", "two", "combined"])
  func gradientsMatchPyTorch(_ set: InstructionSet, _ name: String) throws {
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
      pathways: terms, batch: 2, engine: Engine(threads: 2, instructionSet: set))
    let input = try #require(pathway.tensors["input"]).float32()
    try input.withUnsafeBufferPointer { input in
      try pass.forward(#require(input.baseAddress), batch: 2)
      pass.logitGradients.update(from: try slopes(pass.logits), count: 20)
      try pass.backward()
    }
    func found(_ name: String) throws -> UnsafeBufferPointer<Float> {
      let index = try #require(training.parameters.firstIndex { $0.name == name }, "\(name)")
      return UnsafeBufferPointer(
        start: gradients.base + training.starts[index], count: training.parameters[index].count)
    }
    for parameter in training.parameters {
      let expected = try #require(golden.tensors["\(name).gradient.\(parameter.name)"]).float32()
      TrainingPassTests.expectClose(
        try found(parameter.name), expected.map(Double.init), parameter.name, roundings: Self.roundings)
    }
    // dL/dlambda = sum(G W') + sum(dL/db_hat b')
    guard let expected = try golden.tensors["\(name).scales"]?.float32() else { return }
    let ofScales = try shares.map { share in
      func product(_ part: String, _ other: FloatBuffer) throws -> Double {
        try zip(found(share.layer + part), 0..<other.count).reduce(0) { $0 + Double($1.0) * Double(other.base[$1.1]) }
      }
      return try product(".weight", share.weight) + (share.bias.map { try product(".bias", $0) } ?? 0)
    }
    TrainingPassTests.expectClose(
      ofScales.map { Float($0) }, expected.map(Double.init), "scales", roundings: Self.roundings)
    withExtendedLifetime(sources) {}
  }
}
