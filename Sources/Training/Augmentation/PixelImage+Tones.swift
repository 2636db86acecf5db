import MultimodalPathway

// Colours changed as Pillow's ImageOps and ImageEnhance do: by tables of 256 values, or by blending with a plainer
// picture in float32.

extension PixelImage {
  /// Every sample replaced by a function of it, 0...255.
  func mapped(_ function: (Int) -> Int) throws -> PixelImage {
    let table = (0..<256).map { UInt8(clamping: function($0)) }
    return try mapped([table, table, table])
  }

  /// - Parameter tables: of red, green and blue, 256 values each.
  private func mapped(_ tables: [[UInt8]]) throws -> PixelImage {
    try PixelImage(extent: extent) { samples in
      for channel in 0..<3 {
        let table = tables[channel]
        for index in stride(from: channel, to: rgb.count, by: 3) { samples[index] = table[Int(rgb[index])] }
      }
    }
  }

  /// How often red, green and blue have each value: (3, 256).
  private var histograms: [[Int]] {
    (0..<3).map { channel in
      var counts = [Int](repeating: 0, count: 256)
      for index in stride(from: channel, to: rgb.count, by: 3) { counts[Int(rgb[index])] += 1 }
      return counts
    }
  }

  private static let identity = [UInt8](0...255)

  /// Each channel's range stretched to 0...255. A channel of one value stays as it is.
  func autoContrasted() throws -> PixelImage {
    try mapped(
      histograms.map { counts in
        guard let low = counts.firstIndex(where: { $0 > 0 }), let high = counts.lastIndex(where: { $0 > 0 }),
          low < high
        else { return Self.identity }
        let scale = 255 / Double(high - low)
        let offset = -Double(low) * scale
        return (0..<256).map { UInt8(clamping: Int(Double($0) * scale + offset)) }
      })
  }

  /// Each channel's values spread evenly over 0...255. A channel of one value stays as it is, and so does a channel
  /// with fewer than 255 samples below its largest value.
  func equalized() throws -> PixelImage {
    try mapped(
      histograms.map { counts in
        // Pillow divides whole numbers, so that a step of few samples overshoots 255.
        let step = (height * width - (counts.last { $0 > 0 } ?? 0)) / 255
        guard step > 0 else { return Self.identity }
        var below = step / 2
        return counts.map { count in
          defer { below += count }
          return UInt8(clamping: below / step)
        }
      })
  }

  /// The highest bits of every sample. Of 0 bits or fewer, black: Pillow refuses these, although timm asks for them at
  /// its highest levels.
  func posterized(bits: Int) throws -> PixelImage {
    let low = 1 << (8 - max(0, min(8, bits)))
    return try mapped { $0 / low * low }
  }

  /// The colours' distance from grey times a factor.
  func colored(_ factor: Double) throws -> PixelImage {
    let grey = grey
    return try blended(factor) { grey[$0 / 3] }
  }

  /// The samples' distance from the mean grey times a factor.
  func contrasted(_ factor: Double) throws -> PixelImage {
    let sum = grey.reduce(0) { $0 + Int($1) }
    let mean = UInt8(Double(sum) / Double(height * width) + 0.5)
    return try blended(factor) { _ in mean }
  }

  /// The samples times a factor.
  func brightened(_ factor: Double) throws -> PixelImage { try blended(factor) { _ in 0 } }

  /// The distance from the smoothed picture times a factor.
  func sharpened(_ factor: Double) throws -> PixelImage {
    let smooth = smoothed()
    return try blended(factor) { smooth[$0] }
  }

  /// Base + factor (sample - base) in float32, clamped to 0...255 and rounded down.
  private func blended(_ factor: Double, over base: (Int) -> UInt8) throws -> PixelImage {
    let factor = Float(factor)
    return try PixelImage(extent: extent) { samples in
      for index in 0..<rgb.count {
        let plain = Float(base(index))
        samples[index] = UInt8(max(0, min(255, plain + factor * (Float(rgb[index]) - plain))))
      }
    }
  }

  /// Luma of ITU-R BT.601 in 16 bits after the point, (H, W).
  private var grey: [UInt8] {
    (0..<height * width).map { pixel in
      let (red, green, blue) = (Int(rgb[3 * pixel]), Int(rgb[3 * pixel + 1]), Int(rgb[3 * pixel + 2]))
      return UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
    }
  }

  /// Means of 3 x 3 pixels, the middle with weight 5, (H, W, 3). The outermost pixels stay as they are.
  private func smoothed() -> [UInt8] {
    guard height >= 3, width >= 3 else { return rgb }
    let (outer, middle) = (Float(1) / 13, Float(5) / 13)
    let row = 3 * width
    func line(_ at: Int, _ weight: Float) -> Float {
      Float(rgb[at - 3]) * outer + Float(rgb[at]) * weight + Float(rgb[at + 3]) * outer
    }
    var result = rgb
    for y in 1..<height - 1 {
      for index in y * row + 3..<(y + 1) * row - 3 {
        // Pillow's order of summation, from the row below to the row above.
        let sum = 0.5 + line(index + row, outer) + line(index, middle) + line(index - row, outer)
        result[index] = UInt8(min(255, sum))
      }
    }
    return result
  }
}
