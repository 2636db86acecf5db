import Foundation
import MultimodalPathway
import PathwayKernels

/// Ridge regression of class targets (+1 own class, -1 others) on centred features with an unpenalised intercept, in
/// closed form.
///
/// With X centred (and standardised) and n samples: (X^T X / n + lambda v I) w = X^T y / n, v the mean variance. The
/// ridge lambda is chosen on held-out folds: by samples classified correctly, then by squared error, then the larger.
/// Folds are stratified and fixed: sample i of class c, in order, belongs to fold (i + c) mod folds. Second moments are
/// summed once per fold; every training set is the total less a fold.
///
/// Same features, same bits, for any thread count on one instruction set.
public struct RidgeRegression: Sendable {
  /// Held-out folds.
  public var folds = 5
  /// The grid of relative ridges.
  public var ridges: [Double] = (-8...4).map { pow(10, Double($0) / 2) }
  /// Whether every feature is divided by its standard deviation; a constant one gets weight 0.
  public var standardizes = true

  /// A regression with 5 folds, 13 ridges from 10^-4 to 10^2, and standardised features.
  public init() {}

  /// Checks what can be checked before features are computed.
  ///
  /// - Throws: `RidgeError` for too few classes, folds, samples of a class, or an impossible ridge or label.
  public func validate(labels: [Int], classes: [String]) throws {
    guard classes.count >= 2 else { throw RidgeError.tooFewClasses(found: classes.count) }
    guard (2...1000).contains(folds) else { throw RidgeError.foldCount(found: folds) }
    if ridges.isEmpty { throw RidgeError.ridge(found: .nan) }
    for ridge in ridges where !(ridge.isFinite && ridge > 0) { throw RidgeError.ridge(found: ridge) }
    var counts = classes.map { _ in 0 }
    for (sample, label) in labels.enumerated() {
      guard classes.indices.contains(label) else {
        throw RidgeError.label(found: label, sample: sample, classes: classes.count)
      }
      counts[label] += 1
    }
    for (name, count) in zip(classes, counts) where count < folds {
      throw RidgeError.tooFewSamples(class: name, found: count, folds: folds)
    }
  }

  /// Fits a head to `features`, (n, C) float32, with a class index each.
  ///
  /// - Throws: `RidgeError`, `EngineError`.
  /// - Complexity: O(n C^2 + folds ridges C^3); memory O(folds C^2).
  public func fit(_ features: Tensor, labels: [Int], classes: [String], engine: Engine) throws -> RidgeHead {
    try validate(labels: labels, classes: classes)
    guard features.shape.count == 2, features.shape[0] == labels.count, features.shape[1] > 0 else {
      throw RidgeError.featureShape(found: features.shape, samples: labels.count)
    }
    return try fit(
      FloatRows(features.float32(), width: features.shape[1]), labels: labels, classes: classes, engine: engine)
  }

  /// The same of rows that may be on a disk: memory of O(folds C^2), whatever n, besides the labels and their folds.
  package func fit(_ rows: FloatRows, labels: [Int], classes: [String], engine: Engine) throws -> RidgeHead {
    try validate(labels: labels, classes: classes)
    guard rows.count == labels.count, rows.width > 0 else {
      throw RidgeError.featureShape(found: [rows.count, rows.width], samples: labels.count)
    }
    let shifted = try ShiftedFeatures(rows)
    let members = foldMembers(labels, classes: classes.count)
    let moments = try members.map { rows in
      var moments = FeatureMoments(width: shifted.width, classes: classes.count)
      try moments.add(shifted, rows: rows, labels: labels, engine: engine)
      return moments
    }
    var total = FeatureMoments(width: shifted.width, classes: classes.count)
    for fold in moments { total = .combine(total, fold, +) }

    let grid = ridges.sorted()
    let problems = moments.map { RidgeProblem(.combine(total, $0, -), standardizes: standardizes) }
    let attempts = try solve(problems, grid, engine)
    let held = HeldOut(features: shifted, labels: labels, classes: classes.count, engine: engine)
    let candidates = try score(attempts, grid, members, held)
    var best: Int?
    var bestScore = (correct: -1, gain: 0.0)
    for (index, candidate) in candidates.enumerated() {
      guard let correct = candidate.correct, let loss = candidate.loss else { continue }
      // Ridges ascend, so that equality goes to the larger.
      if (correct, -loss) >= bestScore { (best, bestScore) = (index, (correct, -loss)) }
    }
    guard let best else { throw attempts.flatMap { $0 }.compactMap(\.failure).last ?? RidgeError.ridge(found: .nan) }

    let (outputs, predicted) = try held.outputs(members, try attempts.map { try $0[best].get() })
    let problem = RidgeProblem(total, standardizes: standardizes)
    let solution = try problem.solve(grid[best])
    let intercept = (0..<classes.count).map { row in
      shifted.shift.indices.reduce(solution.bias[row]) {
        $0 - solution.weight[row * shifted.width + $1] * Double(shifted.shift[$1])
      }
    }
    return RidgeHead(
      classes: classes,
      weight: Tensor(solution.weight.map { Float($0) }, shape: [classes.count, shifted.width]),
      bias: Tensor(intercept.map { Float($0) }, shape: [classes.count]), relativeRidge: grid[best],
      ridge: grid[best] * problem.ridgeUnit,
      sharpness: try RidgeHead.sharpness(outputs, labels: labels), candidates: candidates,
      heldOut: predicted)
  }

  /// Samples of every fold.
  package func foldMembers(_ labels: [Int], classes: Int) -> [[Int]] {
    var seen = [Int](repeating: 0, count: classes)
    var members = [[Int]](repeating: [], count: folds)
    for (sample, label) in labels.enumerated() {
      members[(seen[label] + label) % folds].append(sample)
      seen[label] += 1
    }
    return members
  }

  typealias Attempt = Result<RidgeProblem.Solution, RidgeError>

  /// Every fold's solution for every ridge, shared by the engine's threads.
  private func solve(_ problems: [RidgeProblem], _ grid: [Double], _ engine: Engine) throws -> [[Attempt]] {
    var attempts = [Attempt](repeating: .failure(.ridge(found: .nan)), count: problems.count * grid.count)
    try attempts.withUnsafeMutableBufferPointer { attempts in
      try engine.run { member in
        member.parallelFor(attempts.count) { index in
          attempts[index] = Attempt { () throws(RidgeError) in
            try problems[index / grid.count].solve(grid[index % grid.count])
          }
        }
      }
    }
    return problems.indices.map { Array(attempts[$0 * grid.count..<($0 + 1) * grid.count]) }
  }

  /// A ridge that some fold could not be solved with has no score; a refusal by LAPACK of its arguments is an error.
  private func score(
    _ attempts: [[Attempt]], _ grid: [Double], _ members: [[Int]], _ held: HeldOut
  ) throws -> [RidgeHead.Candidate] {
    let usable = grid.indices.filter { index in attempts.allSatisfy { $0[index].failure == nil } }
    for case .lapack(let routine, let info)? in attempts.flatMap({ $0 }).map(\.failure) {
      throw RidgeError.lapack(routine: routine, info: info)
    }
    var correct = usable.map { _ in 0 }
    var loss = usable.map { _ in 0.0 }
    for (rows, solutions) in zip(members, attempts) {
      try held.forEach(rows, try usable.map { try solutions[$0].get() }) { sample, place, outputs in
        if RidgeHead.argmax(outputs) == held.labels[sample] { correct[place] += 1 }
        for (index, output) in outputs.enumerated() {
          let error = Double(output) - (index == held.labels[sample] ? 1 : -1)
          loss[place] += error * error
        }
      }
    }
    return grid.indices.map { index in
      let place = usable.firstIndex(of: index)
      return RidgeHead.Candidate(
        relativeRidge: grid[index], correct: place.map { correct[$0] },
        loss: place.map { loss[$0] / Double(held.labels.count * held.classes) })
    }
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

/// Outputs for samples that took no part in a solution.
struct HeldOut {
  let features: ShiftedFeatures
  let labels: [Int]
  let classes: Int
  let engine: Engine

  /// Calls `body` with every sample of `rows`, the place of each solution, and its outputs, (K).
  func forEach(
    _ rows: [Int], _ solutions: [RidgeProblem.Solution], _ body: (Int, Int, ArraySlice<Float>) throws -> Void
  ) throws {
    guard !solutions.isEmpty else { return }
    let (width, columns) = (features.width, solutions.count * classes)
    let weight = solutions.flatMap { $0.weight.map { Float($0) } }
    let bias = solutions.flatMap { $0.bias.map { Float($0) } }
    let packed = WeightMatrix.packed(try PackedMatrix(weight, n: columns, k: width, engine: engine))
    for start in stride(from: 0, to: rows.count, by: FeatureMoments.blockRows) {
      let chosen = rows[start..<min(rows.count, start + FeatureMoments.blockRows)]
      let inputs = try chosen.flatMap { row in try features.withRow(row) { Array($0) } }
      var outputs = [Float](repeating: 0, count: chosen.count * columns)
      try outputs.withUnsafeMutableBufferPointer { outputs in
        guard let base = outputs.baseAddress else { return }
        try engine.multiply(inputs, lda: width, m: chosen.count, packed, bias: bias, into: base)
      }
      for (place, row) in chosen.enumerated() {
        for solution in solutions.indices {
          let first = place * columns + solution * classes
          try body(row, solution, outputs[first..<first + classes])
        }
      }
    }
  }

  /// Outputs of one solution a fold for all samples, (n, K), and the class that they give each.
  func outputs(
    _ members: [[Int]], _ solutions: [RidgeProblem.Solution]
  ) throws -> (outputs: FloatRows, predicted: [Int]) {
    let result = try features.rows.zeros(width: classes)
    var predicted = [Int](repeating: 0, count: labels.count)
    for (rows, solution) in zip(members, solutions) {
      try forEach(rows, [solution]) { sample, _, outputs in
        try result.write(sample, outputs)
        predicted[sample] = RidgeHead.argmax(outputs)
      }
    }
    return (result, predicted)
  }
}
