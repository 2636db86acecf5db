import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

/// A small transformer in training: parameters and gradients in flat memory, as a trainer has them.
struct TrainingCase {
  let c: VisionTransformerConfiguration
  let parameters: [Parameter]
  /// Of all parameters, one after the other.
  let values: FloatBuffer
  let starts: [Int]

  /// The values of a model.
  init(_ weights: ModelWeights) throws {
    self.init(weights.configuration)
    for (index, parameter) in parameters.enumerated() {
      let tensor = try weights.tensor(parameter.name).float32()
      (values.base + starts[index]).update(from: tensor, count: tensor.count)
    }
  }

  /// Uniform in ±0.4, gains and variances in 1 ± 0.4.
  init(_ c: VisionTransformerConfiguration, seed: UInt64 = 1) {
    self.c = c
    parameters = c.parameters
    var starts = [0]
    for parameter in parameters { starts.append((starts.last ?? 0) + parameter.count) }
    self.starts = starts
    values = FloatBuffer(count: starts.last ?? 0)
    var random = SeededGenerator(seed: seed)
    for (index, parameter) in parameters.enumerated() {
      for place in starts[index]..<starts[index + 1] {
        let middle: Float = [.gain, .variance].contains(parameter.role) ? 1 : 0
        values.base[place] = Float.random(in: -0.4...0.4, using: &random) + middle
      }
    }
  }

  func pointers(_ buffer: FloatBuffer) -> [UnsafeMutablePointer<Float>] {
    parameters.indices.map { buffer.base + starts[$0] }
  }

  func images(_ batch: Int, seed: UInt64 = 2) -> [Float] {
    var random = SeededGenerator(seed: seed)
    let values = random.floats(batch * c.inputShape.reduce(1, *))
    guard let points = c.points else { return values }
    // Clouds of other shapes: of equal ones, batch norms over clouds divide by next to nothing.
    let stretches = random.floats(batch * 3, in: 0.1...1)
    return values.enumerated().map { $1 * stretches[$0 / (3 * points.points) * 3 + $0 % 3] }
  }

  /// dL/dlogits: the loss is the sum of their products with the logits.
  func lossWeights(_ batch: Int, seed: UInt64 = 3) -> [Float] {
    var random = SeededGenerator(seed: seed)
    return random.floats(batch * c.answerShape.reduce(1, *))
  }

  /// The parameters as a model's weights.
  func weights() -> ModelWeights {
    var tensors: [String: Tensor] = [:]
    for (index, parameter) in parameters.enumerated() {
      tensors[parameter.name] = Tensor(
        Array(UnsafeBufferPointer(start: values.base + starts[index], count: parameter.count)), shape: parameter.shape)
    }
    // Without what binding decides: that a classifier drops its pooler.
    return ModelWeights(configuration: c, tensors: tensors, metadata: [:], files: [], storedType: .float32)
  }

  /// Logits and gradients of one pass, added to `before`.
  ///
  /// - Parameter frozen: parameters without a gradient.
  func run(
    _ engine: Engine, precision: Precision = .float32, batch: Int = 2, images: [Float]? = nil,
    dropPath: [Float]? = nil, pathways: [TrainedTerm] = [], frozen: Set<String> = [], before: [Float]? = nil,
    recomputesBlocks: Bool = false
  ) throws -> (logits: [Float], gradients: [Float]) {
    let gradients = FloatBuffer(count: values.count)
    if let before { gradients.base.update(from: before, count: before.count) }
    let places = zip(parameters, pointers(gradients)).map { frozen.contains($0.name) ? nil : $1 }
    // Memory for more inputs than the pass has.
    let pass = try TrainingPass(
      c, parameters: pointers(values), gradients: places, pathways: pathways, precision: precision, batch: batch + 1,
      recomputesBlocks: recomputesBlocks, engine: engine)
    let images = images ?? self.images(batch)
    let weights = lossWeights(batch)
    let logits = try images.withUnsafeBufferPointer { images in
      try (dropPath ?? [0]).withUnsafeBufferPointer { factors in
        let categories = (0..<batch).map { Int32(Self.category(of: $0)) }
        try pass.forward(
          #require(images.baseAddress), batch: batch, dropPath: dropPath == nil ? nil : factors.baseAddress,
          categories: categories)
        let logits = Array(UnsafeBufferPointer(start: pass.logits, count: weights.count))
        pass.logitGradients.update(from: weights, count: weights.count)
        try pass.backward()
        return logits
      }
    }
    return (logits, Array(UnsafeBufferPointer(start: gradients.base, count: values.count)))
  }

  /// Small models with every part that has a gradient, by name.
  static let configurations: [(name: String, c: VisionTransformerConfiguration)] = {
    func make(_ change: (inout VisionTransformerConfiguration) -> Void) -> VisionTransformerConfiguration {
      var c = VisionTransformerConfiguration(
        architecture: "vit_of_ones_own", imageSize: Extent(height: 8, width: 12), patchSize: Extent(square: 4),
        width: 6, depth: 2, heads: 2, hiddenWidth: 9)
      (c.classCount, c.channels) = (3, 1)
      change(&c)
      return c
    }
    return [
      ("class token", make { _ in }),
      ("registers without positions", make { ($0.registerTokens, $0.positionCoversPrefix) = (2, false) }),
      ("layer scale", make { $0.hasLayerScale = true }),
      ("norm before the blocks", make { $0.hasPreNorm = true }),
      ("no bias of qkv", make { $0.qkvBias = .none }),
      ("biases of queries and values", make { $0.qkvBias = .queryAndValue }),
      ("mean after the norm", make { $0.pooling = .mean }),
      (
        "mean before the norm",
        make { ($0.pooling, $0.normalizesAfterPooling, $0.hasLayerScale) = (.mean, true, true) }
      ),
      ("mean without a class token", make { ($0.pooling, $0.hasClassToken, $0.hasFinalNorm) = (.mean, false, false) }),
      ("maximum", make { ($0.pooling, $0.normalizesAfterPooling) = (.maximum, true) }),
      ("mean and maximum", make { $0.pooling = .averageMaximum }),
      ("token and mean", make { $0.pooling = .tokenAndMean }),
      (
        "mean of the prefix and a norm of the head",
        make {
          ($0.pooling, $0.registerTokens, $0.hasHeadNorm) = (.prefixMean, 1, true)
        }
      ),
      (
        "both norms of pooled features",
        make {
          ($0.pooling, $0.normalizesAfterPooling, $0.hasHeadNorm) = (.mean, true, true)
        }
      ),
      ("odd widths", make { ($0.width, $0.heads, $0.hiddenWidth, $0.hasLayerScale) = (9, 3, 11, true) }),
      ("no head", make { $0.classCount = 0 }),
      ("overlapping patches", make { $0.patchStride = Extent(square: 2) }),
      ("clips", make { ($0.input, $0.pooling) = (.video(.init(frames: 4)), .mean) }),
      ("spectrograms", make { $0.input = .audio(.audioSet) }),
      ("pooler", make { $0.head = .pooler(width: 5) }),
      ("pooler without a head", make { ($0.head, $0.classCount) = (.pooler(width: 7), 0) }),
      ("two heads", make { ($0.head, $0.registerTokens, $0.pooling) = (.distilled, 1, .prefixMean) }),
    ] + pointConfigurations
  }()
}
