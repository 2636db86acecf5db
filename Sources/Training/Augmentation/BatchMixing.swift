import Foundation
import MultimodalPathway

/// Inputs of a batch mixed with each other, the first with the last and so on: mixup (Zhang et al. 2018) adds shares of
/// two inputs, CutMix (Yun et al. 2019) puts a part of one into the other. Targets are mixed by the same share.
///
/// The semantics are those of timm's `Mixup` in its mode `batch`, with a switching probability of a half where both are
/// wanted. A pure function of a batch and a random stream.
package struct BatchMixing: Sendable {
  /// How the inputs of a batch are mixed.
  package struct Choice: Sendable, Equatable {
    /// The share of an input's own target.
    package let share: Double
    /// The part that comes from the other input; nil: all of it, by share.
    package let window: PictureAugmentation.Window?

    package init(share: Double, window: PictureAugmentation.Window?) { (self.share, self.window) = (share, window) }
  }

  /// alpha of mixup's Beta distribution; 0: no mixup.
  package let mixup: Double
  /// alpha of CutMix's Beta distribution; 0: no CutMix.
  package let cutmix: Double
  private let seed: UInt64

  package init(mixup: Double, cutmix: Double, seed: UInt64) {
    (self.mixup, self.cutmix, self.seed) = (mixup, cutmix, seed)
  }

  /// How the batch is mixed whose first input is at `place` of the epoch's order; nil: not at all.
  package func choice(epoch: Int, place: Int, size: Extent) -> Choice? {
    guard mixup > 0 || cutmix > 0 else { return nil }
    var random = RandomStream(seed: seed, epoch: epoch, place: place, .mixing)
    let cuts = mixup > 0 && cutmix > 0 ? random.unit() < 0.5 : cutmix > 0
    let share = random.beta(cuts ? cutmix : mixup)
    guard cuts else { return Choice(share: share, window: nil) }
    let ratio = (1 - share).squareRoot()
    func part(_ length: Int) -> Range<Int> {
      let half = Int(Double(length) * ratio) / 2
      let middle = random.index(below: length)
      return max(0, middle - half)..<min(length, middle + half)
    }
    let (rows, columns) = (part(size.height), part(size.width))
    let area = Double(rows.count * columns.count) / Double(size.height * size.width)
    return Choice(
      share: 1 - area,
      window: PictureAugmentation.Window(
        top: rows.lowerBound, left: columns.lowerBound, height: rows.count, width: columns.count))
  }

  /// Mixes a batch in place.
  ///
  /// - Parameters:
  ///   - values: (batch, planes, H, W).
  ///   - size: H and W.
  package static func mix(
    _ values: UnsafeMutablePointer<Float>, batch: Int, planes: Int = 3, size: Extent, _ choice: Choice
  ) {
    let plane = size.height * size.width
    let (own, other) = (Float(choice.share), Float(1 - choice.share))
    // Of a middle input without a partner nothing changes.
    for first in 0..<batch / 2 {
      let (a, b) = (values + first * planes * plane, values + (batch - 1 - first) * planes * plane)
      guard let window = choice.window else {
        for index in 0..<planes * plane {
          let (x, y) = (a[index], b[index])
          a[index] = own * x + other * y
          b[index] = own * y + other * x
        }
        continue
      }
      for channel in 0..<planes {
        for row in window.top..<window.top + window.height {
          let start = channel * plane + row * size.width + window.left
          for index in start..<start + window.width { (a[index], b[index]) = (b[index], a[index]) }
        }
      }
    }
  }
}

extension RandomStream {
  /// Beta(alpha, alpha), by two gamma variates.
  mutating func beta(_ alpha: Double) -> Double {
    let (x, y) = (gamma(alpha), gamma(alpha))
    return x + y > 0 ? x / (x + y) : 0.5
  }

  /// Gamma of shape `alpha` (Marsaglia and Tsang 2000).
  private mutating func gamma(_ alpha: Double) -> Double {
    guard alpha >= 1 else { return gamma(alpha + 1) * pow(1 - unit(), 1 / alpha) }
    let d = alpha - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      guard v > 0 else { continue }
      if log(1 - unit()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }
}
