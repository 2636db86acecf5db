import Foundation
import MultimodalPathway

/// Random numbers of one sample of one epoch, for one purpose.
///
/// A stream depends on seed, epoch, place and purpose alone. Samples can therefore be prepared in any order, by any
/// number of threads, and again after a run is resumed, with the same result.
package struct RandomStream {
  /// What the numbers are for. Streams of different purposes are unrelated.
  package enum Purpose: UInt64 {
    case order, augmentation, dropPath, head, mixing, weights
  }

  private var generator: SplitMix64

  /// - Parameters:
  ///   - epoch: from 0.
  ///   - place: of the sample in the epoch's order, from 0.
  package init(seed: UInt64, epoch: Int = 0, place: Int = 0, _ purpose: Purpose) {
    // Each number is absorbed by a state that the ones before it determine.
    var state = seed
    for number in [UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(place)), purpose.rawValue] {
      var absorber = SplitMix64(seed: state)
      state = absorber.next() ^ number
    }
    generator = SplitMix64(seed: state)
    _ = generator.next()
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  package mutating func unit() -> Double { generator.nextUnit() }

  /// Uniform in [low, high].
  package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

  /// Uniform in 0..<count, without bias; `count` is positive.
  package mutating func index(below count: Int) -> Int {
    // Lemire 2019, "Fast random integer generation in an interval": products below the threshold are drawn again.
    let bound = UInt64(count)
    let threshold = (0 &- bound) % bound
    while true {
      let product = generator.next().multipliedFullWidth(by: bound)
      if product.low >= threshold { return Int(product.high) }
    }
  }

  /// Normal of mean 0 and deviation 1 (Box and Muller 1958, the cosine's half).
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return radius * cos(2 * .pi * unit())
  }
}
