import Foundation

/// The kernel an image is resized with; raw values are timm's names, but for the last.
///
/// Sources: Pillow's `src/libImaging/Resample.c`; R. Keys, "Cubic convolution interpolation for digital image
/// processing" (1981) for bicubic, with a = -0.5; C. E. Duchon, "Lanczos filtering in one and two dimensions" (1979).
public enum ImageFilter: String, Sendable, Hashable, Codable, CaseIterable {
  /// The sample under the centre of the target pixel; the only filter that does not average when shrinking.
  case nearest
  /// All samples under the target pixel, equally.
  case box
  /// A triangle, one pixel each way.
  case bilinear
  /// Keys' cubic with a = -0.5, two pixels each way.
  case bicubic
  /// Windowed sinc, three lobes.
  case lanczos
  /// OpenCV's `INTER_LINEAR`, which VideoMAE resizes frames with: two samples each way however much it shrinks.
  case openCVBilinear = "opencv_bilinear"

  /// Half the kernel's width, in target pixels when shrinking and source pixels when enlarging.
  var support: Double {
    switch self {
    case .nearest, .box: 0.5
    case .bilinear, .openCVBilinear: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The kernel at signed distance `x`. The order of operations is Pillow's: weights agree to the last bit.
  func weight(at x: Double) -> Double {
    let distance = abs(x)
    switch self {
    case .nearest, .box:
      return x > -0.5 && x <= 0.5 ? 1 : 0
    case .bilinear, .openCVBilinear:
      return distance < 1 ? 1 - distance : 0
    case .bicubic:
      let a = -0.5
      if distance < 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
      if distance < 2 { return (((distance - 5) * distance + 8) * distance - 4) * a }
      return 0
    case .lanczos:
      return -3 <= x && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
    }
  }

  private static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(x * .pi) / (x * .pi)
  }
}

extension PixelImage {
  /// The picture at another size, equal in every byte to Pillow's `Image.resize((width, height), filter)`, or OpenCV's
  /// `resize` for its filter.
  ///
  /// Two passes in 22-bit fixed point with 8-bit samples between them; a size that does not change costs no pass.
  /// Shrinking widens the kernel by the factor (antialiasing). The order of the passes is that of Pillow 13,
  /// `resizesRowsFirst`.
  ///
  /// - Complexity: O(H w s + h w t) for H source rows, a target of (h, w), and kernels of s and t samples.
  /// - Throws: `PixelImageError.extent` where `target` is no possible size.
  public func resized(to target: Extent, filter: ImageFilter) throws -> PixelImage {
    _ = try Self.sampleCount(of: target)
    return resampled(to: target, filter: filter, rows: 0..<target.height, columns: 0..<target.width)
  }

  /// The part of `resized(to: target, filter: filter)` in those rows and columns, without computing the rest.
  ///
  /// The target itself may be larger than memory. Both ranges lie in it and are not empty.
  func resampled(to target: Extent, filter: ImageFilter, rows: Range<Int>, columns: Range<Int>) -> PixelImage {
    if filter == .nearest { return nearest(to: target, rows: rows, columns: columns) }
    if filter == .openCVBilinear { return openCVBilinear(to: target, rows: rows, columns: columns) }
    let vertical =
      target.height == height ? nil : ResamplingWeights(filter, source: height, target: target.height, range: rows)
    let horizontal =
      target.width == width ? nil : ResamplingWeights(filter, source: width, target: target.width, range: columns)
    switch (horizontal, vertical) {
    case (nil, nil):
      return rows == 0..<height && columns == 0..<width ? self : copy(rows: rows, columns: columns)
    case (let horizontal?, nil):
      return resampledHorizontally(horizontal, rows: rows, firstColumn: 0)
    case (nil, let vertical?):
      return resampledVertically(vertical, firstRow: 0, columns: columns)
    case (let horizontal?, let vertical?):
      if resizesRowsFirst(to: target) {
        return resampledVertically(vertical, firstRow: 0, columns: horizontal.needed)
          .resampledHorizontally(horizontal, rows: 0..<rows.count, firstColumn: horizontal.needed.lowerBound)
      }
      return resampledHorizontally(horizontal, rows: vertical.needed, firstColumn: 0)
        .resampledVertically(vertical, firstRow: vertical.needed.lowerBound, columns: 0..<columns.count)
    }
  }

  /// Whether the rows go first, which changes roundings: where more than twice as many rows vanish as columns.
  ///
  /// Pillow before 13 always starts with the columns. The two mostly differ by a step of 255 or none, and only for
  /// pictures that are much taller than wide or that are squeezed.
  private func resizesRowsFirst(to target: Extent) -> Bool {
    target.height < height && height - target.height > 2 * (width - target.width)
  }
}
