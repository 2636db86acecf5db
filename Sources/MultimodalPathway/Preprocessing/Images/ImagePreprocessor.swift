import PathwayCheckpoints

/// Turns pictures into what a vision transformer reads: normalised float32 numbers, planar, (3, H, W).
///
/// The result is equal in every bit to the reference of the recipe: timm's evaluation transform on Pillow,
/// torchvision's `ToTensor` and `Normalize`, or Hugging Face's processors on Pillow.
///
///     let preprocessor = try ImagePreprocessor(.timm(json: data))
///     let pixels = try preprocessor(image)  // (3, 224, 224)
public struct ImagePreprocessor: Sendable {
  /// The recipe.
  public let preprocessing: ImagePreprocessing
  /// What each of the 256 values of a sample becomes, by channel: (3, 256).
  private let values: [Float]

  /// A preprocessor for a recipe.
  ///
  /// - Throws: `ImagePreprocessingError.invalid` where the recipe's numbers make no sense.
  public init(_ preprocessing: ImagePreprocessing) throws {
    try preprocessing.validate()
    self.preprocessing = preprocessing
    values = zip(preprocessing.mean, preprocessing.std).flatMap { mean, std in
      (0..<256).map { value in
        let scaled: Float =
          switch preprocessing.scaling {
          case .unit: Float(value) / 255
          case .factor(let factor): Float(Double(value) * factor)
          }
        return (scaled - mean) / std
      }
    }
  }

  /// Number of values of one picture: 3 * height * width.
  public var valueCount: Int { 3 * preprocessing.size.height * preprocessing.size.width }

  /// The part of the picture that the model sees, in its size, still in 8 bits; good for showing.
  ///
  /// - Throws: `ImagePreprocessingError.size` where the recipe does not resize and the picture has another size.
  public func crop(_ image: PixelImage) throws -> PixelImage {
    image.following(try preprocessing.plan(for: image.extent), filter: preprocessing.filter)
  }

  /// One picture's normalised values, (3, H, W).
  ///
  /// - Throws: as `crop(_:)`.
  public func callAsFunction(_ image: PixelImage) throws -> Tensor {
    let size = preprocessing.size
    return try Tensor(shape: [3, size.height, size.width]) { try write(image, to: $0) }
  }

  /// Several pictures' normalised values, (B, 3, H, W), in their order.
  ///
  /// - Throws: as `crop(_:)`.
  public func callAsFunction(_ images: [PixelImage]) throws -> Tensor {
    let size = preprocessing.size
    return try Tensor(shape: [images.count, 3, size.height, size.width]) { destination in
      for (index, image) in images.enumerated() {
        let range = (index * valueCount)..<((index + 1) * valueCount)
        try write(image, to: UnsafeMutableBufferPointer(rebasing: destination[range]))
      }
    }
  }

  /// Writes one picture's normalised values, (3, H, W), into memory of the caller, of exactly `valueCount` values.
  ///
  /// - Throws: `ImagePreprocessingError.destination` for another count, and as `crop(_:)`.
  public func write(_ image: PixelImage, into destination: inout MutableSpan<Float>) throws {
    try destination.withUnsafeMutableBufferPointer { try write(image, to: $0) }
  }

  /// Writes one picture's normalised values, (3, H, W), into memory of the caller.
  ///
  /// - Parameter destination: exactly `valueCount` values, which may be uninitialised.
  /// - Throws: `ImagePreprocessingError.destination` for another count, and as `crop(_:)`.
  package func write(_ image: PixelImage, to destination: UnsafeMutableBufferPointer<Float>) throws {
    guard destination.count == valueCount else {
      throw ImagePreprocessingError.destination(found: destination.count, expected: valueCount)
    }
    normalize(try crop(image), to: destination, offset: 0, channelStride: valueCount / 3)
  }

  /// Writes the values of a picture in the recipe's size: its red plane at `offset`, the others `channelStride` apart.
  package func normalize(
    _ cropped: PixelImage, to destination: UnsafeMutableBufferPointer<Float>, offset: Int, channelStride: Int
  ) {
    let plane = valueCount / 3
    // SAFETY: `cropped` has the recipe's size, so it has 3 * plane samples; a sample indexes 256 values of its channel.
    cropped.rgb.withUnsafeBufferPointer { samples in
      values.withUnsafeBufferPointer { values in
        for channel in 0..<3 {
          let start = offset &+ channel &* channelStride
          for pixel in 0..<plane {
            destination[start &+ pixel] = values[channel &* 256 &+ Int(samples[3 &* pixel &+ channel])]
          }
        }
      }
    }
  }
}
