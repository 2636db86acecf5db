import Foundation
import MultimodalPathway
import PathwayKernels
import PathwayMedia
import PathwayTraining
import TestSupport

/// Small models and pictures, made here.
enum Models {
  /// A model of pictures of 16 x 16 with two classes, `a` and `b`.
  static var configuration: VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 16), patchSize: Extent(square: 8), width: 32, depth: 2,
      heads: 2)
    c.classCount = 2
    c.labels = ["a", "b"]
    return c
  }

  /// It with random weights and one auxiliary, whose scales are 0.1.
  static func joined(
    _ c: VisionTransformerConfiguration = configuration, scale: Float = 0.1, bias: PathwayBias = .target,
    layers: [PathwayLayer] = PathwayLayer.allCases, map: BlockMap = .identity
  ) throws -> PathwayWeights {
    let other = try ModelWeights.random(c, seed: 2)
    return try ModelWeights.random(c, seed: 1).attach(
      auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors)), layers: layers, blockMap: map,
      bias: bias, scale: scale)
  }

  /// An arena with random gradients.
  static func arena(
    _ weights: PathwayWeights, _ recipe: Recipe, seed: UInt64 = 3
  ) throws -> ParameterArena {
    let table = try ParameterTable(weights, freeze: recipe.freeze)
    let arena = try ParameterArena(table, weights, optimizer: recipe.optimizer, averages: recipe.ema > 0)
    var random = SeededGenerator(seed: seed)
    for span in table.spans where span.owner == .target {
      for (index, value) in random.floats(span.count).enumerated() { arena.gradients.base[span.offset + index] = value }
    }
    return arena
  }

  /// A directory that is removed afterwards.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// Folders `a` and `b` of noisy pictures, reddish and bluish.
  static func writePictures(in folder: URL, count: Int, seed: UInt64, classes: [String] = ["a", "b"]) throws {
    var random = SeededGenerator(seed: seed)
    for (channel, name) in classes.enumerated() {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for index in 0..<count {
        let samples = (0..<24 * 20 * 3).map { UInt8(($0 % 3 == channel ? 150 : 20) + Int(random.next() % 80)) }
        try ImageFile.writePNG(
          PixelImage(extent: Extent(height: 24, width: 20), rgb: samples),
          to: place.appendingPathComponent("\(index).png"))
      }
    }
  }
}

extension ParameterArena {
  /// The values of a tensor.
  func numbers(_ name: String) throws -> [Float] {
    guard let span = table.spans.first(where: { $0.name == name }) else { throw CocoaError(.keyValueValidation) }
    return Array(UnsafeBufferPointer(start: value(span), count: span.count))
  }

  /// The bits of all values.
  var bits: [UInt32] {
    UnsafeBufferPointer(start: values.base, count: table.valueCount).map(\.bitPattern)
  }

  /// Names of tensors whose values differ from another arena's.
  func changed(from other: ParameterArena) throws -> Set<String> {
    Set(try table.spans.map(\.name).filter { try numbers($0) != other.numbers($0) })
  }
}
