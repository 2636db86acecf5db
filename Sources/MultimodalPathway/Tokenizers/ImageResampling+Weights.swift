/// What each target sample of one axis takes of which source samples, in the layout of the two passes.
///
/// A weight is a fixed-point number with 22 fractional bits, Pillow's `PRECISION_BITS` (32 bits less 8 of a sample and
/// 2 for sums that overshoot). SSE2, the baseline of x86-64, multiplies 16-bit integers, two products and their sum at
/// a time, but not 32-bit ones. So a weight w is stored as (w mod 2^15, w div 2^15), both of which fit 16 bits, and
/// source samples are taken in pairs that start at even positions: sum(v w) = sum(v low) + 2^15 sum(v high), exactly,
/// since all sums are modulo 2^32 and the true one fits.
struct ResamplingWeights {
  static let fractionBits = 22
  static let splitBits = 15

  /// Two neighbouring source samples' weights, each half packed as two 16-bit numbers, the even sample in the low half.
  struct Pair {
    var low: Int32
    var high: Int32
  }

  /// The pairs of one target sample: source pairs from `firstPair`, weights from `offset`.
  struct Run {
    var firstPair: Int
    var offset: Int
    var count: Int
  }

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
    Int32((weight < 0 ? -0.5 : 0.5) + weight * Double(1 << fractionBits))
  }
}

extension ResamplingWeights.Pair {
  /// Splits and packs the weights of an even sample and the odd one after it.
  init(_ even: Int32, _ odd: Int32) {
    let mask: Int32 = 1 << Int32(ResamplingWeights.splitBits) - 1
    low = (even & mask) | (odd & mask) << 16
    high = ((even >> Int32(ResamplingWeights.splitBits)) & 0xFFFF) | (odd >> Int32(ResamplingWeights.splitBits)) << 16
  }
}

/// Two accumulators of four sums each, for the low and the high halves of the weights.
struct ResamplingSums {
  private var low = SIMD4<Int32>(repeating: 0)
  private var high = SIMD4<Int32>(repeating: 0)

  /// Adds four pairs of samples, each 0...255, times one pair of weights.
  @inline(__always)
  mutating func add(_ samples: SIMD8<Int16>, times pair: ResamplingWeights.Pair) {
    low = low &+ Self.pairProducts(samples, pair.low)
    high = high &+ Self.pairProducts(samples, pair.high)
  }

  /// The sums rounded to nearest integers and clipped to 0...255, as Int32.
  @inline(__always)
  var samples: SIMD4<Int32> {
    let half: Int32 = 1 << Int32(ResamplingWeights.fractionBits - 1)
    let sum = low &+ high &<< Int32(ResamplingWeights.splitBits) &+ half
    return (sum &>> Int32(ResamplingWeights.fractionBits)).clamped(
      lowerBound: SIMD4(repeating: 0), upperBound: SIMD4(repeating: 255))
  }

  /// Compiles to `pmaddwd`.
  @inline(__always)
  private static func pairProducts(_ samples: SIMD8<Int16>, _ weights: Int32) -> SIMD4<Int32> {
    // SAFETY: both types are 16 bytes of plain integers.
    let broadcast = unsafeBitCast(SIMD4<Int32>(repeating: weights), to: SIMD8<Int16>.self)
    let products = SIMD8<Int32>(truncatingIfNeeded: samples) &* SIMD8<Int32>(truncatingIfNeeded: broadcast)
    return products.evenHalf &+ products.oddHalf
  }
}
