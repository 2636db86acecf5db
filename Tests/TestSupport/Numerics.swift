// Derived bounds and seeded numbers.

/// Unit roundoff of float32.
public let unitRoundoff = 0x1p-24

/// Higham's gamma_k = k u / (1 - k u), the bound of the relative error of k successive roundings.
public func gamma(_ k: Int, u: Double = unitRoundoff) -> Double {
  Double(k) * u / (1 - Double(k) * u)
}

/// SplitMix64: the same numbers for a seed on every platform.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` floats, uniform in `range`.
  public mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }

  /// `count` small whole numbers: sums of their products are exact.
  public mutating func wholeNumbers(_ count: Int, upTo limit: Int = 8) -> [Float] {
    (0..<count).map { _ in Float(Int.random(in: -limit...limit, using: &self)) }
  }
}

/// The element that is nearest to its bound, or exceeds it most.
public struct WorstError: CustomStringConvertible {
  public private(set) var ratio = -1.0
  /// Of the element of that ratio.
  public private(set) var error = 0.0
  private var largestBound = 0.0
  private var largestValue = 0.0
  private var text = "nothing compared"

  public init() {}

  /// Adds an element. The error of NaN is infinite; a bound that is not finite fails the test.
  public mutating func note<Number: BinaryFloatingPoint>(
    _ found: Number, _ expected: Double, bound: Double, at index: [Int]
  ) {
    largestBound = max(largestBound, bound)
    largestValue = max(largestValue, abs(expected))
    let error = abs(Double(found) - expected)
    let ratio = error.isNaN || !bound.isFinite ? Double.infinity : (error == 0 ? 0 : error / bound)
    if ratio > self.ratio {
      (self.ratio, self.error) = (ratio, error)
      text = "at \(index): found \(found), expected \(expected), error \(error), bound \(bound), ratio \(ratio)"
    }
  }

  public var isWithinBound: Bool { ratio >= 0 && ratio <= 1 }
  /// Whether every bound is below 1 % of the largest value. A larger bound proves nothing.
  public var boundsAreMeaningful: Bool { boundsAre(below: 0.01) }
  public func boundsAre(below share: Double) -> Bool { largestBound < largestValue * share }
  public var description: String { text }
}
