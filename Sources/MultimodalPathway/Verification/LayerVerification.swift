import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// One joined layer in all executions on one input.
struct LayerVerification {
  private let name: String
  private let block: Int
  private let layer: PathwayLayer
  private let scales: [Float?]
  private let engine: Engine
  private let n: Int
  private let k: Int
  /// The layer in Double, and the same with the absolute values of all weights, scales and biases.
  private let exact: DoubleProduct
  private let magnitude: DoubleProduct
  private let relativeNorm: Double

  init(
    _ weights: PathwayWeights, _ block: Int, _ layer: PathwayLayer, _ terms: [PathwayWeights.Term], _ engine: Engine
  ) throws {
    name = layer.name(inBlock: block)
    self.block = block
    self.layer = layer
    scales = weights.pathways.map { [name] in $0.scales[name] }
    self.engine = engine
    let linear = Block(ParameterScope(), weights.target.configuration, block).linear(layer)
    let weight = try weights.target.tensor(linear.weight.name)
    let bias = try weights.bias(of: linear)
    n = weight.shape[0]
    k = weight.shape[1]
    exact = try DoubleProduct(weight, terms: terms, bias: bias)
    magnitude = try DoubleProduct(
      Self.absolute(weight),
      terms: terms.map { .init(scale: abs($0.scale), weight: try Self.absolute($0.weight), bias: nil) },
      bias: bias?.map(abs))
    relativeNorm = try Self.relativeNorm(weight, terms)
  }

  /// - Parameter input: the layer's, (rows, K) float32.
  func verify(_ models: [VisionTransformer], _ input: Activations, rows: Int) throws -> Verification.Layer {
    let results = try models.map {
      try $0.blocks[block].linear(layer).output(input, rows: rows, engine: engine)
    }
    let a = input.base.assumingMemoryBound(to: Float.self)
    let x = try DoubleBuffer.zeros(2 * rows * k)
    for row in 0..<rows {
      for index in 0..<k {
        let value = Double(a[row * input.stride + index])
        x.base[row * k + index] = value
        x.base[(rows + row) * k + index] = abs(value)
      }
    }
    let reference = try DoubleBuffer.zeros(rows * n)
    let sizes = try DoubleBuffer.zeros(rows * n)
    try exact.run(engine, x: x.base, rows: rows, y: reference.base)
    try magnitude.run(engine, x: x.base + rows * k, rows: rows, y: sizes.base)
    let factor = worstCase(roundings: 2 * k + 6)
    func bound(_ index: Int) -> Double { factor * sizes.base[index] + 0x1p-126 }
    let names = PathwayExecution.allCases.map(\.rawValue)
    var comparisons = results.indices.map { execution in
      Comparison(
        names[execution], "reference", rows: rows, columns: n, found: { results[execution].base[$0] },
        expected: { reference.base[$0] }, bound: bound)
    }
    comparisons.append(
      Comparison(
        names[0], names[2], rows: rows, columns: n, found: { results[0].base[$0] },
        expected: { Double(results[2].base[$0]) }, bound: { 2 * bound($0) }))
    comparisons.append(
      Comparison(names[1], names[2], bitsOf: rows, columns: n, { results[1].base[$0] }, { results[2].base[$0] }))
    return Verification.Layer(
      name: name, scales: scales, relativeNorm: relativeNorm, comparisons: comparisons,
      holds: comparisons.allSatisfy(\.holds))
  }

  private static func absolute(_ tensor: Tensor) throws -> Tensor {
    Tensor(try tensor.float32().map(abs), shape: tensor.shape)
  }

  private static func relativeNorm(_ weight: Tensor, _ terms: [PathwayWeights.Term]) throws -> Double {
    let own = try weight.float32()
    let shares = try terms.map { (scale: Double($0.scale), values: try $0.weight.float32()) }
    var (share, norm) = (0.0, 0.0)
    for index in own.indices {
      let sum = shares.reduce(0) { $0 + $1.scale * Double($1.values[index]) }
      share += sum * sum
      norm += Double(own[index]) * Double(own[index])
    }
    return norm > 0 ? (share / norm).squareRoot() : 0
  }
}
