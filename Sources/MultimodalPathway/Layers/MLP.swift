import PathwayKernels
import PathwayLoops

/// Two linear layers with an activation between them (timm's `Mlp`).
struct MLP: Sendable {
  /// (M, C).
  let fc1: Linear
  /// (C, M).
  let fc2: Linear
  let activation: Activation

  init(_ scope: ParameterScope, _ c: VisionTransformerConfiguration, block: Int) {
    fc1 = Linear(scope("fc1"), c.width, c.hiddenWidth, joint: .init(block: block, layer: .fc1))
    fc2 = Linear(scope("fc2"), c.hiddenWidth, c.width, joint: .init(block: block, layer: .fc2))
    activation = c.activation
  }

  func loaded(by loader: some ParameterLoader) throws -> Loaded {
    Loaded(
      fc1: try loader.linear(fc1, loader.precision[fc1]), fc2: try loader.linear(fc2, loader.precision[fc2]),
      activation: activation)
  }

  /// Both layers with their weights in memory.
  struct Loaded: Sendable {
    let fc1: Linear.Loaded
    let fc2: Linear.Loaded
    let activation: Activation
  }

  /// activation(fc1(x)) of `rows` rows, (rows, M) of every copy, moved by its deviation.
  func hiddenReference(_ pass: ReferencePass, _ x: DoubleBuffer, rows: Int) throws -> DoubleBuffer {
    let (y, deviation) = try fc1.reference(pass, x, rows: rows)
    activation.reference(y, deviation, copies: pass.copies, count: rows * fc1.outputs)
    pass.probe(y, deviation, count: rows * fc1.outputs)
    return y
  }
}
