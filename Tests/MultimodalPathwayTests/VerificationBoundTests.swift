import Foundation
import MultimodalPathway
import PathwayCheckpoints
import PathwayKernels
import TestSupport
import Testing

/// The bounds of a verification, and its verdicts on wrong models.
@Suite struct VerificationBoundTests {
  private static let golden = Result { try Checkpoint(contentsOf: Fixture.url("model/pathway.safetensors")) }

  private static func joined(scale: Float) throws -> (PathwayWeights, Tensor) {
    let golden = try golden.get()
    let target = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "target."), configuration: try GoldenTests.configuration(golden))
    let auxiliary = try AuxiliaryWeights(checkpoint: GoldenTests.part(golden, "auxiliary.0."))
    return (
      try target.attach(auxiliary: auxiliary, bias: .combined, scale: scale), try #require(golden.tensors["input"])
    )
  }

  /// The terms of a joined layer in Double.
  private struct Terms {
    let weight: [Double]
    let share: [Double]
    let bias: [Double]
    let columns: Int

    init(_ weights: PathwayWeights, _ block: Int, _ layer: PathwayLayer) throws {
      let own = try weights.target.tensor(layer.name(inBlock: block) + ".weight")
      let term = try #require(try weights.terms(block, layer).first)
      columns = own.shape[1]
      weight = try own.float32().map(Double.init)
      share = try term.weight.float32().map { Double(term.scale) * Double($0) }
      bias = try weights.bias(block, layer)?.map(Double.init) ?? []
    }

    /// Higham, Accuracy and Stability of Numerical Algorithms, 3.1: gamma(2K + 6) (|x||W| + |lambda||x||W'| + |b|).
    func bound(_ x: [Double], column: Int) -> Double {
      let size = (0..<columns).reduce(abs(bias[column])) { sum, index in
        let place = column * columns + index
        return sum + abs(x[index]) * (abs(weight[place]) + abs(share[place]))
      }
      return gamma(2 * columns + 6) * size + 0x1p-126
    }

    /// ||lambda W'|| / ||W||, Frobenius.
    var relativeNorm: Double {
      func square(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } }
      return (square(share) / square(weight)).squareRoot()
    }
  }

  /// Sums of some hundred terms in another order, in Double.
  private static let doubleError = 0x1p-40

  @Test func layersStateTheBoundOfTheirArithmetic() throws {
    let (weights, images) = try Self.joined(scale: 0.3)
    let engine = try Engine(threads: 2)
    let result = try Verification(weights, input: images, engine: engine)
    let stages = try LayerStages(VisionTransformer(weights, execution: .merged, engine: engine), input: images)
    let layers = Dictionary(uniqueKeysWithValues: result.layers.map { ($0.name, $0) })
    for block in 0..<weights.target.configuration.depth {
      try stages.forEachLayer(ofBlock: block) { stage in
        let layer = try #require(layers[stage.layer.name(inBlock: block)])
        let terms = try Terms(weights, block, stage.layer)
        #expect(abs(layer.relativeNorm - terms.relativeNorm) <= Self.doubleError * terms.relativeNorm)
        for comparison in layer.comparisons.dropLast() {
          let worst = comparison.worst
          let x = StoredRow(stage.input, row: worst.row, count: terms.columns, .float32, engine.kernels).values
          let expected = terms.bound(x, column: worst.column) * (comparison.second == "reference" ? 1 : 2)
          #expect(abs(worst.bound - expected) <= Self.doubleError * expected, "\(layer.name): \(comparison)")
          #expect(comparison.ratio == abs(worst.found - worst.expected) / worst.bound)
        }
      }
    }
    #expect(layers.count == 4 * weights.target.configuration.depth)
  }

  @Test func outputsStateTheReferencesDeviations() throws {
    let (weights, images) = try Self.joined(scale: 0.3)
    let engine = try Engine(threads: 2)
    let result = try Verification(weights, input: images, engine: engine)
    let reference = try ReferenceTransformer(weights, engine: engine).run(images)
    for (output, expected) in zip(result.outputs, [reference.features, reference.logits]) {
      #expect(
        output.comparisons.map { [$0.first, $0.second] } == [
          ["two-branch", "reference"], ["folded", "reference"], ["merged", "reference"], ["two-branch", "merged"],
          ["folded", "merged"],
        ])
      let limit = deviations(elements: 3 * expected.values.count)
      for comparison in output.comparisons.dropLast() {
        let worst = comparison.worst
        let index = worst.row * expected.columns + worst.column
        let bound = limit * expected.deviations[index] + 0x1p-126
        #expect(worst.bound == (comparison.second == "reference" ? 1 : 2) * bound)
        if comparison.second == "reference" { #expect(worst.expected == expected.values[index]) }
      }
    }
    // Hoeffding: |sum| > t with a probability of at most 2 exp(-t^2 / 2), here 10^-6 shared by all elements.
    for elements in [1, 1000] {
      let exponent = deviations(elements: elements) * deviations(elements: elements) / 2
      #expect(abs(2 * exp(-exponent) * Double(elements) - 1e-6) < 1e-15)
    }
  }

  /// One execution has a scale that is a tenth too large: it is named, and the verdict is negative.
  @Test(arguments: PathwayExecution.allCases)
  func aWrongExecutionDoesNotHold(_ wrong: PathwayExecution) throws {
    let (weights, images) = try Self.joined(scale: 0.3)
    let (perturbed, _) = try Self.joined(scale: 0.33)
    let engine = try Engine(threads: 2)
    func models(_ wrong: PathwayExecution?) throws -> [VisionTransformer] {
      try PathwayExecution.allCases.map {
        try VisionTransformer($0 == wrong ? perturbed : weights, execution: $0, engine: engine)
      }
    }
    let right = try Verification(weights, models: models(nil), input: images)
    #expect(right.holds && right.layers.allSatisfy(\.holds) && right.outputs.allSatisfy(\.holds))
    let result = try Verification(weights, models: models(wrong), input: images)
    #expect(!result.holds && result.layers.allSatisfy { !$0.holds } && result.outputs.allSatisfy { !$0.holds })
    for comparison in (result.layers.flatMap(\.comparisons) + result.outputs.flatMap(\.comparisons)) {
      let concerns = [comparison.first, comparison.second].contains(wrong.rawValue)
      #expect(comparison.holds == !concerns, "\(comparison)")
      #expect(comparison.holds == (comparison.ratio <= 1))
    }
  }
}
