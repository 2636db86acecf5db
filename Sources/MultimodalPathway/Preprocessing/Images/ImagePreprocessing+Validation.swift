extension ImagePreprocessing {
  /// The largest height or width that a recipe may ask for.
  public static let maximumSide = 1 << 16

  /// The value of a white sample before normalization: 1 where samples are scaled as usual, 255 where they are not.
  private var white: Double {
    switch scaling {
    case .unit: 1
    case .factor(let factor): 255 * factor
    }
  }

  /// Checks that the numbers can be meant.
  ///
  /// Sides are within `maximumSide`, a crop is a tenth to all of the resized picture, a factor is above 0. A mean is
  /// one of samples, so its size is at most white on the scale that samples have there; a standard deviation is above
  /// 0 and at most twice that. What numbers of another scale would do, such as a mean of 123.675 for samples of
  /// 0...1, runs and answers nonsense.
  ///
  /// - Throws: `ImagePreprocessingError.invalid` for the first that is wrong.
  public func validate() throws {
    func require(_ holds: Bool, _ key: String, _ found: Any, _ expected: @autoclosure () -> String) throws {
      if !holds { throw ImagePreprocessingError.invalid(key: key, found: "\(found)", expected: expected()) }
    }
    try Self.validate(size, key: "size")
    switch geometry {
    case .timm(let fraction, _):
      try require(
        fraction >= 0.1 && fraction <= 1, "crop_pct", fraction, "a fraction of the picture, 0.1...1, such as 0.9")
    case .huggingFace(.exact(let extent), _): try Self.validate(extent, key: "size.height, size.width")
    case .huggingFace(.shortestEdge(let edge), _):
      try Self.validate(Extent(square: edge), key: "size.shortest_edge")
    case .huggingFace(.none, _): break
    }
    if case .factor(let factor) = scaling {
      try require(factor > 0 && factor <= 2, "rescale_factor", factor, "a number above 0, such as 1/255 = 0.00392")
    }
    let scale = white == 1 ? "1" : "\(Float(white))"
    try require(
      mean.count == 3 && mean.allSatisfy { abs(Double($0)) <= white }, "mean", mean,
      "three numbers of samples in 0...\(scale)")
    try require(
      std.count == 3 && std.allSatisfy { $0 > 0 && Double($0) <= 2 * white }, "std", std,
      "three numbers other than 0, above it and of samples in 0...\(scale)")
  }

  /// The same with the keys of a file.
  ///
  /// - Parameter keys: the file's by this type's, where they differ.
  /// - Throws: `ImagePreprocessingError.badValue`.
  func validate(file: String, keys: [String: String]) throws {
    do {
      try validate()
    } catch ImagePreprocessingError.invalid(let key, let found, let expected) {
      throw ImagePreprocessingError.badValue(file: file, key: keys[key] ?? key, found: found, expected: expected)
    }
  }

  private static func validate(_ extent: Extent, key: String) throws {
    let sides = 1...maximumSide
    guard sides.contains(extent.height), sides.contains(extent.width) else {
      throw ImagePreprocessingError.invalid(key: key, found: "\(extent)", expected: "sides in 1...\(maximumSide)")
    }
  }
}
