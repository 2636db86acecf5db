import MultimodalPathway
import PathwayCheckpoints
import PathwayMedia
import TestSupport
import Testing

/// Resizing and cropping, against Pillow and torchvision, byte by byte.
@Suite struct ImageResamplingTests {
  static let goldens = Result { try Checkpoint(contentsOf: Fixture.url("images/resizing.safetensors")).tensors }

  static let cases: [String] = ((try? goldens.get().keys.filter { !$0.hasSuffix(".rgb") }) ?? []).sorted()

  static func image(_ tensor: Tensor?) throws -> PixelImage {
    let tensor = try #require(tensor)
    let extent = Extent(height: tensor.shape[0], width: tensor.shape[1])
    return try PixelImage(extent: extent, rgb: tensor.withUnsafeBytes { Array($0) })
  }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 7 * 5 * 8)
  }

  /// Sources of 1 x 1 to 301 x 2 pixels, every filter, sizes from 1 x 1 up, both orders of the passes.
  @Test(arguments: cases)
  func resizesAsPillow(_ name: String) throws {
    let goldens = try Self.goldens.get()
    let parts = name.split(separator: ".").map(String.init)
    let source = try Self.image(goldens["\(parts[0]).rgb"])
    let golden = try Self.image(goldens[name])
    let filter = try #require(ImageFilter(rawValue: parts[1]))
    #expect(try source.resized(to: golden.extent, filter: filter) == golden)
  }

  @Test(arguments: ImageFilter.allCases)
  func sameSizeIsTheSameImage(_ filter: ImageFilter) throws {
    let source = try Self.image(try Self.goldens.get()["photo.rgb"])
    #expect(try source.resized(to: source.extent, filter: filter) == source)
  }

  /// Rounding keeps a flat colour flat, whatever the weights.
  @Test(arguments: ImageFilter.allCases)
  func flatStaysFlat(_ filter: ImageFilter) throws {
    for value in [0, 1, 127, 254, 255] as [UInt8] {
      let source = try PixelImage(
        extent: Extent(height: 31, width: 57), rgb: [UInt8](repeating: value, count: 3 * 31 * 57))
      let target = Extent(height: 77, width: 13)
      #expect(try source.resized(to: target, filter: filter).rgb.allSatisfy { $0 == value })
    }
  }

  @Test(arguments: ImageFilter.allCases)
  func extremeSizes(_ filter: ImageFilter) throws {
    let pixel = try PixelImage(extent: Extent(square: 1), rgb: [1, 2, 3])
    #expect(try pixel.resized(to: Extent(height: 1, width: 5000), filter: filter).rgb.suffix(3) == [1, 2, 3])
    let long = try PixelImage(extent: Extent(height: 1, width: 100_000), rgb: [UInt8](repeating: 9, count: 300_000))
    #expect(try long.resized(to: Extent(square: 1), filter: filter).rgb == [9, 9, 9])
    #expect(try long.resized(to: Extent(height: 3, width: 2), filter: filter).rgb == [UInt8](repeating: 9, count: 18))
  }

  @Test(arguments: [
    Extent(height: 0, width: 5), Extent(height: 5, width: 0), Extent(height: -1, width: -1),
    Extent(height: .max, width: .max), Extent(height: 1 << 31, width: 1),
  ])
  func impossibleSizesAreErrors(_ extent: Extent) throws {
    let pixel = try PixelImage(extent: Extent(square: 1), rgb: [1, 2, 3])
    #expect(throws: PixelImageError.extent(found: extent)) { try pixel.resized(to: extent, filter: .bicubic) }
    #expect(throws: PixelImageError.extent(found: extent)) { try pixel.centerCropped(to: extent) }
    #expect(throws: PixelImageError.extent(found: extent)) { try PixelImage(extent: extent, rgb: []) }
  }

  @Test func samplesMustFillTheExtent() {
    let extent = Extent(height: 2, width: 2)
    #expect(throws: PixelImageError.sampleCount(found: 11, expected: 12, extent: extent)) {
      try PixelImage(extent: extent, rgb: [UInt8](repeating: 0, count: 11))
    }
  }

  /// torchvision: half the difference rounded to even, and of an odd border the smaller half first.
  @Test func centerCrop() throws {
    let source = try PixelImage(extent: Extent(height: 1, width: 6), rgb: (0..<6).flatMap { [$0, $0, $0] })
    func columns(_ extent: Extent) throws -> [UInt8] {
      let rgb = try source.centerCropped(to: extent).rgb
      return stride(from: 0, to: rgb.count, by: 3).map { rgb[$0] }
    }
    #expect(try columns(Extent(height: 1, width: 6)) == [0, 1, 2, 3, 4, 5])
    #expect(try columns(Extent(height: 1, width: 5)) == [0, 1, 2, 3, 4])  // 0.5 -> 0
    #expect(try columns(Extent(height: 1, width: 3)) == [2, 3, 4])  // 1.5 -> 2
    #expect(try columns(Extent(height: 1, width: 1)) == [2])  // 2.5 -> 2
    #expect(try columns(Extent(height: 1, width: 9)) == [0, 0, 1, 2, 3, 4, 5, 0, 0])
    #expect(try columns(Extent(height: 2, width: 2)) == [2, 3, 0, 0])
    #expect(try columns(Extent(height: 3, width: 2)) == [0, 0, 2, 3, 0, 0])
  }

  @Test func orientations() throws {
    let stored = try PixelImage(extent: Extent(height: 2, width: 3), rgb: (0..<6).flatMap { [$0, $0, $0] })
    let upright: [ImageOrientation: [UInt8]] = [
      .topLeft: [0, 1, 2, 3, 4, 5], .topRight: [2, 1, 0, 5, 4, 3], .bottomRight: [5, 4, 3, 2, 1, 0],
      .bottomLeft: [3, 4, 5, 0, 1, 2], .leftTop: [0, 3, 1, 4, 2, 5], .rightTop: [3, 0, 4, 1, 5, 2],
      .rightBottom: [5, 2, 4, 1, 3, 0], .leftBottom: [2, 5, 1, 4, 0, 3],
    ]
    for (orientation, expected) in upright {
      let image = stored.upright(from: orientation)
      #expect(image.rgb == expected.flatMap { [$0, $0, $0] }, "\(orientation)")
      #expect(image.height == (orientation.rawValue < 5 ? 2 : 3))
    }
  }
}
