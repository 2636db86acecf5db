import Foundation
import MultimodalPathway

/// How pictures are sampled between their pixels, and what is outside them.
package struct PictureSampling: Sendable, Hashable {
  /// Whether 4 x 4 pixels are interpolated by a cubic with a = -1; otherwise 2 x 2 linearly.
  package let isCubic: Bool
  /// Red, green and blue outside the picture.
  package let fill: [UInt8]

  package init(isCubic: Bool, fill: [UInt8]) { (self.isCubic, self.fill) = (isCubic, fill) }

  /// timm's: the mean colour outside, and bilinear or bicubic interpolation as the model's pictures are resized. Of
  /// filters that are neither, bicubic.
  package init(_ preprocessing: ImagePreprocessing) {
    isCubic = ![.bilinear, .openCVBilinear].contains(preprocessing.filter)
    fill = preprocessing.mean.map { mean in
      // The decimal number that the model's files state: 0.3 is an exact half in Double and not in float32.
      let stated = Double("\(mean)") ?? Double(mean)
      return UInt8(max(0, min(255, (255 * stated).rounded(.toNearestOrEven))))
    }
  }
}

/// Where a pixel of a changed picture comes from: (xx x + xy y + x0, yx x + yy y + y0), in pixels. Centres of pixels
/// are at halves.
struct AffineMap {
  var xx = 1.0
  var xy = 0.0
  var x0 = 0.0
  var yx = 0.0
  var yy = 1.0
  var y0 = 0.0

  init(xy: Double = 0, yx: Double = 0, x: Double = 0, y: Double = 0) {
    (self.xy, self.yx, x0, y0) = (xy, yx, x, y)
  }

  /// A counterclockwise turn about the picture's middle.
  ///
  /// Sine and cosine are rounded to 15 decimals, as in Pillow. This hides the last bits, in which mathematical
  /// libraries differ.
  static func rotation(degrees: Double, of extent: Extent) -> AffineMap {
    let rest = degrees.truncatingRemainder(dividingBy: 360)
    let angle = -((rest < 0 ? rest + 360 : rest) * (.pi / 180))
    func rounded(_ value: Double) -> Double { Double(String(format: "%.15f", value)) ?? value }
    var map = AffineMap(xy: rounded(sin(angle)), yx: rounded(-sin(angle)))
    map.xx = rounded(cos(angle))
    map.yy = map.xx
    let (x, y) = (Double(extent.width) / 2, Double(extent.height) / 2)
    map.x0 = map.xx * -x + map.xy * -y + x
    map.y0 = map.yx * -x + map.yy * -y + y
    return map
  }
}

extension PixelImage {
  /// The picture of the same size whose pixels come from where `map` says, as Pillow's `Image.transform` makes it: in
  /// Double, rounded down. Neighbours outside the picture are its outermost pixels.
  func transformed(_ map: AffineMap, _ sampling: PictureSampling) throws -> PixelImage {
    try PixelImage(extent: extent) { samples in
      for row in 0..<height {
        for column in 0..<width {
          let (x, y) = (Double(column) + 0.5, Double(row) + 0.5)
          let (u, v) = (map.xx * x + map.xy * y + map.x0, map.yx * x + map.yy * y + map.y0)
          let pixel = 3 * (row * width + column)
          guard u >= 0, u < Double(width), v >= 0, v < Double(height) else {
            for channel in 0..<3 { samples[pixel + channel] = sampling.fill[channel] }
            continue
          }
          let (left, top) = ((u - 0.5).rounded(.down), (v - 0.5).rounded(.down))
          let share = (x: u - 0.5 - left, y: v - 0.5 - top)
          for channel in 0..<3 {
            let value =
              sampling.isCubic
              ? cubic(Int(left), Int(top), channel, share) : linear(Int(left), Int(top), channel, share)
            samples[pixel + channel] = UInt8(max(0, min(255, value)))
          }
        }
      }
    }
  }

  private func sample(_ x: Int, _ y: Int, _ channel: Int) -> Double {
    let (column, row) = (max(0, min(width - 1, x)), max(0, min(height - 1, y)))
    return Double(rgb[3 * (row * width + column) + channel])
  }

  private func linear(_ x: Int, _ y: Int, _ channel: Int, _ share: (x: Double, y: Double)) -> Double {
    func mix(_ a: Double, _ b: Double, _ share: Double) -> Double { a + (b - a) * share }
    func line(_ y: Int) -> Double { mix(sample(x, y, channel), sample(x + 1, y, channel), share.x) }
    return mix(line(y), line(y + 1), share.y)
  }

  private func cubic(_ x: Int, _ y: Int, _ channel: Int, _ share: (x: Double, y: Double)) -> Double {
    // Pillow's polynomial in its order: the same roundings.
    func mix(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ share: Double) -> Double {
      b + share * (c - a + share * (2 * (a - b) + c - d + share * (b - a - c + d)))
    }
    func line(_ y: Int) -> Double {
      mix(
        sample(x - 1, y, channel), sample(x, y, channel), sample(x + 1, y, channel), sample(x + 2, y, channel),
        share.x)
    }
    return mix(line(y - 1), line(y), line(y + 1), line(y + 2), share.y)
  }
}
