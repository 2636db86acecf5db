import MultimodalPathway
import PathwayMedia
import Testing
import m2pt

/// The places and colours of points in a picture.
@Suite struct PointPictureTests {
  /// Two black points at distance 1 on opposite sides of the middle.
  private func drawn(_ axis: [Float], up: UpAxis) throws -> PixelImage {
    let cloud = try PointCloud(coordinates: axis + axis.map { -$0 })
    return try PointPicture(cloud: cloud, colors: [PointColor(0, 0, 0), PointColor(0, 0, 0)]).drawn(up: up)
  }

  /// The camera is 35 degrees to the right and 20 above, dots have a radius of 8 pixels, and a radius of the cloud has
  /// 247: a point right r, up u and in front f is at column 256 + 247 (r cos 35 - f sin 35) and row
  /// 256 - 247 (u cos 20 - (r sin 35 + f cos 35) sin 20). Its black is paler by 0.4 (0.5 - d / 2) of white,
  /// d = u sin 20 + (r sin 35 + f cos 35) cos 20 towards the camera.
  @Test(
    arguments: [
      ([0, 1, 0], UpAxis.y, (24, 256, 34), (488, 256, 68)), ([1, 0, 0], .y, (304, 458, 24), (208, 54, 78)),
      ([0, 0, 1], .y, (325, 114, 12), (187, 398, 90)), ([0, 0, 1], .z, (24, 256, 34), (488, 256, 68)),
      ([0, 1, 0], .z, (187, 398, 90), (325, 114, 12)),
    ] as [([Float], UpAxis, (Int, Int, UInt8), (Int, Int, UInt8))])
  func pointsAreWhereTheCameraSeesThem(
    _ axis: [Float], _ up: UpAxis, _ first: (row: Int, column: Int, grey: UInt8),
    _ second: (row: Int, column: Int, grey: UInt8)
  ) throws {
    let picture = try drawn(axis, up: up)
    #expect(picture.extent == Extent(square: 512))
    for dot in [first, second] {
      let center = 3 * (dot.row * 512 + dot.column)
      #expect(Array(picture.rgb[center..<center + 3]) == [dot.grey, dot.grey, dot.grey])
      // A disc of radius 8: its rim is painted, and nothing beyond it.
      #expect(picture.rgb[center - 3 * 8] == dot.grey && picture.rgb[center + 3 * 8] == dot.grey)
      #expect(picture.rgb[center - 3 * 9] == 255 && picture.rgb[center + 3 * 9] == 255)
    }
    var inside = 0
    for y in -8...8 {
      for x in -8...8 where x * x + y * y <= 64 { inside += 1 }
    }
    let drawn = picture.rgb.count { $0 < 255 }
    #expect(drawn == 3 * 2 * inside)
  }

  /// The nearer of two points on one line of sight is visible, whatever their order in the list.
  @Test(arguments: [false, true]) func nearerPointsCoverThoseBehindThem(_ isReversed: Bool) throws {
    // Along the line of sight, (sin 35 cos 20, sin 20, cos 35 cos 20).
    let near: [Float] = [0.538_985_5, 0.342_020_1, 0.769_751_1]
    let cloud = try PointCloud(coordinates: isReversed ? near.map { -$0 } + near : near + near.map { -$0 })
    let (red, green) = (PointColor(200, 0, 0), PointColor(0, 200, 0))
    let colors = isReversed ? [green, red] : [red, green]
    let picture = try PointPicture(cloud: cloud, colors: colors).drawn(up: .y)
    let center = 3 * (256 * 512 + 256)
    // At distance 1 towards the camera the colour is unchanged.
    #expect(Array(picture.rgb[center..<center + 3]) == [200, 0, 0])
  }
}
