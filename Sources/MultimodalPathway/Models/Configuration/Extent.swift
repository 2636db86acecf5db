/// The height and width of something on a grid: pixels of an image, patches of a position embedding.
///
/// Height comes first, as in tensor shapes (H, W) and in timm's and Hugging Face's configurations.
public struct Extent: Sendable, Hashable, Codable {
  /// Number of rows.
  public var height: Int
  /// Number of columns.
  public var width: Int

  /// An extent of `height` rows and `width` columns.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// A square extent.
  public init(square side: Int) {
    self.init(height: side, width: side)
  }
}

extension Extent: CustomStringConvertible {
  /// "height x width", for messages: `224 x 224`.
  public var description: String { "\(height) x \(width)" }
}
