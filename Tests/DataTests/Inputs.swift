import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport

/// Small models with random weights, and files for them.
enum Inputs {
  /// A directory that is removed afterwards.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// A directory that is removed afterwards.
  static func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  /// A model of pictures of 32 x 32, three classes.
  static func pictureModel() throws -> VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 32), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 3)
    c.classCount = 3
    c.labels = ["a", "b", "c"]
    return c
  }

  /// A model of clips of 4 frames of 16 x 16 at rate 2, in tubelets of 2, three classes.
  static func videoModel() throws -> VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 16), patchSize: Extent(square: 8), width: 48, depth: 2,
      heads: 3)
    c.input = .video(.init(frames: 4, samplingRate: 2))
    c.hasClassToken = false
    c.pooling = .mean
    c.normalizesAfterPooling = true
    c.qkvBias = .queryAndValue
    c.classCount = 3
    return c
  }

  /// AudioMAE's golden with windows of 32 frames and 32 bins, seven tags.
  static func soundModel() throws -> VisionTransformerConfiguration {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/audio_mae.safetensors"))
    let text = (golden.metadata["config"] ?? "").replacingOccurrences(of: "[64, 32]", with: "[32, 32]")
    return try configuration(text)
  }

  /// A golden of points, `segmenter` or `classifier`.
  static func pointModel(_ name: String) throws -> ModelWeights {
    let golden = try Checkpoint(contentsOf: Fixture.url("points/\(name).safetensors"))
    let weights = golden.tensors.filter { $0.key.hasPrefix("weights.") }
    return try ModelWeights(
      checkpoint: Checkpoint(
        tensors: Dictionary(uniqueKeysWithValues: weights.map { (String($0.key.dropFirst(8)), $0.value) })),
      configuration: configuration(golden.metadata["config"] ?? ""))
  }

  /// The configuration in a `config.json` of that text.
  private static func configuration(_ text: String) throws -> VisionTransformerConfiguration {
    var result: VisionTransformerConfiguration?
    try withFolder { folder in
      let file = folder.appendingPathComponent("config.json")
      try Data(text.utf8).write(to: file)
      result = try .read(file)
    }
    return result!
  }

  /// A model of a configuration with random weights.
  static func model(_ c: VisionTransformerConfiguration) throws -> VisionTransformer {
    try VisionTransformer(.random(c, seed: 1), engine: Engine(threads: 2))
  }

  /// Writes a PNG of noise.
  static func writePicture(_ seed: UInt64, to file: URL) throws {
    var random = SeededGenerator(seed: seed)
    let samples = (0..<20 * 20 * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    try ImageFile.writePNG(PixelImage(extent: Extent(square: 20), rgb: samples), to: file)
  }

  /// Writes a mono WAV file of noise at 16 kHz.
  static func writeSound(_ samples: Int, seed: UInt64, to file: URL) throws {
    func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
    var random = SeededGenerator(seed: seed)
    let body = (0..<samples).reduce(into: Data()) { data, _ in
      data += little(Int16.random(in: -9000...9000, using: &random))
    }
    var data = Data("RIFF".utf8) + little(UInt32(36 + body.count)) + Data("WAVEfmt ".utf8) + little(UInt32(16))
    data += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(16_000)) + little(UInt32(32_000))
    data += little(UInt16(2)) + little(UInt16(16)) + Data("data".utf8) + little(UInt32(body.count))
    try (data + body).write(to: file)
  }
}
