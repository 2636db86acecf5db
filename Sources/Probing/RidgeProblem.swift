/// The normal equations of one training set.
struct RidgeProblem: Sendable {
  /// Weights and intercepts for shifted features.
  struct Solution: Sendable {
    /// (K, C).
    let weight: [Double]
    /// (K).
    let bias: [Double]
  }

  private let width: Int
  private let classes: Int
  /// X^T X / n of centred features in their units; its mean diagonal element is 1, or less with constant features.
  private let matrix: [Double]
  /// X^T y / n, (K, C).
  private let cross: [Double]
  /// Means of the shifted features, (C), and of the targets, (K).
  private let means: [Double]
  private let targets: [Double]
  /// 1 / the unit of each feature; 0 for constant ones.
  private let inverseUnits: [Double]
  /// What a relative ridge of 1 is in scikit-learn's `alpha`.
  let ridgeUnit: Double

  /// - Parameter standardizes: units are standard deviations; else one for all, the root of the mean variance.
  init(_ moments: FeatureMoments, standardizes: Bool) {
    let (width, samples) = (moments.width, moments.samples)
    let classes = moments.counts.count
    let means = (0..<width).map { channel in
      (0..<classes).reduce(0) { $0 + moments.classSums[$1 * width + channel] } / samples
    }
    // Variance below the error of its own sum is none.
    let variances = (0..<width).map { channel in
      let moment = moments.gram[channel * width + channel]
      let spread = moment - samples * means[channel] * means[channel]
      return spread > 2 * FeatureMoments.relativeError * moment ? spread / samples : 0
    }
    let meanVariance = variances.reduce(0, +) / Double(width)
    let inverseUnits = variances.map { variance in
      variance == 0 ? 0 : 1 / (standardizes ? variance : meanVariance).squareRoot()
    }
    var matrix = moments.gram
    for row in 0..<width {
      for column in 0..<width {
        let centred = matrix[row * width + column] - samples * means[row] * means[column]
        matrix[row * width + column] = centred * inverseUnits[row] * inverseUnits[column] / samples
      }
    }
    var cross = moments.classSums
    for index in 0..<classes {
      for channel in 0..<width {
        // Targets are 2 [own class] - 1; their mean drops out against centred features.
        let centred = cross[index * width + channel] - moments.counts[index] * means[channel]
        cross[index * width + channel] = 2 * centred * inverseUnits[channel] / samples
      }
    }
    self.width = width
    self.classes = classes
    self.matrix = matrix
    self.cross = cross
    self.means = means
    self.inverseUnits = inverseUnits
    targets = moments.counts.map { 2 * $0 / samples - 1 }
    ridgeUnit = standardizes ? samples : samples * meanVariance
  }

  func solve(_ ridge: Double) throws(RidgeError) -> Solution {
    var weight = try CholeskySolver(matrix, order: width, ridge: ridge).solve(cross, columns: classes)
    var bias = targets
    for index in 0..<classes {
      for channel in 0..<width {
        weight[index * width + channel] *= inverseUnits[channel]
        bias[index] -= weight[index * width + channel] * means[channel]
      }
    }
    return Solution(weight: weight, bias: bias)
  }
}
