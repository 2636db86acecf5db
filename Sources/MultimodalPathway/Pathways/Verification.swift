import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// The proof that a model with pathways and its merged form compute the same: every joined layer on the inputs it really gets,
/// in all three executions, against each other and against Double arithmetic; then the whole model.
///
/// A layer's element with K terms per branch may differ from the exact one by `gamma(2K + 6) (|x||W| + sum |lambda||x||W'| + |b|)`,
/// gamma(n) = n u / (1 - n u), u = 2^-24: two roundings a term where there is no fused multiply-add, one for folding or scaling,
/// one for the branch's sum, one for the bias (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
public struct Verification: Sendable, Codable {
  /// One joined layer.
  public struct Layer: Sendable, Codable {
    public let name: String
    /// lambda of every auxiliary that has a share.
    public let scales: [Float]
    /// ||sum lambda W'|| / ||W||, Frobenius.
    public let relativeNorm: Double
    /// The largest |two-branch - reference| / bound, and the same of the merged layer.
    public let twoBranchRatio: Double
    public let mergedRatio: Double
    /// Where the worse of both is, and the numbers there.
    public let worst: Element
    /// Whether folded and merged outputs have the same bits, in all rows.
    public let foldedEqualsMerged: Bool
    public var holds: Bool { twoBranchRatio <= 1 && mergedRatio <= 1 && foldedEqualsMerged }
  }

  /// One element of a layer's output.
  public struct Element: Sendable, Codable {
    public let row: Int
    public let column: Int
    public let found: Float
    public let reference: Double
    public let bound: Double
  }

  public let layers: [Layer]
  /// Whole model: whether the final features of folded and merged execution have the same bits.
  public let foldedEqualsMerged: Bool
  /// Whole model: largest difference of two-branch and merged final features, over the largest feature.
  public let twoBranchDifference: Double
  /// Share of images whose largest logit (or pooled feature) is the same in two-branch and merged execution.
  public let top1Agreement: Double
  public let instructionSet: String
  public let threads: Int
  public var holds: Bool { layers.allSatisfy(\.holds) && foldedEqualsMerged && top1Agreement == 1 }

  /// Rows of a layer that are compared with Double arithmetic, spread evenly; bits are compared in all rows.
  public static let referenceRows = 16

  /// Verifies on normalised images, (B, channels, H, W), or ready tokens, (B, N, C).
  ///
  /// - Parameter progress: called with the number of blocks done and their total.
  public init(
    _ weights: PathwayWeights, input: Tensor, engine: Engine, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let models = try PathwayExecution.allCases.map { try VisionTransformer(weights, execution: $0, engine: engine) }
    let depth = weights.target.configuration.depth
    let isImages = input.shape.count == 4
    func output(_ model: VisionTransformer, blocks: [Int] = []) throws -> ForwardOutput {
      isImages
        ? try model.forward(input, features: true, blocks: blocks)
        : try model.forward(tokens: input, features: true, blocks: blocks)
    }
    let outputs = try models.map { try output($0) }
    let features = try outputs.map { try $0.features?.float32() ?? [] }
    foldedEqualsMerged = features[1].map(\.bitPattern) == features[2].map(\.bitPattern)
    let largest = features[2].reduce(0) { max($0, abs(Double($1))) }
    let difference = zip(features[0], features[2]).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) }
    twoBranchDifference = largest > 0 ? difference / largest : difference
    let answers = try [outputs[0], outputs[2]].map { try Self.answers($0.logits) }
    top1Agreement = Double(zip(answers[0], answers[1]).filter { $0 == $1 }.count) / Double(max(1, answers[0].count))
    instructionSet = engine.instructionSet.rawValue
    threads = engine.threads

    var layers: [Layer] = []
    let stages = try LayerStages(models[2], input: input)
    for block in 0..<depth {
      try stages.forEachLayer(ofBlock: block) { layer, a, lda, rows in
        let terms = try weights.terms(block, layer)
        guard !terms.isEmpty else { return }
        let shape = LayerShape(a: a, lda: lda, rows: rows)
        layers.append(try Self.verify(weights, models, block, layer, terms, shape, engine))
      }
      progress(block + 1, depth)
    }
    self.layers = layers
  }

  private static func answers(_ logits: Tensor) throws -> [Int] {
    let values = try logits.float32()
    let width = logits.shape[1]
    return (0..<logits.shape[0]).map { row in
      (0..<width).max { values[row * width + $0] < values[row * width + $1] } ?? 0
    }
  }

  private struct LayerShape {
    let a: UnsafePointer<Float>
    let lda: Int
    let rows: Int
  }

  private static func verify(
    _ weights: PathwayWeights, _ models: [VisionTransformer], _ block: Int, _ layer: PathwayLayer,
    _ terms: [PathwayWeights.Term], _ input: LayerShape, _ engine: Engine
  ) throws -> Layer {
    let name = layer.name(inBlock: block)
    let weight = try weights.target.tensor(name + ".weight")
    let (n, k) = (weight.shape[0], weight.shape[1])
    let results = try models.map { model in
      let result = FloatBuffer(count: input.rows * n)
      let partial = FloatBuffer(count: input.rows * n)
      let stride = LinearProduct.scratchCount(engine.kernels, k: k)
      let scratch = FloatBuffer(count: stride * engine.threads)
      let linear = model.blocks[block].linear(layer)
      try engine.run { member in
        linear.run(
          &member, engine.kernels, a: input.a, lda: input.lda, m: input.rows, c: result.base, ldc: n,
          epilogue: Epilogue(), partial: partial.base, scratch: scratch.base + member.index * stride)
      }
      return result
    }
    let same = (0..<input.rows * n).allSatisfy {
      results[1].base[$0].bitPattern == results[2].base[$0].bitPattern
    }
    let w = try weight.float32()
    let branches = try terms.map { (scale: Double($0.scale), weight: try $0.weight.float32()) }
    let bias = try weights.bias(block, layer)
    let factor = relativeBound(2 * k + 6)
    var ratios = [0.0, 0.0]
    var worst = Element(row: 0, column: 0, found: 0, reference: 0, bound: 0)
    let step = max(1, input.rows / referenceRows)
    for row in stride(from: 0, to: input.rows, by: step) {
      let x = input.a + row * input.lda
      for column in 0..<n {
        var sum = Double(bias?[column] ?? 0)
        var size = abs(sum)
        for index in 0..<k {
          var hat = Double(w[column * k + index])
          var magnitude = abs(hat)
          for branch in branches {
            let share = branch.scale * Double(branch.weight[column * k + index])
            hat += share
            magnitude += abs(share)
          }
          sum += Double(x[index]) * hat
          size += abs(Double(x[index])) * magnitude
        }
        let bound = factor * size + 0x1p-126
        for (index, result) in [results[0], results[2]].enumerated() {
          let found = result.base[row * n + column]
          let error = abs(Double(found) - sum)
          let ratio = error.isNaN ? .infinity : error / bound
          if ratio > max(ratios[0], ratios[1]) {
            worst = Element(row: row, column: column, found: found, reference: sum, bound: bound)
          }
          ratios[index] = max(ratios[index], ratio)
        }
      }
    }
    var shareNorm = 0.0
    var norm = 0.0
    for index in w.indices {
      let share = branches.reduce(0) { $0 + $1.scale * Double($1.weight[index]) }
      shareNorm += share * share
      norm += Double(w[index]) * Double(w[index])
    }
    return Layer(
      name: name, scales: terms.map(\.scale), relativeNorm: norm > 0 ? (shareNorm / norm).squareRoot() : 0,
      twoBranchRatio: ratios[0], mergedRatio: ratios[1], worst: worst, foldedEqualsMerged: same)
  }

  private static func relativeBound(_ roundings: Int) -> Double {
    let u = 0x1p-24
    return Double(roundings) * u / (1 - Double(roundings) * u)
  }
}

/// Walks a model block by block and shows every linear layer its real input.
private struct LayerStages {
  private let model: VisionTransformer
  private let workspace: Workspace
  private let blockInputs: [Tensor]

  init(_ model: VisionTransformer, input: Tensor) throws {
    self.model = model
    let depth = model.configuration.depth
    let batch = input.shape[0]
    // Block i's input is block i - 1's output; block 0's is what a model without blocks would hand on.
    let outputs =
      input.shape.count == 4
      ? try model.forward(input, blocks: Array(0..<depth)) : try model.forward(tokens: input, blocks: Array(0..<depth))
    let first = input.shape.count == 4 ? try model.embedded(input) : input
    blockInputs = [first] + (0..<depth).compactMap { outputs.blocks[$0] }
    workspace = model.workspace(batch: batch, tokens: first.shape[1])
  }

  func forEachLayer(
    ofBlock index: Int, _ body: (PathwayLayer, UnsafePointer<Float>, Int, Int) throws -> Void
  ) throws {
    let w = workspace.buffers
    let rows = w.batch * w.tokens
    let width = model.configuration.width
    blockInputs[index].withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      for row in 0..<rows { (w.x + row * w.stride).update(from: base + row * width, count: width) }
    }
    try model.blocks[index].runInStages(model.engine, model.configuration, w) { layer in
      if layer == .fc2 {
        try body(layer, w.hidden, w.hiddenStride, rows)
      } else {
        try body(layer, w.y, w.stride, rows)
      }
    }
    withExtendedLifetime(workspace) {}
  }
}
