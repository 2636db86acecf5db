import Foundation
import MultimodalPathway
import PathwayTraining
import TestSupport
import Testing

/// Against timm with Pillow (Tests/Fixtures/training/make_operations.py).
@Suite struct PictureOperationTests {
  private struct Case: Decodable {
    let operation: String
    let increases: Bool
    let level: Double
    let negative: Bool
    let argument: Double
    let cubic: Bool
  }

  private struct Golden {
    let file: Checkpoint
    let cases: [Case]
    let fill: [UInt8]

    init() throws {
      file = try Checkpoint(contentsOf: Fixture.url("training/operations.safetensors"))
      cases = try Self.json("cases", of: file)
      fill = try Self.json("fill", of: file)
    }

    func tensor(_ name: String) throws -> (shape: [Int], values: [UInt8]) {
      let tensor = try #require(file.tensors[name], "\(name)")
      return (tensor.shape, tensor.withUnsafeBytes { [UInt8]($0) })
    }

    func picture(_ name: String) throws -> PixelImage {
      let (shape, values) = try tensor("\(name).picture")
      return try PixelImage(extent: Extent(height: shape[0], width: shape[1]), rgb: values)
    }

    static func json<Value: Decodable>(_ key: String, of file: Checkpoint) throws -> Value {
      try JSONDecoder().decode(Value.self, from: Data((file.metadata[key] ?? "").utf8))
    }
  }

  private func compare(_ name: String, _ cases: [Case], _ golden: Golden) throws {
    let picture = try golden.picture(name)
    let results = try golden.tensor("\(name).results").values
    #expect(results.count == cases.count * picture.rgb.count)
    for (index, one) in cases.enumerated() {
      let operation = try #require(PictureOperation(rawValue: one.operation))
      let sampling = PictureSampling(isCubic: one.cubic, fill: golden.fill)
      let found = try operation(picture, one.argument, sampling).rgb
      let expected = Array(results[index * picture.rgb.count..<(index + 1) * picture.rgb.count])
      #expect(found == expected, "\(name): \(one)")
    }
  }

  @Test(arguments: ["odd", "pixel", "row", "column", "square"])
  func everyOperationGivesPillowsBytes(_ name: String) throws {
    let golden = try Golden()
    #expect(Set(golden.cases.map(\.operation)) == Set(PictureOperation.allCases.map(\.rawValue)))
    try compare(name, golden.cases, golden)
  }

  /// A picture of 1200 pixels whose blue is one value: equalizing counts by steps of several pixels.
  @Test func histogramsOfManyPixelsGivePillowsBytes() throws {
    let golden = try Golden()
    let indices: [Int] = try Golden.json("large", of: golden.file)
    try compare("large", indices.map { golden.cases[$0] }, golden)
  }

  @Test func argumentsOfLevelsAreTimms() throws {
    for one in try Golden().cases {
      let operation = try #require(PictureOperation(rawValue: one.operation))
      let negative = one.negative && operation.isSigned(increases: one.increases)
      #expect(
        operation.argument(level: one.level, increases: one.increases, negative: negative) == one.argument, "\(one)")
    }
  }

  /// timm asks for them at the highest level, and Pillow refuses.
  @Test(arguments: [0, -4])
  func withoutBitsPicturesAreBlack(_ bits: Double) throws {
    let picture = try Golden().picture("odd")
    let black = try PictureOperation.posterize(picture, bits, PictureSampling(isCubic: true, fill: [1, 2, 3]))
    #expect(black.extent == picture.extent && black.rgb.allSatisfy { $0 == 0 })
  }

  @Test func aPictureMovedOutOfItselfIsTheFillColour() throws {
    let picture = try Golden().picture("odd")
    let moved = try PictureOperation.translateX(picture, 1, PictureSampling(isCubic: true, fill: [1, 2, 3]))
    for pixel in 0..<picture.height * picture.width {
      #expect(moved.rgb[3 * pixel..<3 * pixel + 3] == [1, 2, 3])
    }
  }

  @Test func theFillColourIsTheModelsMean() {
    var preprocessing = ImagePreprocessing(
      size: Extent(square: 8), geometry: .timm(cropFraction: 1, mode: .center), filter: .bicubic,
      mean: [0.485, 0.456, 0.406], std: [1, 1, 1])
    #expect(PictureSampling(preprocessing) == PictureSampling(isCubic: true, fill: [124, 116, 104]))
    // 127.5, 25.5 and 76.5, to even; 0.3 in float32 is above 0.3.
    (preprocessing.mean, preprocessing.filter) = ([0.5, 0.1, 0.3], .bilinear)
    #expect(PictureSampling(preprocessing) == PictureSampling(isCubic: false, fill: [128, 26, 76]))
    preprocessing.filter = .lanczos
    #expect(PictureSampling(preprocessing).isCubic)
  }
}
