import MultimodalPathway
import Testing

/// The places of crops in a frame whose margin does not divide evenly.
@Suite struct VideoCropTests {
  /// First columns of the crops of a frame with numbered columns, whose height is that of the model; with `upright`,
  /// first rows of the rotated frame.
  private func starts(margin: Int, crops: Int, upright: Bool = false) throws -> [Int] {
    let (side, length) = (16, 16 + margin)
    let extent = upright ? Extent(height: length, width: side) : Extent(height: side, width: length)
    let rgb = (0..<side * length).flatMap { pixel in
      [UInt8](repeating: UInt8(upright ? pixel / side : pixel % length), count: 3)
    }
    let preprocessor = try VideoPreprocessor(
      .videoMAE(size: Extent(square: side)), sampling: VideoSampling(frames: 1, rate: 1), crops: crops)
    var clips = VideoClips(preprocessor, frameCount: 1)
    try clips.add(PixelImage(extent: extent, rgb: rgb), at: 0)
    return try (0..<crops).map { view in
      let image = try #require(clips.images(ofView: view).first)
      #expect(image.extent == Extent(square: side))
      return Int(image.rgb[0])
    }
  }

  /// VideoMAE's kinetics.py: `int(crop * spatial_step)`, `spatial_step = (longer - shorter) / (crops - 1)`: cut, not
  /// rounded.
  @Test(arguments: [
    (0, [0, 0, 0]), (1, [0, 0, 1]), (2, [0, 1, 2]), (3, [0, 1, 3]), (5, [0, 2, 5]), (7, [0, 3, 7]),
    (5, [0, 1, 3, 5]), (7, [0, 7]),
  ])
  func severalCropsAreCutToWholePixels(_ margin: Int, _ expected: [Int]) throws {
    #expect(try starts(margin: margin, crops: expected.count) == expected)
    #expect(try starts(margin: margin, crops: expected.count, upright: true) == expected)
  }

  /// VideoMAE's video_transforms.py: `int(round((width - size) / 2.))`, and Python rounds halves to even.
  @Test(arguments: [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (7, 4), (9, 4)])
  func oneCropIsInTheMiddleRoundedToEven(_ margin: Int, _ expected: Int) throws {
    #expect(try starts(margin: margin, crops: 1) == [expected])
    #expect(try starts(margin: margin, crops: 1, upright: true) == [expected])
  }

  @Test func aViewWithoutAllOfItsFramesIsRefused() throws {
    let preprocessor = try VideoPreprocessor(
      .videoMAE(size: Extent(square: 2)), sampling: VideoSampling(frames: 2, rate: 1))
    var clips = VideoClips(preprocessor, frameCount: 2)
    try clips.add(PixelImage(extent: Extent(square: 2), rgb: [UInt8](repeating: 0, count: 12)), at: 1)
    #expect(throws: ImagePreprocessingError.missingFrames(found: 1, expected: 2)) { try clips.tensor() }
    #expect(throws: ImagePreprocessingError.missingFrames(found: 1, expected: 2)) { try clips.tensor(ofView: 0) }
  }

  /// View v shows crop v mod `crops` of clip v / `crops`.
  @Test func viewsGoThroughTheCropsOfAClipBeforeTheNextClip() throws {
    let sampling = VideoSampling(frames: 1, rate: 1, segments: 2)
    let preprocessor = try VideoPreprocessor(.videoMAE(size: Extent(square: 2)), sampling: sampling, crops: 3)
    var clips = VideoClips(preprocessor, frameCount: 5)
    #expect(clips.frames == [[0], [4]] && clips.needed == [0, 4] && preprocessor.viewCount == 6)
    for (index, first) in [(0, 10), (4, 100)] {
      let rgb = (0..<2 * 6).flatMap { [UInt8](repeating: UInt8(first + $0 % 6), count: 3) }
      try clips.add(PixelImage(extent: Extent(height: 2, width: 6), rgb: rgb), at: index)
    }
    #expect((0..<6).map { clips.images(ofView: $0).map { $0.rgb[0] } } == [[10], [12], [14], [100], [102], [104]])
    let (all, count) = (try clips.tensor(), preprocessor.valueCount)
    #expect(all.shape == [6, 3, 1, 2, 2])
    for view in 0..<6 {
      let one = try clips.tensor(ofView: view)
      #expect(one.shape == [1, 3, 1, 2, 2])
      #expect(try one.float32() == Array(all.float32()[view * count..<(view + 1) * count]))
    }
  }
}
