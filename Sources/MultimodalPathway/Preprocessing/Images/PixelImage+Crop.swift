extension PixelImage {
  /// The middle of the picture, with black around it where the picture is smaller: torchvision's `center_crop`.
  ///
  /// - Throws: `PixelImageError.extent` where `target` is no possible size.
  public func centerCropped(to target: Extent) throws -> PixelImage {
    _ = try Self.sampleCount(of: target)
    let plan = ImagePlan(
      resized: extent, output: target, top: ImagePreprocessing.middle(height, target.height),
      left: ImagePreprocessing.middle(width, target.width))
    return following(plan, filter: .nearest)
  }

  /// Resizes and crops. Only what ends up in the output is computed, so an extreme shape costs no more than another.
  func following(_ plan: ImagePlan, filter: ImageFilter) -> PixelImage {
    let rows = Self.overlap(start: plan.top, count: plan.output.height, of: plan.resized.height)
    let columns = Self.overlap(start: plan.left, count: plan.output.width, of: plan.resized.width)
    let part = resampled(to: plan.resized, filter: filter, rows: rows, columns: columns)
    guard part.extent != plan.output else { return part }
    let row = [[UInt8]](repeating: plan.border, count: plan.output.width).flatMap { $0 }
    var samples: [UInt8] = []
    samples.reserveCapacity(row.count * plan.output.height)
    let start = 3 * (columns.lowerBound - plan.left)
    for y in plan.top..<(plan.top + plan.output.height) {
      guard rows.contains(y) else {
        samples += row
        continue
      }
      let source = 3 * part.width * (y - rows.lowerBound)
      samples += row[..<start]
      samples += part.rgb[source..<(source + 3 * part.width)]
      samples += row[(start + 3 * part.width)...]
    }
    return PixelImage(trusted: plan.output, rgb: samples)
  }

  /// The part of a window that lies in 0..<length; never empty, as windows lie around the middle.
  private static func overlap(start: Int, count: Int, of length: Int) -> Range<Int> {
    max(start, 0)..<min(start + count, length)
  }
}
