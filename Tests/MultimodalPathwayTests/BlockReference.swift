import MultimodalPathway
import PathwayKernelTemplates
import PathwayKernels
import TestSupport
import Testing

/// The steps of a model's blocks in Double, in the formats of its layers. The input of each step is the engine's output
/// of the previous one, so that the bound of every step is a few roundings.
struct BlockReference {
  private let weights: ModelWeights
  private let model: VisionTransformer
  private let kernels: KernelTable
  /// Norms, products with their fused operations, and attention.
  private(set) var worst = (norms: WorstError(), products: WorstError(), attention: WorstError())

  init(_ weights: ModelWeights, _ model: VisionTransformer) {
    self.weights = weights
    self.model = model
    kernels = model.engine.kernels
  }

  func layer(_ block: Int, _ layer: PathwayLayer) throws -> LayerReference {
    let name = layer.name(inBlock: block)
    return LayerReference(
      weight: try numbers(name + ".weight"), bias: try numbers(name + ".bias"), model.precision[block, layer])
  }

  func gain(_ block: Int, _ name: String) throws -> [Float] {
    weights.configuration.hasLayerScale
      ? try numbers("blocks.\(block).\(name).gamma") : [Float](repeating: 1, count: weights.configuration.width)
  }

  /// Goes through the blocks of `range` with `input`, and compares each of their steps.
  mutating func check(_ range: Range<Int>, _ input: Tensor) throws {
    let stages = try LayerStages(model, input: input)
    let outputs = try model.forward(input, blocks: Array(range)).blocks
    for block in range { try check(block, stages, output: try #require(outputs[block]).float32()) }
  }

  /// - Parameter output: the output of the block, (rows, C), in an uninterrupted pass.
  private mutating func check(_ block: Int, _ stages: LayerStages, output: [Float]) throws {
    let c = weights.configuration
    // The result of the previous layer before its rounding to a format.
    var expected: [[Bounded]] = []
    try stages.forEachLayer(ofBlock: block) { stage in
      let reference = try layer(block, stage.layer)
      let precision = model.precision[block, stage.layer]
      let input = (0..<stage.rows).map { StoredRow(stage.input, row: $0, count: reference.k, precision, kernels) }
      let stream = (0..<stage.rows).map {
        StoredRow(stage.stream + $0 * stage.streamStride, count: c.width, .float32).values
      }
      let products = input.map { reference($0) }
      func compareInput(_ expected: [[Bounded]], _ worst: inout WorstError) {
        for row in 0..<stage.rows {
          let rounded = expected[row].rounded(to: precision, isHandedOn: stage.layer == .fc2)
          Self.compare(input[row].values, rounded, row, &worst)
        }
      }
      func normalized(_ name: String) throws -> [[Bounded]] {
        let (gain, shift) = (try numbers("blocks.\(block).\(name).weight"), try numbers("blocks.\(block).\(name).bias"))
        return stream.map { layerNorm($0, gain: gain, shift: shift, epsilon: c.epsilon) }
      }
      func added(_ gain: [Float]) -> [[Bounded]] {
        (0..<stage.rows).map { row in
          (0..<c.width).map { residual(Bounded(stream[row][$0], error: 0), gain: gain[$0], products[row][$0]) }
        }
      }
      switch stage.layer {
      case .qkv:
        compareInput(try normalized("norm1"), &worst.norms)
        expected = products
      case .projection:
        compareInput(try attended(stage, products: expected), &worst.attention)
        expected = added(try gain(block, "ls1"))
      case .fc1:
        for row in 0..<stage.rows { Self.compare(stream[row], expected[row], row, &worst.products) }
        compareInput(try normalized("norm2"), &worst.norms)
        expected = products.map { $0.map { gelu($0, isNarrow: precision != .float32) } }
      case .fc2:
        compareInput(expected, &worst.products)
        expected = added(try gain(block, "ls2"))
      }
    }
    for row in expected.indices {
      Self.compare(output[row * c.width..<(row + 1) * c.width].map(Double.init), expected[row], row, &worst.products)
    }
  }

  /// Attention of q, k and v in memory, (rows, C), after these are compared with the `products` of qkv.
  private mutating func attended(_ stage: LayerStages.Stage, products: [[Bounded]]) throws -> [[Bounded]] {
    let c = weights.configuration
    let (tokens, format) = (c.tokenCount, stage.attentionPrecision)
    var result = [[Bounded]](repeating: [], count: stage.rows)
    for image in 0..<stage.rows / tokens {
      for head in 0..<c.heads {
        let arguments = stage.attention(image: image, head: head)
        let parts = [arguments.q, arguments.k, arguments.v].enumerated().map { part, base in
          (0..<tokens).map { token in
            let values = StoredRow(base + token * arguments.stride, count: c.headSize, format).values
            let row = image * tokens + token
            let first = part * c.width + head * c.headSize
            let expected = Array(products[row][first..<first + c.headSize])
            Self.compare(values, expected.rounded(to: format), row, &worst.products)
            return values
          }
        }
        let integers = stage.attentionIsInteger ? integerReference(parts, arguments.scale) : nil
        for token in 0..<tokens {
          let exact =
            integers.map { $0(parts[0][token].map { Float($0) }) }
            ?? attention(
              query: parts[0][token], keys: parts[1], values: parts[2], scale: Double(arguments.scale),
              rounding: format == .bfloat16 ? 0x1p-8 : 0)
          result[image * tokens + token] += exact.rounded(to: format)
        }
      }
    }
    return result
  }

  private func integerReference(_ parts: [[[Double]]], _ scale: Float) -> IntegerAttentionReference {
    func floats(_ rows: [[Double]]) -> [[Float]] { rows.map { $0.map { Float($0) } } }
    return IntegerAttentionReference(
      keys: floats(parts[1]), values: floats(parts[2]), scale: scale,
      isBytes: kernels.int8.perWord == 4)
  }

  private static func compare(_ found: [Double], _ expected: [Bounded], _ row: Int, _ worst: inout WorstError) {
    for column in found.indices {
      worst.note(found[column], expected[column].value, bound: expected[column].error, at: [row, column])
    }
  }

  private func numbers(_ name: String) throws -> [Float] {
    try #require(weights.tensors[name], "\(name)").float32()
  }
}
