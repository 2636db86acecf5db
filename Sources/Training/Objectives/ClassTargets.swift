/// What a class head is to say: a distribution over classes for every input.
package struct ClassTargets: Sendable {
  /// Number of classes.
  package let classCount: Int
  /// The share of a distribution that is spread evenly over all classes.
  package let smoothing: Double

  package init(classCount: Int, smoothing: Double = 0) {
    (self.classCount, self.smoothing) = (classCount, smoothing)
  }

  /// Distributions of labels, (B, classes): 1 - s + s / K for the label, s / K for each other class of K (Szegedy et
  /// al. 2016, section 7).
  ///
  /// - Parameter share: of an input's own distribution, where inputs are mixed, the first with the last and so on; the
  ///   rest is the partner's.
  package func callAsFunction(_ labels: [Int], share: Double = 1) -> [Float] {
    let rest = smoothing / Double(classCount)
    return zip(labels, labels.reversed()).flatMap { label, partner in
      (0..<classCount).map { index in
        let own = (index == label ? share : 0) + (index == partner ? 1 - share : 0)
        return Float((1 - smoothing) * own + rest)
      }
    }
  }
}
