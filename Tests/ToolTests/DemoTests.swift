import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// `m2pt demo`, and the models of the demo against PyTorch.
@Suite struct DemoTests {
  private struct Sample: Decodable {
    var label: Int
    var prediction: Int
    var logits: [Double]
  }

  /// PyTorch's answers in float64.
  private struct Expected: Decodable {
    var samples_accuracy: Double
    var samples: [String: Sample]

    var ordered: [(name: String, sample: Sample)] { samples.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  private struct Report: Decodable {
    struct Execution: Decodable {
      var name: String
      var predictions: [Int]
      var correct: Int
      var accuracy: Double
      var milliseconds: Double
    }
    struct Verdict: Decodable {
      var claim: String
      var holds: Bool
    }
    var executions: [Execution]
    var verdicts: [Verdict]
    var holds: Bool
    var joined_layers: Int
  }

  private static let assets = Fixture.url("../../Sources/m2pt/Demo").standardizedFileURL

  private static func expected() throws -> Expected {
    try JSONDecoder().decode(Expected.self, from: Data(contentsOf: assets.appendingPathComponent("expected.json")))
  }

  /// The normalised pixels of the samples, in the order of their names.
  private static func pixels(_ expected: Expected) throws -> Tensor {
    let config = assets.appendingPathComponent("target/config.json")
    let preprocessor = try ImagePreprocessor(.timm(json: Data(contentsOf: config)))
    return try preprocessor(
      expected.ordered.map { try ImageFile.read(assets.appendingPathComponent("samples/\($0.name)")) })
  }

  private static func top(_ values: ArraySlice<Float>) -> Int {
    values.indices.max { values[$0] < values[$1] }! - values.startIndex
  }

  @Test func showsTheResultsOfPyTorch() throws {
    try Tool.withFolder { folder in
      let output = folder.appendingPathComponent("merged")
      let result = try Tool.run(["demo", "--json", "--output", output.path])
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
      #expect(report.holds && report.verdicts.count == 4 && report.verdicts.allSatisfy(\.holds), "\(report.verdicts)")
      #expect(report.joined_layers == 16)

      let expected = try Self.expected()
      #expect(expected.samples.count == 100)
      #expect(report.executions.map(\.name) == ["target alone", "two-branch", "folded", "merged"])
      for execution in report.executions.dropFirst() {
        #expect(execution.accuracy == expected.samples_accuracy, "\(execution.name)")
        #expect(execution.predictions == expected.ordered.map(\.sample.prediction), "\(execution.name)")
        #expect(execution.milliseconds > 0)
      }

      // The merged model is a model directory like any other.
      let merged = try ModelWeights(modelAt: output)
      #expect(merged.metadata["m2pt.source.auxiliary.0"]?.contains("sha256:") == true)
      let model = try VisionTransformer(merged, engine: Engine(threads: 1))
      let logits = try model(Self.pixels(expected)).float32()
      let predictions = (0..<100).map { Self.top(logits[$0 * 10..<$0 * 10 + 10]) }
      #expect(predictions == expected.ordered.map(\.sample.prediction))
      let classified = try Tool.run([
        "classify", "--model", output.path, "--top-k", "1",
        Self.assets.appendingPathComponent("samples/\(expected.ordered[0].name)").path,
      ])
      #expect(classified.output.hasSuffix("%  \(expected.ordered[0].sample.prediction)\n"), "\(classified.output)")
    }
  }

  @Test func drawsPictures() throws {
    let result = try Tool.run(["demo", "--threads", "1", "--assets", Self.assets.path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("verdict: equal") && result.output.contains("read as "))
    #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 120 })
  }

  /// Root mean square of the difference over that of the expected values, as for the other goldens: fewer than 4,096
  /// roundings in a chain (4 blocks of LayerNorm, products of K <= 256 and softmax; patches, final norm and head),
  /// added as in a random walk.
  @Test(arguments: InstructionSet.available, PathwayExecution.allCases)
  func matchesPyTorch(_ set: InstructionSet, _ execution: PathwayExecution) throws {
    let expected = try Self.expected()
    let scales = try PathwayScales.read(Self.assets.appendingPathComponent("scales.json"), count: 1)[0]
    let auxiliary = try AuxiliaryWeights(
      checkpoint: Checkpoint(contentsOf: Self.assets.appendingPathComponent("auxiliary")))
    let weights = try ModelWeights(modelAt: Self.assets.appendingPathComponent("target"))
      .attach(auxiliary: auxiliary, scales: scales)
    let model = try VisionTransformer(weights, execution: execution, engine: Engine(threads: 2, instructionSet: set))
    let found = try model(Self.pixels(expected)).float32()
    let reference = expected.ordered.flatMap(\.sample.logits)
    #expect(found.count == reference.count)
    let difference = zip(found, reference).reduce(0) { $0 + pow(Double($1.0) - $1.1, 2) }
    let relative = (difference / reference.reduce(0) { $0 + $1 * $1 }).squareRoot()
    #expect(relative <= 4096.0.squareRoot() * unitRoundoff, "relative error \(relative)")
    let predictions = expected.ordered.indices.map { Self.top(found[$0 * 10..<$0 * 10 + 10]) }
    #expect(predictions == expected.ordered.map(\.sample.prediction))
  }

  @Test func saysWhereItLooked() throws {
    try Tool.withFolder { folder in
      let result = try Tool.run(["demo", "--assets", folder.path])
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(result.errors.contains(folder.path) && result.errors.contains("--assets DIR"), "\(result.errors)")
    }
  }

  /// A demo that cannot fail proves nothing.
  @Test func failsWithOtherScales() throws {
    try Tool.withFolder { folder in
      let copy = folder.appendingPathComponent("Demo")
      try FileManager.default.copyItem(at: Self.assets, to: copy)
      let file = copy.appendingPathComponent("scales.json")
      var scales = try JSONDecoder().decode([[String: Double]].self, from: Data(contentsOf: file))
      scales[0]["blocks.1.mlp.fc1"]! += 0.01
      try JSONEncoder().encode(scales).write(to: file)
      let result = try Tool.run(["demo", "--assets", copy.path])
      #expect(result.status == 1)
      #expect(result.output.contains("FAILS") && result.output.contains("verdict: NOT EQUAL"), "\(result.output)")

      try Data("{\"samples\": {}}".utf8).write(to: copy.appendingPathComponent("expected.json"))
      let damaged = try Tool.run(["demo", "--assets", copy.path])
      #expect(damaged.status == 1 && damaged.errors.contains("expected.json is not the demo's"), "\(damaged.errors)")
    }
  }

  @Test func saysWhyItCannotWrite() throws {
    try Tool.withFolder { folder in
      let file = folder.appendingPathComponent("file")
      try Data("a file".utf8).write(to: file)
      let result = try Tool.run(["demo", "--output", file.path])
      #expect(result.status == 1 && result.output.isEmpty && result.errors.contains(file.path), "\(result.errors)")
    }
  }

  /// Neither model may be written over.
  @Test func refusesToOverwriteItsModels() throws {
    try Tool.withFolder { folder in
      let copy = folder.appendingPathComponent("Demo")
      try FileManager.default.copyItem(at: Self.assets, to: copy)
      for part in ["target", "auxiliary"] {
        let file = copy.appendingPathComponent("\(part)/model.safetensors")
        let before = try Data(contentsOf: file)
        let result = try Tool.run(["demo", "--assets", copy.path, "--output", copy.appendingPathComponent(part).path])
        #expect(result.status == 1 && result.errors.contains("choose another --output"), "\(result.errors)")
        let after = try Data(contentsOf: file)
        #expect(after == before)
      }
    }
  }
}
