/// How a picture becomes what a vision transformer was trained to see: size, crop, filter, and the range of its
/// numbers.
///
/// A value is one model's recipe, read from its configuration by `timm(json:file:)`, `huggingFace(json:file:)` or
/// `read(modelAt:)`; `ImagePreprocessor` runs it. The recipe of one library is not that of another with the same
/// numbers: they round in different places, and `Geometry` keeps them apart.
public struct ImagePreprocessing: Sendable, Hashable, Codable {
  /// Which part of the picture the model sees, by timm's names.
  public enum CropMode: String, Sendable, Hashable, Codable, CaseIterable {
    /// The middle, after resizing without distortion so that the crop is covered.
    case center
    /// All of it or its middle, after resizing each side on its own.
    case squash
    /// All of it or its middle, after resizing without distortion so that it fits, with a border of the mean colour.
    case border
  }

  /// How Hugging Face's processors resize.
  public enum Resize: Sendable, Hashable, Codable {
    /// Not at all.
    case none
    /// The shorter side to this, the longer side in proportion, rounded down.
    case shortestEdge(Int)
    /// Each side on its own.
    case exact(Extent)
  }

  /// From the picture's size to `ImagePreprocessing.size`.
  public enum Geometry: Sendable, Hashable, Codable {
    /// timm's evaluation transform, on torchvision's: the crop is `cropFraction` of the resized picture, and its middle
    /// is rounded half to even.
    case timm(cropFraction: Double, mode: CropMode)
    /// Hugging Face's processors on Pillow: resize, then crop the middle, rounded down, with black around what is
    /// smaller.
    case huggingFace(Resize, crops: Bool)
  }

  /// From a sample 0...255 to a real number, before normalisation.
  public enum Scaling: Sendable, Hashable, Codable {
    /// v / 255 in float32: torchvision's `ToTensor`.
    case unit
    /// v times this in float64, rounded to float32: Hugging Face's `rescale_factor`.
    case factor(Double)
  }

  /// Height and width that the model gets.
  public var size: Extent
  /// Resizing and cropping.
  public var geometry: Geometry
  /// The filter that pictures are resized with.
  public var filter: ImageFilter
  /// The range of the numbers before normalisation.
  public var scaling: Scaling
  /// Subtracted, of red, green and blue, after scaling.
  public var mean: [Float]
  /// Divided by, of red, green and blue, after subtracting.
  public var std: [Float]

  /// A recipe of these numbers; the initializer of `ImagePreprocessor` checks them.
  public init(
    size: Extent, geometry: Geometry, filter: ImageFilter, scaling: Scaling = .unit, mean: [Float], std: [Float]
  ) {
    self.size = size
    self.geometry = geometry
    self.filter = filter
    self.scaling = scaling
    self.mean = mean
    self.std = std
  }

  /// The recipe for another input size: the same part of the picture, in more or fewer pixels.
  public func settingSize(_ size: Extent) -> ImagePreprocessing {
    func scaled(_ side: Int, _ old: Int, _ new: Int) -> Int {
      max(1, Int(saturating: (Double(side) * Double(new) / Double(old)).rounded()))
    }
    var result = self
    result.size = size
    if case .huggingFace(let resize, let crops) = geometry {
      switch resize {
      case .none: break
      case .shortestEdge(let edge):
        let (old, new) = (max(self.size.height, self.size.width), max(size.height, size.width))
        result.geometry = .huggingFace(.shortestEdge(scaled(edge, old, new)), crops: crops)
      case .exact(let extent):
        let height = scaled(extent.height, self.size.height, size.height)
        let width = scaled(extent.width, self.size.width, size.width)
        result.geometry = .huggingFace(.exact(Extent(height: height, width: width)), crops: crops)
      }
    }
    return result
  }
}
