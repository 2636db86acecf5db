import Foundation
import MultimodalPathway
import PathwayCheckpoints
import PathwayMedia
import TestSupport
import Testing

/// From a picture to the input of a model, against timm and transformers, bit by bit.
@Suite struct ImagePreprocessingTests {
  static let goldens = Result { try Checkpoint(contentsOf: Fixture.url("images/preprocessing.safetensors")) }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var picture: String
    var library: String
    var configuration: Data

    var testDescription: String { name }

    var preprocessing: ImagePreprocessing {
      get throws {
        library == "timm"
          ? try .timm(json: configuration, file: name) : try .huggingFace(json: configuration, file: name)
      }
    }
  }

  static let cases: [Case] = {
    guard let text = try? goldens.get().metadata["cases"],
      let list = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
    else { return [] }
    return list.compactMap { entry in
      guard let name = entry["name"] as? String, let picture = entry["picture"] as? String,
        let library = entry["library"] as? String, let configuration = entry["configuration"],
        let data = try? JSONSerialization.data(withJSONObject: configuration)
      else { return nil }
      return Case(name: name, picture: picture, library: library, configuration: data)
    }
  }()

  static func picture(_ name: String) throws -> PixelImage {
    if name.contains(".") { return try ImageFile.read(Fixture.url("images/\(name)")) }
    return try ImageResamplingTests.image(try goldens.get().tensors["\(name).rgb"])
  }

  static func bits(_ tensor: Tensor) throws -> [UInt32] { try tensor.float32().map(\.bitPattern) }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 28)
  }

  @Test(arguments: cases)
  func preparesAsTheReference(_ testCase: Case) throws {
    let golden = try #require(try Self.goldens.get().tensors["\(testCase.name).pixels"])
    let preprocessor = try ImagePreprocessor(testCase.preprocessing)
    let pixels = try preprocessor(Self.picture(testCase.picture))
    #expect(pixels.shape == golden.shape)
    #expect(try Self.bits(pixels) == Self.bits(golden))
  }

  @Test(arguments: ["timm", "transformers"], ["imagenet", "half", "clip"])
  func everyValueOfASample(_ library: String, _ range: String) throws {
    let ranges: [String: (mean: [Float], std: [Float])] = [
      "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
      "clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    ]
    let (mean, std) = try #require(ranges[range])
    let ramp = try PixelImage(
      extent: Extent(height: 1, width: 256), rgb: (0..<256).flatMap { [UInt8](repeating: UInt8($0), count: 3) })
    let preprocessor = try ImagePreprocessor(
      ImagePreprocessing(
        size: ramp.extent, geometry: .huggingFace(.none, crops: false), filter: .bicubic,
        scaling: library == "timm" ? .unit : .factor(1 / 255), mean: mean, std: std))
    let golden = try #require(try Self.goldens.get().tensors["values.\(library).\(range)"])
    #expect(try Self.bits(preprocessor(ramp)) == Self.bits(golden))
  }

  @Test func batchesAreSingleImages() throws {
    let images = try ["cat.jpg", "rocket.jpg", "astronaut.png"].map { try Self.picture($0) }
    let preprocessor = try ImagePreprocessor(.timm(architecture: "vit_tiny_patch16_224", size: Extent(square: 32)))
    let batch = try preprocessor(images)
    #expect(batch.shape == [3, 3, 32, 32])
    #expect(try Self.bits(batch) == images.flatMap { try Self.bits(preprocessor($0)) })
  }

  @Test func writesIntoTheCallersMemory() throws {
    let preprocessor = try ImagePreprocessor(.timm(architecture: "vit_tiny_patch16_224", size: Extent(square: 16)))
    let image = try Self.picture("cat.jpg")
    var values = [Float](repeating: .nan, count: preprocessor.valueCount)
    var span = values.mutableSpan
    try preprocessor.write(image, into: &span)
    #expect(try values.map(\.bitPattern) == Self.bits(preprocessor(image)))
    let error = ImagePreprocessingError.destination(found: 5, expected: 768)
    do {
      var short = [Float](repeating: .nan, count: 5)
      var span = short.mutableSpan
      try preprocessor.write(image, into: &span)
      Issue.record("written into memory of another size")
    } catch let found as ImagePreprocessingError {
      #expect(found == error)
    }
  }

  /// A ratio of sides that would fill memory if the whole resized picture were made.
  @Test func extremeShapesCostNoMore() throws {
    let line = try PixelImage(extent: Extent(height: 1, width: 200_000), rgb: [UInt8](repeating: 100, count: 600_000))
    for mode in ImagePreprocessing.CropMode.allCases {
      let recipe = ImagePreprocessing(
        size: Extent(square: 224), geometry: .timm(cropFraction: 0.9, mode: mode), filter: .bicubic,
        mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
      #expect(try ImagePreprocessor(recipe).crop(line).extent == Extent(square: 224))
    }
  }

  @Test func anotherInputSize() throws {
    let recipe = try ImagePreprocessing.huggingFace(
      json: Data(#"{"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}}"#.utf8))
    #expect(recipe.size == Extent(square: 224))
    let larger = recipe.settingSize(Extent(square: 448))
    #expect(larger.geometry == .huggingFace(.shortestEdge(512), crops: true))
    #expect(larger.size == Extent(square: 448))
    // 256 x 228 / 224 = 260.57 and 256 x 226 / 224 = 258.29: to the nearest.
    #expect(recipe.settingSize(Extent(square: 228)).geometry == .huggingFace(.shortestEdge(261), crops: true))
    #expect(recipe.settingSize(Extent(square: 226)).geometry == .huggingFace(.shortestEdge(258), crops: true))
    // If sides differ, the longer one decides; if both are given, each is scaled separately.
    #expect(
      recipe.settingSize(Extent(height: 100, width: 228)).geometry == .huggingFace(.shortestEdge(261), crops: true))
    var exact = recipe
    exact.geometry = .huggingFace(.exact(Extent(height: 256, width: 224)), crops: true)
    #expect(
      exact.settingSize(Extent(height: 228, width: 112)).geometry
        == .huggingFace(.exact(Extent(height: 261, width: 112)), crops: true))
  }

  @Test func recipesSurviveCoding() throws {
    for testCase in Self.cases {
      let recipe = try testCase.preprocessing
      let decoded = try JSONDecoder().decode(ImagePreprocessing.self, from: JSONEncoder().encode(recipe))
      #expect(decoded == recipe)
    }
  }
}
