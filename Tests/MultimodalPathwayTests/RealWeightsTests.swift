import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// DINOv2-S on real photographs against stored features of ONNX Runtime, and real pathways from speech and text.
///
/// The weights come from `python3 Tests/Fixtures/real/fetch_real_weights.py`; without them these tests are skipped,
/// except in CI.
@Suite(.enabled(if: RealWeights.arePresent || RealWeights.areRequired, "run Tests/Fixtures/real/fetch_real_weights.py"))
struct RealWeightsTests {
  @Test(arguments: ["astronaut", "chelsea", "coffee"], InstructionSet.available)
  func dinov2MatchesONNXRuntime(_ name: String, _ set: InstructionSet) throws {
    let reference = try Checkpoint(contentsOf: Fixture.url("real/dinov2_onnx_reference.safetensors"))
    let folder = RealWeights.folder.appendingPathComponent("dinov2-vits14-224")
    let config = folder.appendingPathComponent("config.json")
    let preprocessor = try ImagePreprocessor(.timm(json: Data(contentsOf: config), file: config.path))
    let picture = try ImageFile.read(Fixture.url("real/photographs/\(name).jpg"))
    let stored = try #require(reference.tensors["pixels.\(name)"])
    let pixels = try preprocessor.crop(picture).rgb
    #expect(stored.withUnsafeBytes { Array($0) } == pixels)

    let model = try VisionTransformer(ModelWeights(modelAt: folder), engine: Engine(threads: 2, instructionSet: set))
    let output = try model.forward(preprocessor([picture]), features: true)
    let found = try #require(output.features).float32()
    let expected = try #require(reference.tensors["features.\(name)"]).float32()
    #expect(found.count == expected.count)
    let largest = expected.reduce(0) { max($0, abs(Double($1))) }
    var worst = 0.0
    var least = 1.0
    let width = 384
    for token in 0..<expected.count / width {
      var (dot, a, b) = (0.0, 0.0, 0.0)
      for index in token * width..<(token + 1) * width {
        let (x, y) = (Double(found[index]), Double(expected[index]))
        worst = max(worst, abs(x - y) / largest)
        dot += x * y
        a += x * x
        b += y * y
      }
      least = min(least, dot / (a * b).squareRoot())
    }
    #expect(worst <= 1e-4, "\(name), \(set): worst \(worst) of the largest feature")
    #expect(least >= 0.999999, "\(name), \(set): least cosine \(least)")
  }

  @Test(arguments: [
    ("whisper-tiny-en-encoder.safetensors", 6, [0: 0, 3: 1, 6: 2, 9: 3]),
    ("minilm-l6.safetensors", 12, [0: 0, 2: 1, 4: 2, 6: 3, 8: 4, 10: 5]),
  ])
  func realAuxiliariesMergeToTheSame(_ file: String, _ heads: Int, _ blocks: [Int: Int]) throws {
    let target = try ModelWeights(modelAt: RealWeights.folder.appendingPathComponent("dinov2-vits14-224"))
    let auxiliary = try AuxiliaryWeights(
      checkpoint: Checkpoint(contentsOf: RealWeights.folder.appendingPathComponent(file)), heads: heads)
    let joined = try target.attach(auxiliary: auxiliary, blockMap: .explicit(blocks), scale: 0.05)
    #expect(joined.warnings.count == (heads == 12 ? 2 : 0))
    var random = SeededGenerator(seed: 12)
    let tokens = Tensor(random.floats(50 * 384), shape: [1, 50, 384])
    let result = try Verification(joined, input: tokens, engine: Engine(threads: 2))
    #expect(result.layers.count == blocks.count * 4)
    #expect(result.holds)
  }
}

enum RealWeights {
  static let folder = Fixture.url("").deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".cache/weights")
  static let arePresent = FileManager.default.fileExists(atPath: folder.appendingPathComponent("manifest.json").path)
  static let areRequired = ProcessInfo.processInfo.environment["CI"] == "true"
}
