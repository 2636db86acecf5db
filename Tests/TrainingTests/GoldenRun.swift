import Foundation
import MultimodalPathway
import TestSupport
import Testing

/// A file of Tests/Fixtures/training that PyTorch wrote: a model with an auxiliary before and after some steps.
struct GoldenRun {
  let file: Checkpoint
  /// The model before the first step.
  let weights: PathwayWeights

  /// - Parameter c: the configuration of the file's model.
  init(_ name: String, _ c: VisionTransformerConfiguration) throws {
    file = try Checkpoint(contentsOf: Fixture.url("training/\(name).safetensors"))
    let target = try ModelWeights(checkpoint: Checkpoint(tensors: Self.part("start/", of: file)), configuration: c)
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: Self.part("auxiliary/", of: file)))
    weights = try target.attach(auxiliary: auxiliary, scales: Self.json("scales", of: file))
  }

  /// A configuration of pictures in patches of 4, with two blocks of two heads.
  static func configuration(width: Int) -> VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "vit_test", imageSize: Extent(square: 8), patchSize: Extent(square: 4), width: width, depth: 2,
      heads: 2, hiddenWidth: 2 * width)
    c.classCount = 3
    return c
  }

  func tensor(_ name: String) throws -> Tensor { try #require(file.tensors[name], "\(name)") }

  /// A tensor's values, stored in float64.
  func numbers(_ name: String) throws -> [Double] {
    try tensor(name).withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
  }

  /// What the metadata have under a key.
  func json<Value: Decodable>(_ key: String) throws -> Value { try Self.json(key, of: file) }

  private static func part(_ prefix: String, of file: Checkpoint) -> [String: Tensor] {
    let own = file.tensors.filter { $0.key.hasPrefix(prefix) }
    return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
  }

  private static func json<Value: Decodable>(_ key: String, of file: Checkpoint) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data((file.metadata[key] ?? "").utf8))
  }
}
