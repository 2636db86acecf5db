import PathwayLoops

/// What each target sample of one axis takes of which source samples, in the layout of the two passes.
struct ResamplingWeights {
  typealias Pair = ResamplingPair
  typealias Run = ResamplingRun

  /// One run for each target sample of the range.
  let runs: [Run]
  let pairs: [Pair]
  /// Source samples that any target sample of the range looks at; it may start one too early for an even start.
  let needed: Range<Int>

  /// Weights for target samples `range` of an axis that goes from `source` to `target` samples.
  init(_ filter: ImageFilter, source: Int, target: Int, range: Range<Int>) {
    // Pillow holds the source box in float, which matters past 2^24 samples.
    let scale = Double(Float(source)) / Double(target)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    let inverse = 1 / filterScale
    var runs: [Run] = []
    var pairs: [Pair] = []
    var weights: [Double] = []
    var last = 0
    runs.reserveCapacity(range.count)
    for position in range {
      let center = (Double(position) + 0.5) * scale
      let first = min(max(0, Int(center - support + 0.5)), source - 1)
      let end = max(min(source, Int(center + support + 0.5)), first + 1)
      weights.removeAll(keepingCapacity: true)
      var sum = 0.0
      for sample in first..<end {
        let weight = filter.weight(at: (Double(sample) - center + 0.5) * inverse)
        weights.append(weight)
        sum += weight
      }
      if sum != 0 { for i in weights.indices { weights[i] /= sum } }
      let run = Run(firstPair: first / 2, offset: pairs.count, count: (end + 1) / 2 - first / 2)
      for pair in run.firstPair..<(run.firstPair + run.count) {
        let even = 2 * pair - first
        pairs.append(
          Pair(
            Self.fixedPoint(even >= 0 ? weights[even] : 0),
            Self.fixedPoint(even + 1 < weights.count ? weights[even + 1] : 0)))
      }
      runs.append(run)
      last = max(last, end)
    }
    self.runs = runs
    self.pairs = pairs
    // Runs start in order, so the first one starts first.
    needed = 2 * (runs.first?.firstPair ?? 0)..<last
  }

  /// Rounds half away from zero, as Pillow's cast of x +- 0.5.
  private static func fixedPoint(_ weight: Double) -> Int32 {
    Int32((weight < 0 ? -0.5 : 0.5) + weight * Double(1 << ResamplingPair.fractionBits))
  }
}
