import Foundation
import MultimodalPathway

/// A part of a normalised picture replaced by noise (Zhong et al. 2020), as timm's `RandomErasing` in its mode `pixel`:
/// one part, of 2 % to a third of the picture, with an aspect of 0.3 to 1 / 0.3.
package struct RandomErasing: Sendable {
  /// The probability that a picture loses a part.
  package let probability: Double
  private static let share = 0.02...1.0 / 3
  private static let aspects = 0.3...1 / 0.3

  package init(probability: Double) { self.probability = probability }

  /// The part that a picture loses; nil: none. Where ten draws do not fit, none.
  package func window(of size: Extent, _ random: inout RandomStream) -> PictureAugmentation.Window? {
    guard random.unit() < probability else { return nil }
    for _ in 0..<10 {
      let area =
        random.uniform(Self.share.lowerBound, Self.share.upperBound) * Double(size.height * size.width)
      let aspect = exp(random.uniform(log(Self.aspects.lowerBound), log(Self.aspects.upperBound)))
      let height = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let width = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      guard height < size.height, width < size.width else { continue }
      let top = random.index(below: size.height - height + 1)
      return PictureAugmentation.Window(
        top: top, left: random.index(below: size.width - width + 1), height: height, width: width)
    }
    return nil
  }

  /// Replaces a part of a picture's values, (3, H, W), by normal noise of mean 0 and deviation 1; of a clip's,
  /// (3 T, H, W), the same part of every frame.
  package func callAsFunction(
    _ values: UnsafeMutableBufferPointer<Float>, planes: Int = 3, size: Extent, _ random: inout RandomStream
  ) {
    guard let window = window(of: size, &random) else { return }
    for channel in 0..<planes {
      for row in window.top..<window.top + window.height {
        let start = (channel * size.height + row) * size.width + window.left
        for index in start..<start + window.width { values[index] = Float(random.normal()) }
      }
    }
  }
}
