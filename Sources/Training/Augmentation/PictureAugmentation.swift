import Foundation
import MultimodalPathway

/// Training pictures, varied: a random part of the picture, resized to the model's size, and mirrored at random.
///
/// The semantics are those of timm's `RandomResizedCropAndInterpolation` and torchvision's `RandomHorizontalFlip`; the
/// filter is the one of the model's recipe for pictures. A pure function of a picture and a random stream.
package struct PictureAugmentation: Sendable {
  /// Height and width of the result.
  package let size: Extent
  /// The filter that crops are resized with.
  package let filter: ImageFilter
  /// The smallest share of a picture's area that a crop takes; the largest is all of it.
  package let smallestShare: Double
  /// The probability that a picture is mirrored.
  package let flip: Double

  package init(size: Extent, filter: ImageFilter, smallestShare: Double = 0.08, flip: Double = 0.5) {
    (self.size, self.filter, self.smallestShare, self.flip) = (size, filter, smallestShare, flip)
  }

  /// With a model's recipe for pictures.
  init(_ preprocessing: ImagePreprocessing, _ recipe: Recipe) {
    self.init(
      size: preprocessing.size, filter: preprocessing.filter, smallestShare: recipe.cropScale, flip: recipe.flip)
  }

  /// How a picture is varied.
  package struct Choice: Sendable {
    package let window: Window
    package let isMirrored: Bool
  }

  /// A part of a picture.
  package struct Window: Hashable, Sendable {
    package let top: Int
    package let left: Int
    package let height: Int
    package let width: Int

    package init(top: Int, left: Int, height: Int, width: Int) {
      (self.top, self.left, self.height, self.width) = (top, left, height, width)
    }
  }

  /// Widths of crops as multiples of their heights.
  private static let aspects = 3.0 / 4...4.0 / 3

  /// A random part of a picture of that size. The area is uniform, the aspect log-uniform; where ten draws do not fit,
  /// the middle of the picture, cut to the nearest aspect.
  package func window(of picture: Extent, _ random: inout RandomStream) -> Window {
    let (height, width) = (picture.height, picture.width)
    for _ in 0..<10 {
      let area = random.uniform(smallestShare, 1) * Double(height * width)
      let aspect = exp(random.uniform(log(Self.aspects.lowerBound), log(Self.aspects.upperBound)))
      let w = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let h = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      guard (1...width).contains(w), (1...height).contains(h) else { continue }
      let top = random.index(below: height - h + 1)
      return Window(top: top, left: random.index(below: width - w + 1), height: h, width: w)
    }
    let aspect = Double(width) / Double(height)
    var (h, w) = (height, width)
    if aspect < Self.aspects.lowerBound {
      h = Int((Double(width) / Self.aspects.lowerBound).rounded(.toNearestOrEven))
    } else if aspect > Self.aspects.upperBound {
      w = Int((Double(height) * Self.aspects.upperBound).rounded(.toNearestOrEven))
    }
    return Window(top: (height - h) / 2, left: (width - w) / 2, height: h, width: w)
  }

  /// How a picture of that size is varied.
  package func choice(of picture: Extent, _ random: inout RandomStream) -> Choice {
    Choice(window: window(of: picture, &random), isMirrored: random.unit() < flip)
  }

  /// The varied picture, of `size`.
  ///
  /// - Throws: `PixelImageError`.
  package func callAsFunction(_ picture: PixelImage, _ random: inout RandomStream) throws -> PixelImage {
    try self(picture, choice(of: picture.extent, &random))
  }

  /// The picture, varied that way.
  ///
  /// - Parameter choice: of pictures of this size.
  /// - Throws: `PixelImageError`.
  package func callAsFunction(_ picture: PixelImage, _ choice: Choice) throws -> PixelImage {
    let resized = try picture.part(choice.window).resized(to: size, filter: filter)
    return choice.isMirrored ? try resized.mirrored() : resized
  }
}

extension PixelImage {
  /// A part of the picture, which lies in it.
  fileprivate func part(_ window: PictureAugmentation.Window) throws -> PixelImage {
    let row = 3 * width
    return try PixelImage(extent: Extent(height: window.height, width: window.width)) { samples in
      for y in 0..<window.height {
        let start = (window.top + y) * row + 3 * window.left
        _ = samples[(y * 3 * window.width)...].update(fromContentsOf: rgb[start..<start + 3 * window.width])
      }
    }
  }

  /// The picture with left and right exchanged.
  package func mirrored() throws -> PixelImage {
    try PixelImage(extent: extent) { samples in
      for y in 0..<height {
        for x in 0..<width {
          let (to, from) = (3 * (y * width + x), 3 * (y * width + width - 1 - x))
          for channel in 0..<3 { samples[to + channel] = rgb[from + channel] }
        }
      }
    }
  }
}
