import Foundation
import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// The Double reference against timm in float64, and float32 against the derived bound.
@Suite struct VerificationTests {
  /// timm's results in float64, in any stored format.
  private static func doubles(_ tensor: Tensor) throws -> [Double] {
    guard tensor.elementType == .float64 else { return try tensor.float32().map(Double.init) }
    return tensor.withUnsafeBytes { bytes in
      (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    }
  }

  /// Equal up to fewer than 2^20 roundings of float64 in a row, and to the rounding of a golden stored in float32.
  private static func expectExact(
    _ found: ReferenceTransformer.Output, _ golden: Tensor, _ label: String
  ) throws {
    let expected = try doubles(golden)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    let storage = golden.elementType == .float64 ? 0 : unitRoundoff
    var worst = 0.0
    for (a, b) in zip(found.values, expected) { worst = max(worst, abs(a - b)) }
    #expect(
      found.values.count == expected.count && worst <= largest * (0x1p-33 + storage), "\(label): \(worst) of \(largest)"
    )
  }

  @Test(arguments: GoldenTests.cases) func referenceEqualsTimm(_ name: String) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: try GoldenTests.configuration(golden))
    let images = golden.tensors["input"]!
    let reference = try ReferenceTransformer(PathwayWeights(weights), engine: Engine(threads: 2)).run(images)
    try Self.expectExact(reference.features, golden.tensors["float64.features"]!, "features")
    let logits = weights.configuration.classCount == 0 ? "float64.pooled" : "float64.logits"
    try Self.expectExact(reference.logits, golden.tensors[logits]!, "logits")
    #expect((reference.logitsAlone != nil) == Self.takingMeans.contains(name))
    if let alone = reference.logitsAlone { try Self.expectExact(alone, golden.tensors[logits]!, "logits alone") }
  }

  /// Goldens whose head reads a mean with no norm before it.
  private static let takingMeans: Set = ["mae", "mean_no_class_token", "query_value_bias"]

  /// On every instruction set the whole model is within the bound, which is below 10^-4 of the largest value.
  @Test(arguments: GoldenTests.cases, InstructionSet.available)
  func modelsKeepTheDerivedBound(_ name: String, _ set: InstructionSet) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: try GoldenTests.configuration(golden))
    let engine = try Engine(threads: 2, instructionSet: set)
    let result = try Verification(PathwayWeights(weights), input: golden.tensors["input"]!, engine: engine)
    #expect(result.holds && result.layers.isEmpty)
    let alone = Self.takingMeans.contains(name) ? ["logits alone"] : []
    #expect(result.outputs.map(\.name) == ["features", "logits"] + alone)
    for output in result.outputs {
      for comparison in output.comparisons {
        #expect(comparison.holds, "\(output.name): \(comparison)")
        #expect(comparison.ratio < 1 && comparison.relativeDifference < 1e-5)
      }
    }
    let reference = try ReferenceTransformer(PathwayWeights(weights), engine: engine).run(golden.tensors["input"]!)
    for output in [reference.features, reference.logits] + (reference.logitsAlone.map { [$0] } ?? []) {
      let largest = output.values.reduce(0) { max($0, abs($1)) }
      let bound = deviations(elements: output.values.count) * (output.deviations.max() ?? .infinity)
      #expect(bound > 0 && bound < 1e-4 * largest)
    }
  }

  private static func joined(scale: Float) throws -> (PathwayWeights, Tensor) {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors"))
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "target."), configuration: try GoldenTests.configuration(golden))
    let auxiliary = try AuxiliaryWeights(checkpoint: GoldenTests.part(golden, "auxiliary.0."))
    return (try target.attach(auxiliary: auxiliary, scale: scale), golden.tensors["input"]!)
  }

  @Test(arguments: InstructionSet.available)
  func pathwaysKeepTheirBounds(_ set: InstructionSet) throws {
    let (weights, images) = try Self.joined(scale: 0.3)
    let result = try Verification(weights, input: images, engine: Engine(threads: 2, instructionSet: set))
    #expect(result.holds && result.top1Agreement == 1)
    #expect(result.layers.count == 4 * weights.target.configuration.depth)
    for layer in result.layers {
      #expect(layer.scales == [0.3])
      #expect(layer.comparisons.map(\.sameBits) == [nil, nil, nil, nil, true])
      for comparison in layer.comparisons.dropLast() { #expect(comparison.ratio > 0 && comparison.ratio < 1) }
    }
  }

  /// The proof can fail: a scale that is wrong in its fourth digit exceeds the bound of the whole model.
  @Test func aWrongScaleIsFound() throws {
    let (right, images) = try Self.joined(scale: 0.3)
    let (wrong, _) = try Self.joined(scale: 0.3003)
    let engine = try Engine(threads: 2)
    let reference = try ReferenceTransformer(right, engine: engine).run(images).features
    let found = try #require(
      VisionTransformer(wrong, execution: .merged, engine: engine).forward(images, features: true).features)
    let limit = deviations(elements: reference.values.count)
    let broken = zip(try found.float32(), reference.values.indices).filter { value, index in
      abs(Double(value) - reference.values[index]) > limit * reference.deviations[index]
    }
    #expect(broken.count > reference.values.count / 2)
  }

  /// A pass that takes its mean before the last fc2 is verified too, and a wrong scale is found there.
  @Test(arguments: InstructionSet.available)
  func passesForLogitsOnlyKeepTheirBound(_ set: InstructionSet) throws {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 2)
    (c.pooling, c.normalizesAfterPooling, c.hasLayerScale, c.classCount) = (.mean, true, true, 7)
    let target = try ModelWeights.random(c, seed: 1)
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: ModelWeights.random(c, seed: 2).tensors))
    let right = try target.attach(auxiliary: auxiliary, scale: 0.3)
    let engine = try Engine(threads: 2, instructionSet: set)
    var random = SeededGenerator(seed: 3)
    let images = Tensor(random.floats(2 * 3 * 32 * 32), shape: [2, 3, 32, 32])

    let result = try Verification(right, input: images, engine: engine)
    #expect(result.holds)
    let alone = try #require(result.outputs.first { $0.name == "logits alone" })
    #expect(alone.comparisons.map(\.sameBits) == [nil, nil, nil, nil, true])
    for comparison in alone.comparisons.dropLast() { #expect(comparison.ratio > 0 && comparison.ratio < 1) }

    let reference = try #require(ReferenceTransformer(right, engine: engine).run(images).logitsAlone)
    let limit = deviations(elements: reference.values.count)
    let wrong = try target.attach(auxiliary: auxiliary, scale: 0.303)
    let found = try VisionTransformer(wrong, execution: .merged, engine: engine)(images).float32()
    let broken = zip(found, reference.values.indices).filter { value, index in
      abs(Double(value) - reference.values[index]) > limit * reference.deviations[index]
    }
    #expect(broken.count > reference.values.count / 2)
  }

  @Test func comparisonsCountWhatIsNotANumber() {
    let found: [Float] = [1, .nan]
    let comparison = Comparison(
      "a", "b", rows: 1, columns: 2, found: { found[$0] }, expected: { _ in 1 }, bound: { _ in 1 })
    #expect(!comparison.holds && comparison.worst.column == 1)
    let bits = Comparison("a", "b", bitsOf: 1, columns: 2, { _ in 0.0 }, { $0 == 0 ? 0.0 : -0.0 })
    #expect(bits.sameBits == false && !bits.holds)
  }

  /// The worst element is the one nearest to its bound, not the one with the largest difference.
  @Test func comparisonsStateTheirWorstElementAndLargestDifference() {
    let (found, expected, bounds): ([Float], [Double], [Double]) = ([1, -3.5, 8.25], [1, -4, 8], [0, 2, 0.5])
    let comparison = Comparison(
      "a", "b", rows: 3, columns: 1, found: { found[$0] }, expected: { expected[$0] }, bound: { bounds[$0] })
    #expect(comparison.worst.row == 2 && comparison.worst.found == 8.25 && comparison.worst.expected == 8)
    #expect(comparison.worst.bound == 0.5 && comparison.ratio == 0.5 && comparison.holds)
    #expect(comparison.relativeDifference == 0.5 / 8)
    let broken = Comparison(
      "a", "b", rows: 3, columns: 1, found: { found[$0] }, expected: { expected[$0] }, bound: { _ in 0.49 })
    #expect(!broken.holds && broken.worst.row == 1 && broken.ratio == 0.5 / 0.49)
    let bits = Comparison("a", "b", bitsOf: 3, columns: 1, { found[$0] }, { Float(expected[$0]) })
    #expect(bits.worst.row == 1 && bits.ratio == .greatestFiniteMagnitude && bits.relativeDifference == 0.5 / 8)
  }

  @Test func inputsThatAreNotFiniteAreRefused() throws {
    let (weights, images) = try Self.joined(scale: 0.1)
    var values = try images.float32()
    values[5] = .infinity
    let input = Tensor(values, shape: images.shape)
    #expect(throws: InferenceError.inputNotFinite) {
      let result = try Verification(weights, input: input, engine: Engine(threads: 1))
      _ = result
    }
  }
}
