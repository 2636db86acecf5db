/// How a stored picture has to be turned to be seen upright: Exif tag 274 (Exif 2.32, 4.6.4 A).
///
/// The cases say where row 0 and column 0 of the stored picture are in the upright one.
public enum ImageOrientation: Int, Sendable, CaseIterable {
  /// Upright as stored.
  case topLeft = 1
  /// Mirrored left to right.
  case topRight = 2
  /// Turned by 180 degrees.
  case bottomRight = 3
  /// Mirrored top to bottom.
  case bottomLeft = 4
  /// Mirrored along the diagonal from the top left.
  case leftTop = 5
  /// To be turned by 90 degrees clockwise.
  case rightTop = 6
  /// Mirrored along the diagonal from the top right.
  case rightBottom = 7
  /// To be turned by 90 degrees counterclockwise.
  case leftBottom = 8

  /// Whether rows become columns.
  var swapsAxes: Bool { rawValue >= 5 }
  /// Whether upright rows run against the stored direction they come from.
  var reversesVertically: Bool { [.bottomRight, .bottomLeft, .rightBottom, .leftBottom].contains(self) }
  /// Whether upright columns run against the stored direction they come from.
  var reversesHorizontally: Bool { [.topRight, .bottomRight, .rightTop, .rightBottom].contains(self) }
}

extension PixelImage {
  /// The upright picture, given how it is stored, as Pillow's `ImageOps.exif_transpose`.
  ///
  /// O(H W); the same storage where nothing is to be turned.
  public func upright(from orientation: ImageOrientation) -> PixelImage {
    guard orientation != .topLeft else { return self }
    let target = orientation.swapsAxes ? Extent(height: width, width: height) : extent
    // Where a step of one column or one row in the upright picture leads in the stored one, and where to start.
    let columnStride = (orientation.swapsAxes ? width : 1) * (orientation.reversesHorizontally ? -1 : 1)
    let rowStride = (orientation.swapsAxes ? 1 : width) * (orientation.reversesVertically ? -1 : 1)
    let start = min(0, columnStride) * (1 - target.width) + min(0, rowStride) * (1 - target.height)
    let turned = [UInt8](unsafeUninitializedCapacity: rgb.count) { samples, count in
      var next = 0
      for y in 0..<target.height {
        var source = 3 * (start + y * rowStride)
        for _ in 0..<target.width {
          for channel in 0..<3 { samples[next + channel] = rgb[source + channel] }
          next += 3
          source += 3 * columnStride
        }
      }
      count = next
    }
    return PixelImage(trusted: target, rgb: turned)
  }
}
