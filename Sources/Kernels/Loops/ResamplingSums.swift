/// Two neighbouring source samples' weights, each half packed as two 16-bit numbers, the even sample in the low half.
///
/// A weight is a fixed-point number with 22 fractional bits, Pillow's `PRECISION_BITS` (32 bits less 8 of a sample and
/// 2 for sums that overshoot). SSE2, the baseline of x86-64, multiplies 16-bit integers, two products and their sum at
/// a time, but not 32-bit ones. So a weight w is stored as (w mod 2^15, w div 2^15), both of which fit 16 bits, and
/// source samples are taken in pairs that start at even positions: sum(v w) = sum(v low) + 2^15 sum(v high), exactly,
/// since all sums are modulo 2^32 and the true one fits.
package struct ResamplingPair: Sendable {
  package static let fractionBits = 22
  static let splitBits = 15

  let low: Int32
  let high: Int32

  /// Splits and packs the weights of an even sample and the odd one after it.
  package init(_ even: Int32, _ odd: Int32) {
    let mask: Int32 = 1 << Int32(Self.splitBits) - 1
    low = (even & mask) | (odd & mask) << 16
    high = ((even >> Int32(Self.splitBits)) & 0xFFFF) | (odd >> Int32(Self.splitBits)) << 16
  }
}

/// The pairs of one target sample: source pairs from `firstPair`, weights from `offset`.
package struct ResamplingRun: Sendable {
  package let firstPair: Int
  package let offset: Int
  package let count: Int

  package init(firstPair: Int, offset: Int, count: Int) {
    self.firstPair = firstPair
    self.offset = offset
    self.count = count
  }
}

/// Two accumulators of four sums each, for the low and the high halves of the weights.
struct ResamplingSums {
  private var low = SIMD4<Int32>(repeating: 0)
  private var high = SIMD4<Int32>(repeating: 0)

  /// Adds four pairs of samples, each 0...255, times one pair of weights.
  @inline(__always)
  mutating func add(_ samples: SIMD8<Int16>, times pair: ResamplingPair) {
    low = low &+ Self.pairProducts(samples, pair.low)
    high = high &+ Self.pairProducts(samples, pair.high)
  }

  /// The sums rounded to nearest integers and clipped to 0...255, as Int32.
  @inline(__always)
  var samples: SIMD4<Int32> {
    let half: Int32 = 1 << Int32(ResamplingPair.fractionBits - 1)
    let sum = low &+ high &<< Int32(ResamplingPair.splitBits) &+ half
    return (sum &>> Int32(ResamplingPair.fractionBits)).clamped(
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
