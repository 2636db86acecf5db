import PathwayCheckpoints

/// Turns the frames of a video into what a video transformer reads: normalised float32 clips, (3, T, H, W).
///
/// A video becomes `sampling.segments` clips of `crops` crops each. A single crop is that of the recipe. Several crops
/// are spread along the longer side of the frame, the first at its start and the last at its end (three in VideoMAE's
/// test protocol), after the shorter side is resized to the model's.
public struct VideoPreprocessor: Sendable {
  /// Resizing and normalisation of a frame.
  public let frame: ImagePreprocessor
  /// Which frames make the clips.
  public let sampling: VideoSampling
  /// Crops of every clip, along the longer side of its frames.
  public let crops: Int

  /// A preprocessor of frames by `recipe`.
  ///
  /// - Throws: `ImagePreprocessingError.invalid` where the recipe's numbers, or these, make no sense.
  public init(_ recipe: ImagePreprocessing, sampling: VideoSampling, crops: Int = 1) throws {
    for (key, value, limit) in [
      ("frames", sampling.frames, 1 << 12), ("sampling_rate", sampling.rate, 1 << 16),
      ("segments", sampling.segments, 1 << 10), ("crops", crops, 1 << 6),
    ] where !(1...limit).contains(value) {
      throw ImagePreprocessingError.invalid(key: key, found: "\(value)", expected: "1...\(limit)")
    }
    frame = try ImagePreprocessor(recipe)
    self.sampling = sampling
    self.crops = crops
  }

  /// Number of clips that a video becomes.
  public var viewCount: Int { sampling.segments * crops }
  /// Number of values of one clip: 3 * T * height * width.
  public var valueCount: Int { sampling.frames * frame.valueCount }

  /// A frame as every crop sees it, in 8 bits.
  ///
  /// - Throws: `ImagePreprocessingError.size` where the recipe does not resize and the frame has another size.
  func cropped(_ image: PixelImage) throws -> [PixelImage] {
    guard crops > 1 else { return [try frame.crop(image)] }
    var recipe = frame.preprocessing
    recipe.geometry = .timm(cropFraction: 1, mode: .center)
    let covering = try recipe.plan(for: image.extent)
    return (0..<crops).map { crop in
      var plan = covering
      // One of the two is 0: only the longer side has room.
      plan.top = Int(Double(crop) * (Double(plan.resized.height - recipe.size.height) / Double(crops - 1)))
      plan.left = Int(Double(crop) * (Double(plan.resized.width - recipe.size.width) / Double(crops - 1)))
      return image.following(plan, filter: recipe.filter)
    }
  }
}

/// The frames of one video that its clips need, cropped: all that stays of a file, whatever its length.
public struct VideoClips: Sendable {
  /// Frames of every clip, by their number in the file.
  public let frames: [[Int]]
  private let preprocessor: VideoPreprocessor
  /// Crops by frame.
  private var pictures: [Int: [PixelImage]] = [:]

  /// Clips of a file of `frameCount` frames, at least 1, still without pixels.
  public init(_ preprocessor: VideoPreprocessor, frameCount: Int) {
    self.preprocessor = preprocessor
    frames = preprocessor.sampling.clips(frameCount: frameCount)
  }

  /// Numbers of the frames that are needed, ascending.
  public var needed: [Int] { Set(frames.joined()).sorted() }

  /// Takes a frame that is needed.
  ///
  /// - Throws: `ImagePreprocessingError.size` where the recipe does not resize and the frame has another size.
  public mutating func add(_ image: PixelImage, at index: Int) throws {
    pictures[index] = try preprocessor.cropped(image)
  }

  /// The frames of a view as the model sees them, still in 8 bits: view v shows crop v mod `crops` of clip v / `crops`.
  public func images(ofView view: Int) -> [PixelImage] {
    frames[view / preprocessor.crops].compactMap { pictures[$0]?[view % preprocessor.crops] }
  }

  /// Writes the normalised values of a view, (3, T, H, W), into the caller's memory.
  ///
  /// - Parameter destination: exactly `VideoPreprocessor.valueCount` values, which may be uninitialised.
  /// - Throws: `ImagePreprocessingError.destination` for another count, `.missingFrames`.
  package func write(view: Int, to destination: UnsafeMutableBufferPointer<Float>) throws {
    let images = images(ofView: view)
    let (count, frames) = (preprocessor.valueCount, preprocessor.sampling.frames)
    guard destination.count == count else {
      throw ImagePreprocessingError.destination(found: destination.count, expected: count)
    }
    guard images.count == frames else {
      throw ImagePreprocessingError.missingFrames(found: images.count, expected: frames)
    }
    let plane = preprocessor.frame.valueCount / 3
    for (time, image) in images.enumerated() {
      preprocessor.frame.normalize(image, to: destination, offset: time * plane, channelStride: images.count * plane)
    }
  }

  /// One view, (1, 3, T, H, W): for callers without memory for all of them.
  ///
  /// - Throws: `ImagePreprocessingError.missingFrames` where a needed frame was not added.
  public func tensor(ofView view: Int) throws -> Tensor {
    let size = preprocessor.frame.preprocessing.size
    let shape = [1, 3, preprocessor.sampling.frames, size.height, size.width]
    return try Tensor(shape: shape) { try write(view: view, to: $0) }
  }

  /// All views, (`viewCount`, 3, T, H, W).
  ///
  /// - Throws: `ImagePreprocessingError.missingFrames` where a needed frame was not added.
  public func tensor() throws -> Tensor {
    let (size, count) = (preprocessor.frame.preprocessing.size, preprocessor.viewCount)
    let shape = [count, 3, preprocessor.sampling.frames, size.height, size.width]
    return try Tensor(shape: shape) { destination in
      for view in 0..<count {
        let range = view * preprocessor.valueCount..<(view + 1) * preprocessor.valueCount
        try write(view: view, to: UnsafeMutableBufferPointer(rebasing: destination[range]))
      }
    }
  }
}
