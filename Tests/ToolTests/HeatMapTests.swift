import MultimodalPathway
import Testing
import m2pt

/// Values of patches as colours.
@Suite struct HeatMapTests {
  private static func black(_ height: Int, _ width: Int, grey: UInt8 = 0) throws -> PixelImage {
    try PixelImage(
      extent: Extent(height: height, width: width), rgb: [UInt8](repeating: grey, count: 3 * height * width))
  }

  /// With patches of one pixel, every pixel has the value of its patch. The ends of the map are those of matplotlib;
  /// its middle is (188, 55, 84), from which the map differs by at most 7.
  @Test func theEndsOfTheRangeHaveTheColoursOfTheMap() throws {
    let map = HeatMap(
      values: [2, 3, 4], grid: Extent(height: 1, width: 3), patch: Extent(square: 1), range: 2...4)
    let painted = try map.painted(over: Self.black(1, 3), opacity: 1)
    #expect(painted.rgb == [0, 0, 4, 187, 55, 85, 252, 255, 164])
  }

  @Test func valuesBeyondTheRangeHaveTheColoursOfItsEnds() throws {
    let map = HeatMap(
      values: [-9, 5], grid: Extent(height: 1, width: 2), patch: Extent(square: 1), range: -1...1)
    #expect(try map.painted(over: Self.black(1, 2), opacity: 1).rgb == [0, 0, 4, 252, 255, 164])
  }

  /// A single value has no range; its colour is that of the least value.
  @Test func equalValuesHaveTheLeastsColour() throws {
    let map = HeatMap(values: [7, 7], grid: Extent(height: 1, width: 2), patch: Extent(square: 1), range: 7...7)
    #expect(try map.painted(over: Self.black(1, 2), opacity: 1).rgb == [0, 0, 4, 0, 0, 4])
  }

  /// Half of 100 and half of the colour, rounded.
  @Test func opacityIsTheShareOfTheColour() throws {
    let map = HeatMap(values: [1], grid: Extent(square: 1), patch: Extent(square: 1), range: 0...1)
    #expect(try map.painted(over: Self.black(1, 1, grey: 100), opacity: 0.5).rgb == [176, 178, 132])
    #expect(try map.painted(over: Self.black(1, 1, grey: 100), opacity: 0).rgb == [100, 100, 100])
  }

  /// Two patches of four pixels, of values 0 and 1: pixel x has the value (x + 0.5) / 4 - 0.5, cut to 0...1.
  @Test func valuesAreLinearBetweenPatchCentres() throws {
    let map = HeatMap(
      values: [0, 1], grid: Extent(height: 1, width: 2), patch: Extent(height: 1, width: 4), range: 0...1)
    let painted = try map.painted(over: Self.black(1, 8), opacity: 1)
    let values: [Double] = [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    let expected: [UInt8] = values.flatMap { value in HeatMap.inferno(value).map { UInt8($0.rounded()) } }
    // Sixteenths are steps of the map; halfway between two it is their mean.
    #expect(HeatMap.inferno(0.125) == [33.0, 12.0, 74.0] as [Double])
    #expect(HeatMap.inferno(0.09375) == [22.0, 9.5, 55.0] as [Double], "of 0B0724 and 210C4A")
    #expect(painted.rgb == expected)
    // The same down a column.
    let upright = HeatMap(
      values: [0, 1], grid: Extent(height: 2, width: 1), patch: Extent(height: 4, width: 1), range: 0...1)
    #expect(try upright.painted(over: Self.black(8, 1), opacity: 1).rgb == expected)
  }

  @Test func aStripIsItsPicturesFromLeftToRight() throws {
    let pictures = try [1, 2].map { value in
      try PixelImage(extent: Extent(height: 2, width: 1), rgb: [UInt8(value), 0, 0, UInt8(10 * value), 0, 0])
    }
    let strip = try HeatMap.strip(pictures)
    #expect(strip.extent == Extent(height: 2, width: 2))
    #expect(strip.rgb == [1, 0, 0, 2, 0, 0, 10, 0, 0, 20, 0, 0])
  }
}
