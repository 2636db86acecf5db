import MultimodalPathway

/// An operation of RandAugment on a picture, by timm's name.
///
/// Every operation is a pure function of a picture, an argument and, where it moves pixels, a `PictureSampling`.
/// Pictures keep their size. The bytes are those of timm 1.0.31 with Pillow 13.
package enum PictureOperation: String, Sendable, Hashable, CaseIterable {
  // The order of timm's list.
  case autoContrast = "AutoContrast"
  case equalize = "Equalize"
  case invert = "Invert"
  case rotate = "Rotate"
  case posterize = "Posterize"
  case solarize = "Solarize"
  case solarizeAdd = "SolarizeAdd"
  case color = "Color"
  case contrast = "Contrast"
  case brightness = "Brightness"
  case sharpness = "Sharpness"
  case shearX = "ShearX"
  case shearY = "ShearY"
  case translateX = "TranslateXRel"
  case translateY = "TranslateYRel"

  /// Whether an argument is negated every second time.
  ///
  /// - Parameter increases: whether the effect grows with the level for every operation (timm's `Increasing` lists).
  package func isSigned(increases: Bool) -> Bool {
    switch self {
    case .rotate, .shearX, .shearY, .translateX, .translateY: true
    case .color, .contrast, .brightness, .sharpness: increases
    case .autoContrast, .equalize, .invert, .posterize, .solarize, .solarizeAdd: false
    }
  }

  /// The argument of a level: degrees, bits, a threshold, an addend, a factor, or a share of the picture's side.
  ///
  /// - Parameters:
  ///   - level: at least 0; 10 is full effect.
  ///   - increases: whether the effect grows with the level for every operation.
  ///   - negative: the sign, where `isSigned(increases:)`.
  package func argument(level: Double, increases: Bool, negative: Bool = false) -> Double {
    let share = level / 10
    let sign: Double = negative ? -1 : 1
    switch self {
    case .autoContrast, .equalize, .invert: return 0
    case .rotate: return sign * (share * 30)
    case .posterize:
      let bits = (share * 4).rounded(.towardZero)
      return increases ? 4 - bits : bits
    case .solarize:
      let threshold = min(256, (share * 256).rounded(.towardZero))
      return increases ? 256 - threshold : threshold
    case .solarizeAdd: return min(128, (share * 110).rounded(.towardZero))
    case .color, .contrast, .brightness, .sharpness:
      return increases ? max(0.1, 1 + sign * (share * 0.9)) : share * 1.8 + 0.1
    case .shearX, .shearY: return sign * (share * 0.3)
    case .translateX, .translateY: return sign * (share * 0.45)
    }
  }

  /// The changed picture.
  ///
  /// - Parameter argument: as `argument(level:increases:negative:)` gives it.
  /// - Throws: `MemoryError`.
  package func callAsFunction(
    _ picture: PixelImage, _ argument: Double, _ sampling: PictureSampling
  ) throws -> PixelImage {
    switch self {
    case .autoContrast: try picture.autoContrasted()
    case .equalize: try picture.equalized()
    case .invert: try picture.mapped { 255 - $0 }
    case .rotate: try picture.transformed(.rotation(degrees: argument, of: picture.extent), sampling)
    case .posterize: try picture.posterized(bits: Int(argument))
    case .solarize: try picture.mapped { Double($0) < argument ? $0 : 255 - $0 }
    case .solarizeAdd: try picture.mapped { $0 < 128 ? min(255, $0 + Int(argument)) : $0 }
    case .color: try picture.colored(argument)
    case .contrast: try picture.contrasted(argument)
    case .brightness: try picture.brightened(argument)
    case .sharpness: try picture.sharpened(argument)
    case .shearX: try picture.transformed(AffineMap(xy: argument), sampling)
    case .shearY: try picture.transformed(AffineMap(yx: argument), sampling)
    case .translateX: try picture.transformed(AffineMap(x: argument * Double(picture.width)), sampling)
    case .translateY: try picture.transformed(AffineMap(y: argument * Double(picture.height)), sampling)
    }
  }
}
