import Foundation
import MultimodalPathway

/// Models that are small enough to make for each input.
enum SmallModel {
  private static let engine = try? Engine(threads: 1)

  /// Loads a model directory: the input's `config.json`, a zero byte, and its weights.
  static func load(_ data: Data) throws {
    guard let end = data.firstIndex(of: 0) else { return }
    try ScratchFile.configuration.holding(Data(data[..<end]))
    let weights = try ScratchFile.weights.holding(Data(data[(end + 1)...]))
    _ = try ModelWeights(modelAt: weights.deletingLastPathComponent())
  }

  /// A forward pass, in one of the precisions, of a transformer with these numbers. No configuration may lead a kernel
  /// outside its memory.
  static func run(_ configuration: VisionTransformerConfiguration, _ choice: Int) throws {
    try configuration.validate()
    let shapes = configuration.parameters.map(\.shape) + [configuration.inputShape]
    let sizes = shapes.map { shape in shape.reduce(1.0) { size, extent in size * Double(extent) } }
    let tokens = Double(configuration.tokenCount)
    let attention = tokens * tokens * Double(configuration.heads)
    let rows = tokens * Double(configuration.hiddenWidth + 3 * configuration.width)
    guard sizes.reduce(attention + rows, +) < 65_536, let engine else { return }
    let weights = try ModelWeights.random(configuration, seed: 1)
    let precision = [PrecisionPlan.float32, PrecisionPlan(.bfloat16), PrecisionPlan(.int8)][choice % 3]
    let model = try VisionTransformer(weights, precision: precision, engine: engine)
    let shape = [2] + configuration.inputShape
    let input = Tensor((0..<shape.reduce(1, *)).map { Float($0 % 17) / 8 - 1 }, shape: shape)
    _ = try model.forward(input, features: true, blocks: [0], attention: 0)
  }
}
