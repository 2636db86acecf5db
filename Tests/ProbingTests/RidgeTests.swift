import Foundation
import MultimodalPathway
import PathwayProbing
import TestSupport
import Testing

/// Ridge heads against scikit-learn's `Ridge` in float64, and the rules for choosing a ridge.
@Suite struct RidgeTests {
  private struct Reference {
    let features: Tensor
    let labels: [Int]
    let classes = ["a", "b", "c", "d"]
    let tensors: [String: Tensor]
    static let ridges = [1e-3, 1e-1, 10.0]

    init() throws {
      tensors = try Checkpoint(contentsOf: Fixture.url("training/ridge.safetensors")).tensors
      features = try #require(tensors["features"])
      labels = try #require(tensors["labels"]).float32().map { Int($0) }
    }

    func doubles(_ name: String) throws -> [Double] {
      try #require(tensors[name]).withUnsafeBytes { bytes in
        (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
      }
    }
  }

  /// The bound of the change of weights by float32 moments, per element: |dw| <= |M^-1| (|dB| + |dM| |w|) / (1 - rho).
  ///
  /// M = R G R / n + lambda I and B = R X^T y / n in units 1 / R of the features. Second moments have an error of
  /// gamma(256) times the magnitudes of their terms, and two roundings of shifted features; units have half the
  /// relative error of their variance.
  private func bounds(
    _ reference: Reference, ridge: Double, standardizes: Bool, weight: [Double]
  ) throws -> (weight: [Double], bias: [Double]) {
    let (n, c, k) = (reference.labels.count, 16, 4)
    let x = try reference.features.float32().map(Double.init)
    let mean = (0..<c).map { j in (0..<n).reduce(0) { $0 + x[$1 * c + j] } / Double(n) }
    let u = unitRoundoff
    let relative = gamma(FeatureMoments.blockRows + 8) + 2 * u
    var gram = [Double](repeating: 0, count: c * c)
    var magnitude = gram
    for s in 0..<n {
      for i in 0..<c {
        for j in 0..<c {
          let term = (x[s * c + i] - mean[i]) * (x[s * c + j] - mean[j])
          gram[i * c + j] += term / Double(n)
          magnitude[i * c + j] += abs(term) / Double(n)
        }
      }
    }
    let variance = (0..<c).map { gram[$0 * c + $0] }
    let common = variance.reduce(0, +) / Double(c)
    let r = variance.map { 1 / (standardizes ? $0 : common).squareRoot() }
    // Relative error of a unit: half that of its variance; the same for the mean variance.
    let unit = relative / 2 + u
    var matrix = gram
    var change = magnitude
    for i in 0..<c {
      for j in 0..<c {
        matrix[i * c + j] = gram[i * c + j] * r[i] * r[j] + (i == j ? ridge : 0)
        change[i * c + j] = (magnitude[i * c + j] * relative + abs(gram[i * c + j]) * 2 * unit) * r[i] * r[j]
      }
    }
    let inverse = Self.inverse(matrix, c).map(abs)
    var rho = 0.0
    for i in 0..<c {
      var row = 0.0
      for l in 0..<c { for j in 0..<c { row += inverse[i * c + l] * change[l * c + j] } }
      rho = max(rho, row)
    }
    try #require(rho < 0.5, "the bound says nothing: \(rho)")
    var bound = weight
    for index in 0..<k {
      let right = (0..<c).map { i in
        let spread = (0..<n).reduce(0) { $0 + abs(x[$1 * c + i] - mean[i]) } / Double(n) * r[i]
        let moved = (0..<c).reduce(0) { $0 + change[i * c + $1] * abs(weight[index * c + $1] / r[$1]) }
        return 2 * spread * (u + unit) + moved
      }
      for i in 0..<c {
        let solution = (0..<c).reduce(0) { $0 + inverse[i * c + $1] * right[$1] } / (1 - rho)
        bound[index * c + i] = solution * r[i] + abs(weight[index * c + i]) * (unit + u)
      }
    }
    let bias = (0..<k).map { index in
      (0..<c).reduce(2 * u) { sum, i in
        sum + (bound[index * c + i] + 2 * u * abs(weight[index * c + i])) * abs(mean[i])
      }
    }
    return (bound, bias)
  }

  /// Gauss-Jordan elimination with pivoting, in Double.
  private static func inverse(_ matrix: [Double], _ n: Int) -> [Double] {
    var a = matrix
    var b = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0 }
    for column in 0..<n {
      let pivot = (column..<n).max { abs(a[$0 * n + column]) < abs(a[$1 * n + column]) }!
      for j in 0..<n {
        a.swapAt(pivot * n + j, column * n + j)
        b.swapAt(pivot * n + j, column * n + j)
      }
      let scale = 1 / a[column * n + column]
      for j in 0..<n {
        a[column * n + j] *= scale
        b[column * n + j] *= scale
      }
      for row in 0..<n where row != column {
        let factor = a[row * n + column]
        for j in 0..<n {
          a[row * n + j] -= factor * a[column * n + j]
          b[row * n + j] -= factor * b[column * n + j]
        }
      }
    }
    return b
  }

  @Test(arguments: InstructionSet.available, [true, false])
  func equalsScikitLearn(_ set: InstructionSet, _ standardizes: Bool) throws {
    let reference = try Reference()
    let engine = try Engine(threads: 2, instructionSet: set)
    for (place, ridge) in Reference.ridges.enumerated() {
      var regression = RidgeRegression()
      regression.ridges = [ridge]
      regression.standardizes = standardizes
      let head = try regression.fit(
        reference.features, labels: reference.labels, classes: reference.classes, engine: engine)
      let prefix = "\(standardizes ? "standardized" : "plain").\(place)."
      let weight = try reference.doubles(prefix + "weight")
      let bias = try reference.doubles(prefix + "bias")
      let bounds = try bounds(reference, ridge: ridge, standardizes: standardizes, weight: weight)
      var worst = WorstError()
      for (index, value) in try head.weight.float32().enumerated() {
        worst.note(value, weight[index], bound: bounds.weight[index], at: [index])
      }
      for (index, value) in try head.bias.float32().enumerated() {
        worst.note(value, bias[index], bound: bounds.bias[index], at: [index])
      }
      #expect(worst.isWithinBound, "\(set), ridge \(ridge): \(worst)")
      let alpha = try reference.doubles(prefix + "alpha")[0]
      #expect(abs(head.ridge - alpha) <= alpha * (gamma(FeatureMoments.blockRows + 8) + 4 * unitRoundoff))

      let predicted = try #require(reference.tensors[prefix + "predicted"]).float32().map { Int($0) }
      #expect(head.heldOut == predicted)
      #expect(head.candidates.map(\.correct) == [zip(reference.labels, predicted).count { $0 == $1 }])
    }
  }

  @Test func choosesByAccuracyThenLossThenMoreRidge() throws {
    let engine = try Engine(threads: 1)
    let reference = try Reference()
    let head = try RidgeRegression().fit(
      reference.features, labels: reference.labels, classes: reference.classes, engine: engine)
    let best = try #require(head.candidates.max { ($0.correct!, -$0.loss!) < ($1.correct!, -$1.loss!) })
    #expect(head.relativeRidge == best.relativeRidge)
    #expect(head.candidates.map(\.relativeRidge) == RidgeRegression().ridges)
    #expect(zip(reference.labels, head.heldOut).count { $0 == $1 } == best.correct)

    // Features without information: every ridge gives weights of 0 and the same outputs.
    let constant = Tensor([Float](repeating: 0.1, count: 40 * 3), shape: [40, 3])
    let labels = (0..<40).map { $0 % 2 }
    let none = try RidgeRegression().fit(constant, labels: labels, classes: ["a", "b"], engine: engine)
    #expect(none.relativeRidge == RidgeRegression().ridges.last)
    #expect(try none.weight.float32().allSatisfy { $0 == 0 })
    #expect(try none.bias.float32() == [0, 0])
  }

  @Test func foldsAreStratifiedAndFixed() {
    var regression = RidgeRegression()
    regression.folds = 3
    let members = regression.foldMembers([0, 0, 1, 0, 1, 1, 1], classes: 2)
    #expect(members == [[0, 5], [1, 2, 6], [3, 4]])
  }

  @Test func sameBitsForAnyThreadCount() throws {
    let reference = try Reference()
    let heads = try [1, 2, 3].map { threads in
      try RidgeRegression().fit(
        reference.features, labels: reference.labels, classes: reference.classes, engine: Engine(threads: threads))
    }
    for head in heads.dropFirst() {
      #expect(try head.weight.float32() == heads[0].weight.float32())
      #expect(try head.bias.float32() == heads[0].bias.float32())
      #expect(head.candidates == heads[0].candidates && head.sharpness == heads[0].sharpness)
    }
  }

  @Test func predictsFromItsTensors() throws {
    let reference = try Reference()
    let engine = try Engine(threads: 1)
    let head = try RidgeRegression().fit(
      reference.features, labels: reference.labels, classes: reference.classes, engine: engine)
    let tensors = try head.tensors()
    let weight = try #require(tensors["head.weight"]).float32()
    let bias = try #require(tensors["head.bias"]).float32()
    let x = try reference.features.float32()
    let predicted = try head.predict(reference.features, engine: engine)
    for (sample, label) in predicted.enumerated() {
      let outputs = (0..<4).map { k in
        (0..<16).reduce(Double(bias[k])) { $0 + Double(weight[k * 16 + $1]) * Double(x[sample * 16 + $1]) }
      }
      #expect(outputs.indices.max { outputs[$0] < outputs[$1] } == label)
    }
  }
}
