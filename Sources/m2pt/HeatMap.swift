import MultimodalPathway

/// Values of patches as colours over a picture.
package struct HeatMap {
  /// (rows, columns) of `grid`.
  let values: [Double]
  let grid: Extent
  /// Pixels of a patch; the first lies in the upper left corner.
  let patch: Extent
  /// What the ends of the colours stand for.
  let range: ClosedRange<Double>

  /// - Parameters:
  ///   - values: (rows, columns) of `grid`.
  ///   - range: what the ends of the colours stand for.
  package init(values: [Double], grid: Extent, patch: Extent, range: ClosedRange<Double>) {
    (self.values, self.grid, self.patch, self.range) = (values, grid, patch, range)
  }

  /// The picture with colours over it; `opacity` 1 hides it.
  ///
  /// Values are interpolated bilinearly between patch centres.
  package func painted(over picture: PixelImage, opacity: Double) throws -> PixelImage {
    let spread = range.upperBound > range.lowerBound ? range.upperBound - range.lowerBound : 1
    let columns = (0..<picture.width).map { Self.place($0, patch: patch.width, count: grid.width) }
    var rgb = picture.rgb
    for y in 0..<picture.height {
      let row = Self.place(y, patch: patch.height, count: grid.height)
      for (x, column) in columns.enumerated() {
        func between(_ row: Int) -> Double {
          let first = values[row * grid.width + column.first]
          return first + (values[row * grid.width + column.second] - first) * column.share
        }
        let upper = between(row.first)
        let value = upper + (between(row.second) - upper) * row.share
        let colour = Self.inferno((value - range.lowerBound) / spread)
        let start = 3 * (y * picture.width + x)
        for channel in 0..<3 {
          rgb[start + channel] = Self.mixed(rgb[start + channel], colour[channel], opacity)
        }
      }
    }
    return try PixelImage(extent: picture.extent, rgb: rgb)
  }

  /// `colour`, 0...255, over `below`.
  static func mixed(_ below: UInt8, _ colour: Double, _ opacity: Double) -> UInt8 {
    UInt8(min(255, max(0, (Double(below) * (1 - opacity) + colour * opacity).rounded())))
  }

  /// Pictures of one size side by side, from left to right.
  package static func strip(_ pictures: [PixelImage]) throws -> PixelImage {
    let first = pictures[0]
    let row = 3 * first.width
    let rgb = (0..<first.height).flatMap { y in pictures.flatMap { $0.rgb[y * row..<(y + 1) * row] } }
    return try PixelImage(extent: Extent(height: first.height, width: first.width * pictures.count), rgb: rgb)
  }

  /// The patches whose centres a pixel lies between, and how far it is on its way to the second.
  private static func place(_ pixel: Int, patch: Int, count: Int) -> (first: Int, second: Int, share: Double) {
    let position = min(max((Double(pixel) + 0.5) / Double(patch) - 0.5, 0), Double(count - 1))
    let first = Int(position)
    return (first, min(first + 1, count - 1), position - Double(first))
  }

  /// The colour map "inferno" (N. Smith and S. van der Walt 2015, CC0), perceptually uniform and readable without
  /// colour vision, at 17 equal steps; between them linear, within 7 of 255 of the original.
  private static let steps: [UInt32] = [
    0x000004, 0x0B0724, 0x210C4A, 0x3C0965, 0x57106D, 0x70196E, 0x89226A, 0xA32B61, 0xBB3755, 0xD14644, 0xE35932,
    0xF1711E, 0xF98D0A, 0xFCAB0F, 0xF9CA32, 0xF2E865, 0xFCFFA4,
  ]

  /// Red, green and blue, 0...255, of a value in 0...1; what is no number is 0.
  package static func inferno(_ value: Double) -> [Double] {
    let position = min(max(0, value), 1) * Double(steps.count - 1)
    let first = min(Int(position), steps.count - 2)
    return [16, 8, 0].map { shift in
      let (low, high) = (Double(steps[first] >> shift & 255), Double(steps[first + 1] >> shift & 255))
      return low + (high - low) * (position - Double(first))
    }
  }
}
