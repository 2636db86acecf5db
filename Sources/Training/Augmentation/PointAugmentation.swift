import MultimodalPathway

/// Training clouds, varied as Point-BERT (Yu et al. 2022) and Point-MAE (Pang et al. 2022) do: points are drawn from a
/// larger sample, every axis is scaled by a factor from 2/3 to 3/2, and the cloud is moved by up to 0.2 along every
/// axis. A pure function of a cloud and a random stream.
package enum PointAugmentation {
  private static let scales = 2.0 / 3...3.0 / 2
  private static let distances = -0.2...0.2

  /// Points of the sample that `count` points are drawn from: 1,200 for 1,024, as in Point-MAE.
  package static func candidates(for count: Int) -> Int { count * 75 / 64 }

  /// `count` of 0..<`all` without repetition, in random order (Fisher and Yates's shuffle, of its first places).
  ///
  /// - Parameter count: at most `all`.
  package static func drawn(_ count: Int, of all: Int, _ random: inout RandomStream) -> [Int] {
    var indices = Array(0..<all)
    for place in 0..<count { indices.swapAt(place, place + random.index(below: all - place)) }
    return Array(indices.prefix(count))
  }

  /// Scales and moves a cloud, (P, 3), in place.
  package static func vary(_ values: UnsafeMutableBufferPointer<Float>, _ random: inout RandomStream) {
    let factors = (0..<3).map { _ in Float(random.uniform(scales.lowerBound, scales.upperBound)) }
    let offsets = (0..<3).map { _ in Float(random.uniform(distances.lowerBound, distances.upperBound)) }
    for index in values.indices { values[index] = values[index] * factors[index % 3] + offsets[index % 3] }
  }
}
