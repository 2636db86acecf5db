import MultimodalPathway
import PathwayTraining
import TestSupport
import Testing

@Suite struct PictureAugmentationTests {
  private func picture(_ height: Int, _ width: Int) throws -> PixelImage {
    var random = SeededGenerator(seed: 1)
    return try PixelImage(
      extent: Extent(height: height, width: width),
      rgb: (0..<height * width * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  private func varied(
    _ augmentation: PictureAugmentation, _ picture: PixelImage, _ stream: RandomStream
  ) throws -> PixelImage {
    var stream = stream
    return try augmentation(picture, &stream)
  }

  @Test(arguments: [Extent(height: 40, width: 60), Extent(height: 7, width: 5), Extent(height: 224, width: 224)])
  func windowsAreInThePictureAndOfTheAllowedShape(_ extent: Extent) {
    let augmentation = PictureAugmentation(size: Extent(square: 16), filter: .bilinear)
    let area = Double(extent.height * extent.width)
    for place in 0..<2000 {
      var random = RandomStream(seed: 1, place: place, .augmentation)
      let window = augmentation.window(of: extent, &random)
      #expect(window.top >= 0 && window.top + window.height <= extent.height)
      #expect(window.left >= 0 && window.left + window.width <= extent.width)
      // Sides are rounded by half a pixel each.
      let (h, w) = (Double(window.height), Double(window.width))
      #expect((h + 0.5) * (w + 0.5) >= 0.08 * area && (h - 0.5) * (w - 0.5) <= area)
      #expect((w + 0.5) / (h - 0.5) >= 0.75 && (w - 0.5) / (h + 0.5) <= 4.0 / 3)
    }
  }

  @Test func areasAreUniform() {
    let augmentation = PictureAugmentation(size: Extent(square: 16), filter: .bilinear, smallestShare: 0.2)
    // A share of at most 0.6 always fits a square picture, whatever the aspect.
    var counts = [Int](repeating: 0, count: 4)
    for place in 0..<8000 {
      var random = RandomStream(seed: 3, place: place, .augmentation)
      let window = augmentation.window(of: Extent(square: 1000), &random)
      let share = Double(window.height * window.width) * 1e-6
      if share < 0.6 { counts[min(3, Int((share - 0.2) * 10))] += 1 }
    }
    let mean = Double(counts.reduce(0, +)) / 4
    // Deviation sqrt(n).
    for count in counts { #expect(abs(Double(count) - mean) < 5 * mean.squareRoot()) }
  }

  @Test func extremePicturesGiveTheirMiddle() {
    let augmentation = PictureAugmentation(size: Extent(square: 16), filter: .bilinear, smallestShare: 1)
    var random = RandomStream(seed: 1, .augmentation)
    #expect(
      augmentation.window(of: Extent(height: 300, width: 30), &random)
        == PictureAugmentation.Window(top: 130, left: 0, height: 40, width: 30))
    #expect(
      augmentation.window(of: Extent(height: 30, width: 301), &random)
        == PictureAugmentation.Window(top: 0, left: 130, height: 30, width: 40))
  }

  @Test func resultIsTheWindowResized() throws {
    let picture = try picture(30, 44)
    let augmentation = PictureAugmentation(size: Extent(height: 8, width: 12), filter: .bicubic, flip: 0)
    let random = RandomStream(seed: 9, .augmentation)
    var copy = random
    let window = augmentation.window(of: picture.extent, &copy)
    var rows: [UInt8] = []
    for y in window.top..<window.top + window.height {
      let start = 3 * (y * 44 + window.left)
      rows += picture.rgb[start..<start + 3 * window.width]
    }
    let part = try PixelImage(extent: Extent(height: window.height, width: window.width), rgb: rows)
    #expect(try varied(augmentation, picture, random) == part.resized(to: augmentation.size, filter: .bicubic))
  }

  @Test func theSameStreamGivesTheSamePicture() throws {
    let picture = try picture(30, 44)
    let augmentation = PictureAugmentation(size: Extent(square: 8), filter: .bicubic)
    let stream = RandomStream(seed: 9, epoch: 2, place: 7, .augmentation)
    #expect(try varied(augmentation, picture, stream) == varied(augmentation, picture, stream))
    #expect(
      try varied(augmentation, picture, stream)
        != varied(augmentation, picture, RandomStream(seed: 9, epoch: 3, place: 7, .augmentation)))
  }

  @Test func mirroringExchangesLeftAndRight() throws {
    let picture = try PixelImage(extent: Extent(height: 1, width: 3), rgb: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(try picture.mirrored().rgb == [7, 8, 9, 4, 5, 6, 1, 2, 3])
    let noise = try self.picture(5, 6)
    #expect(try noise.mirrored().mirrored() == noise)
  }

  @Test func everyPictureIsMirroredAtProbability1() throws {
    let picture = try picture(20, 20)
    let stream = RandomStream(seed: 1, .augmentation)
    let never = PictureAugmentation(size: Extent(square: 8), filter: .bilinear, flip: 0)
    let always = PictureAugmentation(size: Extent(square: 8), filter: .bilinear, flip: 1)
    #expect(try varied(always, picture, stream) == varied(never, picture, stream).mirrored())
  }
}
