import PathwayCheckpoints
import PathwayKernels

/// The proof that a model with pathways and its merged form compute the same: every joined layer on the inputs it
/// really gets, in all three executions, against each other and against Double arithmetic; then the whole model,
/// likewise.
public struct Verification: Sendable, Codable {
  /// One joined layer, all its rows.
  ///
  /// An element with K terms a branch may differ from the exact one by
  /// `gamma(2K + 6) (|x||W| + sum |lambda||x||W'| + |b|)`: two roundings a term where there is no fused multiply-add,
  /// one for folding or scaling, one for the branch's sum, one for the bias (Higham, Accuracy and Stability of
  /// Numerical Algorithms, 3.1); two executions from each other by twice that.
  public struct Layer: Sendable, Codable {
    /// The layer, `blocks.0.attn.qkv` and so on.
    public let name: String
    /// lambda of every auxiliary, in the order they were attached; nil where one is not joined here.
    public let scales: [Float?]
    /// ||sum lambda W'|| / ||W||, Frobenius.
    public let relativeNorm: Double
    /// The three executions with the reference and with each other.
    public let comparisons: [Comparison]
    /// Whether all comparisons hold.
    public let holds: Bool
  }

  /// A result of the whole model: `features`, (B N, C) after the final norm; `logits`, (B, classes), of the same pass;
  /// or `logits alone`, of a pass asked for nothing else, where that takes a mean of tokens before the last fc2.
  ///
  /// Its bound is `ReferenceTransformer`'s deviation of the element times the number of deviations that no element
  /// exceeds but for a probability of 10^-6 (RoundingModel.swift); twice that between two executions.
  public struct Output: Sendable, Codable {
    /// `features`, `logits` or `logits alone`.
    public let name: String
    /// The three executions with the reference and with each other.
    public let comparisons: [Comparison]
    /// Whether all comparisons hold.
    public let holds: Bool
  }

  /// The joined layers, in the order of the blocks.
  public let layers: [Layer]
  /// The results of the whole model.
  public let outputs: [Output]
  /// Share of images whose largest logit (without a head: pooled feature) is the same in all executions.
  public let top1Agreement: Double
  /// What the input was: shape (B, channels, H, W), (B, channels, T, H, W) or (B, N, C).
  public let inputShape: [Int]
  /// What fits in shape but not in meaning, a sentence each: `PathwayWeights.warnings`.
  public let warnings: [String]
  /// The instruction set that it was verified on.
  public let instructionSet: String
  /// The number of threads that it was verified with.
  public let threads: Int
  /// Whether all layers and all outputs hold.
  public let holds: Bool

  /// Verifies on what the model takes, normalised images, (B, channels, H, W), clips, (B, channels, T, H, W), or point
  /// clouds, (B, P, 3), or on ready tokens, (B, N, C), all finite. Of point clouds the tokens are made once, by the
  /// engine: pathways do not touch them.
  ///
  /// - Parameter progress: called with the number of steps done and their total.
  /// - Throws: `InferenceError` for an input that does not fit; `PathwayError` where nothing is joined.
  /// - Complexity: some ten forward passes in Double.
  public init(
    _ weights: PathwayWeights, input: Tensor, engine: Engine, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let models = try PathwayExecution.allCases.map { try VisionTransformer(weights, execution: $0, engine: engine) }
    try self.init(weights, models: models, input: input, progress: progress)
  }

  /// The same of executions that are given: what `weights` say is expected of each of `models`.
  ///
  /// - Parameter models: in the order of `PathwayExecution.allCases`, all of one engine.
  package init(
    _ weights: PathwayWeights, models: [VisionTransformer], input: Tensor, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let engine = models[2].engine
    let depth = weights.target.configuration.depth
    let c = weights.target.configuration
    let isTokens = c.takesAsTokens(input)
    let results = try models.map {
      isTokens ? try $0.forward(tokens: input, features: true) : try $0.forward(input, features: true)
    }
    guard try input.float32().allSatisfy(\.isFinite) else { throw InferenceError.inputNotFinite }

    let (start, positions) = isTokens || c.points == nil ? (input, nil) : try models[2].embedded(input)
    let reference = try ReferenceTransformer(weights, engine: engine).run(start, positions: positions) {
      progress($0 + 1, 2 * depth)
    }
    // A per-point head is no part of the reference.
    let answers = results.map { c.parts != nil ? $0.pooled : $0.logits }
    var outputs = try [
      Self.compare("features", results.map { try ($0.features ?? $0.pooled).float32() }, weights, reference.features),
      Self.compare("logits", answers.map { try $0.float32() }, weights, reference.logits),
    ]
    var tops = try answers.map { try Self.answers($0.float32(), $0.shape[1]) }
    if let expected = reference.logitsAlone {
      let alone = try models.map { try (isTokens ? $0.forward(tokens: input) : $0.forward(input)).logits }
      outputs.append(try Self.compare("logits alone", alone.map { try $0.float32() }, weights, expected))
      tops += try alone.map { try Self.answers($0.float32(), $0.shape[1]) }
    }
    self.outputs = outputs
    let agreeing = tops[0].indices.filter { row in tops.allSatisfy { $0[row] == tops[0][row] } }
    top1Agreement = Double(agreeing.count) / Double(tops[0].count)

    var layers: [Layer] = []
    let stages = try LayerStages(models[2], input: input)
    for block in 0..<depth {
      try stages.forEachLayer(ofBlock: block) { stage in
        let terms = try weights.terms(block, stage.layer)
        guard !terms.isEmpty else { return }
        let layer = try LayerVerification(weights, block, stage.layer, terms, engine)
        layers.append(try layer.verify(models, stage.input, rows: stage.rows))
      }
      progress(depth + block + 1, 2 * depth)
    }
    self.layers = layers
    inputShape = input.shape
    warnings = weights.warnings
    instructionSet = engine.instructionSet.rawValue
    threads = engine.threads
    holds = layers.allSatisfy(\.holds) && outputs.allSatisfy(\.holds) && top1Agreement == 1
  }

  private static func answers(_ logits: [Float], _ width: Int) -> [Int] {
    stride(from: 0, to: logits.count, by: width).map { start in
      (0..<width).max { logits[start + $0] < logits[start + $1] } ?? 0
    }
  }

  private static func compare(
    _ name: String, _ found: [[Float]], _ weights: PathwayWeights, _ reference: ReferenceTransformer.Output
  ) throws -> Output {
    let columns = reference.columns
    let rows = reference.values.count / columns
    // Three executions against the reference; the smallest normal number for results that vanish.
    let limit = deviations(elements: 3 * reference.values.count)
    func bound(_ index: Int) -> Double { limit * reference.deviations[index] + 0x1p-126 }
    let names = PathwayExecution.allCases.map(\.rawValue)
    var comparisons = found.indices.map { execution in
      Comparison(
        names[execution], "reference", rows: rows, columns: columns, found: { found[execution][$0] },
        expected: { reference.values[$0] }, bound: bound)
    }
    comparisons.append(
      Comparison(
        names[0], names[2], rows: rows, columns: columns, found: { found[0][$0] }, expected: { Double(found[2][$0]) },
        bound: { 2 * bound($0) }))
    comparisons.append(
      Comparison(names[1], names[2], bitsOf: rows, columns: columns, { found[1][$0] }, { found[2][$0] }))
    return Output(name: name, comparisons: comparisons, holds: comparisons.allSatisfy(\.holds))
  }
}
