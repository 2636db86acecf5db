/// What a class head is to say: a number from 0 to 1 for every class of every input.
package struct ClassTargets: Sendable {
  /// Number of classes.
  package let classCount: Int
  /// s: the share of a target that is spread evenly over all classes.
  package let smoothing: Double

  package init(classCount: Int, smoothing: Double = 0) {
    (self.classCount, self.smoothing) = (classCount, smoothing)
  }

  /// Targets of inputs by their classes, (B, classes): 1 - s + s / K for a class of the input, s / K for each other
  /// class of K (Szegedy et al. 2016, section 7). Of one class they are a distribution.
  ///
  /// - Parameter share: of an input's own target, where inputs are mixed, the first with the last and so on; the rest
  ///   is the partner's.
  package func callAsFunction(_ labels: [[Int]], share: Double = 1) -> [Float] {
    let rest = smoothing / Double(classCount)
    return zip(labels, labels.reversed()).flatMap { labels, partners in
      (0..<classCount).map { index in
        let own = (labels.contains(index) ? share : 0) + (partners.contains(index) ? 1 - share : 0)
        return Float((1 - smoothing) * own + rest)
      }
    }
  }

  /// Distributions of inputs of one class each.
  package func callAsFunction(_ labels: [Int], share: Double = 1) -> [Float] {
    self(labels.map { [$0] }, share: share)
  }
}
