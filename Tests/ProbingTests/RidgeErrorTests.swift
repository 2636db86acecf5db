import Foundation
import MultimodalPathway
import PathwayProbing
import TestSupport
import Testing

/// The errors of ridge regression, one by one, and its smaller parts.
@Suite struct RidgeErrorTests {
  private func fit(
    _ values: [Float], width: Int, labels: [Int], classes: [String] = ["a", "b"],
    _ change: (inout RidgeRegression) -> Void = { _ in }
  ) throws -> RidgeHead {
    var regression = RidgeRegression()
    change(&regression)
    return try regression.fit(
      Tensor(values, shape: [values.count / width, width]), labels: labels, classes: classes,
      engine: Engine(threads: 1))
  }

  private let values = (0..<20).map { Float($0 * $0 % 7) }
  private let labels = (0..<10).map { $0 % 2 }

  @Test func refuses() throws {
    let (values, labels) = (values, labels)
    #expect(throws: RidgeError.tooFewClasses(found: 1)) {
      try fit(values, width: 2, labels: labels.map { _ in 0 }, classes: ["a"])
    }
    #expect(throws: RidgeError.tooFewSamples(class: "b", found: 4, folds: 5)) {
      try fit(values, width: 2, labels: labels.indices.map { $0 < 4 ? 1 : 0 })
    }
    #expect(throws: RidgeError.tooFewSamples(class: "c", found: 0, folds: 5)) {
      try fit(values, width: 2, labels: labels, classes: ["a", "b", "c"])
    }
    #expect(throws: RidgeError.label(found: 2, sample: 9, classes: 2)) {
      try fit(values, width: 2, labels: labels.dropLast() + [2])
    }
    #expect(throws: RidgeError.foldCount(found: 1)) { try fit(values, width: 2, labels: labels) { $0.folds = 1 } }
    #expect(throws: RidgeError.ridge(found: 0)) { try fit(values, width: 2, labels: labels) { $0.ridges = [1, 0] } }
    #expect(throws: RidgeError.ridge(found: .infinity)) {
      try fit(values, width: 2, labels: labels) { $0.ridges = [.infinity] }
    }
    #expect(throws: RidgeError.featureShape(found: [10, 2], samples: 12)) {
      try fit(values, width: 2, labels: labels + [0, 1])
    }
    for bad in [Float.nan, .infinity] {
      var broken = values
      broken[7] = bad
      #expect(throws: RidgeError.notFinite(sample: 3, channel: 1)) { try fit(broken, width: 2, labels: labels) }
    }
  }

  @Test func reportsWhereFactoringFails() throws {
    // Indefinite: the second leading minor is 1 - 4.
    #expect(throws: RidgeError.notPositiveDefinite(ridge: 0, minor: 2)) {
      try CholeskySolver([1, 2, 2, 1], order: 2, ridge: 0)
    }
    // Two equal features and a ridge below float32's resolution leave a pivot of exactly 0, in every fold.
    let twice: [Float] = (0..<20).map { values[$0 / 2] }
    #expect(throws: RidgeError.notPositiveDefinite(ridge: 1e-12, minor: 2)) {
      try fit(twice, width: 2, labels: labels) { $0.ridges = [1e-12] }
    }
    // With a larger ridge to choose from, the failed one has no score.
    let head = try fit(twice, width: 2, labels: labels) { $0.ridges = [1e-12, 1e-1] }
    #expect(head.candidates[0].correct == nil && head.relativeRidge == 1e-1)
  }

  /// Corrections reach the solution in Double for a Hilbert-like matrix, whose float32 factor gives only three digits.
  @Test func refinesBeyondFloat32() throws {
    let n = 4
    let matrix = (0..<n * n).map { 1 / Double($0 / n + $0 % n + 1) }
    let solution = [1.0, -2, 3, -4, 0.5, 0.25, -0.125, 8]
    let right = (0..<2 * n).map { index in
      (0..<n).reduce(0) { $0 + matrix[index % n * n + $1] * solution[index / n * n + $1] }
    }
    let found = try CholeskySolver(matrix, order: n, ridge: 0).solve(right, columns: 2)
    // Condition 1.6e4; residuals and right-hand sides have errors of n roundings of 2^-53, corrections end at 2^-40.
    for (a, b) in zip(found, solution) { #expect(abs(a - b) <= 8 * (0x1p-40 + 1.6e4 * 8 * 0x1p-53)) }
    #expect(try CholeskySolver(matrix, order: n, ridge: 0).solve([0, 0, 0, 0], columns: 1) == [0, 0, 0, 0])
  }

  @Test func sharpnessHasTheMaximumLikelihood() throws {
    // Three of four samples are right by a margin of 2: sigmoid(2 s) is their share.
    let count = 100
    let outputs = FloatRows((0..<2 * count).map { $0 % 2 == 0 ? 1 : -1 }, width: 2)
    let labels = (0..<count).map { $0 % 4 == 0 ? 1 : 0 }
    let spread = 1 / Double(count + 2)
    let share = (1 - spread) * 0.75 + spread * 0.5
    let expected = 0.5 * log(share / (1 - share))
    let found = try RidgeHead.sharpness(outputs, labels: labels)
    #expect(abs(found - expected) <= 0x1p-29)
    // Separable, and still finite.
    let sure = try RidgeHead.sharpness(outputs, labels: labels.map { _ in 0 })
    let certain = 1 - spread / 2
    #expect(abs(sure - 0.5 * log(certain / (1 - certain))) <= 0x1p-26)
    // Wrong more often than right: unchanged.
    let wrong = try RidgeHead.sharpness(outputs, labels: labels.map { 1 - $0 })
    #expect(wrong == 1)
  }
}
