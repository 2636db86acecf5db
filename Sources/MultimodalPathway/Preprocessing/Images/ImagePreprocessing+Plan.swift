/// Where the samples of the model's picture come from: the arithmetic of sizes and crops, without any pixel.
///
/// The model's picture is the part of the resized picture that starts at row `top`, column `left`, both of which are
/// negative where there is a border.
package struct ImagePlan: Hashable {
  /// Size after resizing.
  package var resized: Extent
  /// Size that the model gets.
  package var output: Extent
  package var top: Int
  package var left: Int
  /// Colour of the border.
  package var border: [UInt8] = [0, 0, 0]
}

extension ImagePreprocessing {
  /// The plan for a picture of that size.
  ///
  /// - Throws: `ImagePreprocessingError.size` where the recipe neither resizes nor crops and the size is not the
  ///   model's.
  package func plan(for image: Extent) throws -> ImagePlan {
    switch geometry {
    case .timm(let fraction, let mode): return timmPlan(for: image, fraction: fraction, mode: mode)
    case .huggingFace(let resize, let crops):
      let resized =
        switch resize {
        case .none: image
        case .shortestEdge(let edge): Self.shortestEdge(edge, of: image)
        case .exact(let extent): extent
        }
      guard crops || resized == size else {
        throw ImagePreprocessingError.size(found: resized, expected: size)
      }
      // Shifting rounds down, for a border too: of an odd one the larger half is above and on the left.
      return ImagePlan(
        resized: resized, output: size, top: (resized.height - size.height) >> 1,
        left: (resized.width - size.width) >> 1)
    }
  }

  /// `transforms_imagenet_eval` of `timm/data/transforms_factory.py`.
  private func timmPlan(for image: Extent, fraction: Double, mode: CropMode) -> ImagePlan {
    let scale = Extent(
      height: Int(saturating: (Double(size.height) / fraction).rounded(.down)),
      width: Int(saturating: (Double(size.width) / fraction).rounded(.down)))
    let resized =
      switch mode {
      case .squash: scale
      case .border: Self.keepingRatio(image, by: max(Self.ratios(image, scale).0, Self.ratios(image, scale).1))
      case .center where scale.height == scale.width: Self.shortestEdge(scale.height, of: image)
      case .center: Self.keepingRatio(image, by: min(Self.ratios(image, scale).0, Self.ratios(image, scale).1))
      }
    let border = mean.map { UInt8(clamping: Int(saturating: (255 * Double($0)).rounded(.toNearestOrEven))) }
    return ImagePlan(
      resized: resized, output: size, top: Self.middle(resized.height, size.height),
      left: Self.middle(resized.width, size.width), border: mode == .border ? border : [0, 0, 0])
  }

  /// torchvision's and Hugging Face's rule, and VideoMAE's: the shorter side becomes `edge`, the longer one is rounded
  /// down.
  private static func shortestEdge(_ edge: Int, of image: Extent) -> Extent {
    let long = Int(
      saturating: Double(edge) * Double(max(image.height, image.width)) / Double(min(image.height, image.width)))
    return image.width <= image.height
      ? Extent(height: long, width: edge) : Extent(height: edge, width: long)
  }

  private static func ratios(_ image: Extent, _ target: Extent) -> (Double, Double) {
    (Double(image.height) / Double(target.height), Double(image.width) / Double(target.width))
  }

  /// timm's `ResizeKeepRatio`: each side over the ratio, rounded half to even; at least 1, where timm fails.
  private static func keepingRatio(_ image: Extent, by ratio: Double) -> Extent {
    Extent(
      height: max(1, Int(saturating: (Double(image.height) / ratio).rounded(.toNearestOrEven))),
      width: max(1, Int(saturating: (Double(image.width) / ratio).rounded(.toNearestOrEven))))
  }

  /// torchvision's `center_crop`: half the difference, to even; of an odd border the smaller half comes first.
  static func middle(_ length: Int, _ crop: Int) -> Int {
    length >= crop ? Int((Double(length - crop) / 2).rounded(.toNearestOrEven)) : -((crop - length) / 2)
  }
}
