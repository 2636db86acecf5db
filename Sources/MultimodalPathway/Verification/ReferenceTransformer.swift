import Foundation
import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// A whole model in Double, and how far a correct float32 model may be from it.
/// Every layer has its own reference; they share a pass over several copies of the input (`ReferencePass`).
package final class ReferenceTransformer {
  /// A result of copy 0 with the deviation of every element.
  package struct Output {
    package let values: [Double]
    package let deviations: [Double]
    package let columns: Int
  }

  private let weights: PathwayWeights
  private let layers: TransformerLayers
  private let engine: Engine
  private let signs: ProbeSigns
  private let c: VisionTransformerConfiguration

  package init(_ weights: PathwayWeights, engine: Engine, seed: UInt64 = 1) {
    self.weights = weights
    self.engine = engine
    self.signs = ProbeSigns(seed: seed)
    c = weights.target.configuration
    layers = TransformerLayers(c)
  }

  /// Final features, (B, N, C), and logits, (B, classes), of images (B, channels, H, W), clips (B, channels, T, H, W)
  /// or tokens (B, N, C). A per-point head is left out: pooled features stand for its logits. `logitsAlone` are of a
  /// pass that takes a mean of tokens before the last fc2, where a model does: the same values with other roundings.
  ///
  /// Deviations are estimated from the probes' responses, pooled over the rows of a column and over the columns of a
  /// row, the larger of both: few rows take more probes.
  ///
  /// - Parameter positions: (B, N, C), added to tokens before every block.
  /// - Complexity: (3 + P) times the model's operations, in Double on all threads of the engine.
  package func run(
    _ input: Tensor, positions: Tensor? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> (features: Output, logits: Output, logitsAlone: Output?) {
    let batch = input.shape[0]
    let isTokens = input.shape.count == 3
    let tokens = isTokens ? input.shape[1] : c.tokenCount
    let rows = batch * tokens
    let pass = ReferencePass(weights, copies: 1 + (rows < 64 ? 8 : 2), engine: engine, signs: signs)
    let x = try DoubleBuffer.zeros(pass.copies * rows * c.width)
    if isTokens {
      let values = try input.float32()
      for index in 0..<pass.copies * values.count { x.base[index] = Double(values[index % values.count]) }
    } else {
      try layers.tokenizer.reference(pass, input, into: x)
    }
    let addend = try positions?.float32().map(Double.init)
    var mean: DoubleBuffer?
    for (index, block) in layers.blocks.enumerated() {
      if let addend { try add(pass, addend, to: x) }
      let isMeanOnly = index == c.depth - 1 && c.readsMeanOnly
      mean = try block.reference(
        pass, x, batch: batch, tokens: tokens, pooled: isMeanOnly ? c.pooledTokens(of: tokens) : nil)
      progress(index)
    }
    let normsTokens = !c.normalizesAfterPooling
    let features = normsTokens ? try layers.finalNorm?.reference(pass, x, rows: rows) ?? x : x
    let pooled = try layers.pooling.reference(pass, features, batch: batch, tokens: tokens)
    let logits = try answer(pass, pooled, rows: batch)
    return (
      output(pass, features, rows: rows, width: c.width), logits, try mean.map { try answer(pass, $0, rows: batch) }
    )
  }

  /// x += rows, rounded once.
  private func add(_ pass: ReferencePass, _ rows: [Double], to x: DoubleBuffer) throws {
    for index in 0..<x.count { x.base[index] += rows[index % rows.count] }
    let deviation = try DoubleBuffer.zeros(rows.count)
    for index in rows.indices { deviation.base[index] = unitRoundoff * x.base[index] }
    pass.probe(x, deviation, count: rows.count)
  }

  /// What comes after pooling, of (copies rows, C or 2C): final norm, pooler, head's norm, head.
  private func answer(_ pass: ReferencePass, _ pooled: DoubleBuffer, rows: Int) throws -> Output {
    var pooled = pooled
    if c.normalizesAfterPooling, let norm = layers.finalNorm { pooled = try norm.reference(pass, pooled, rows: rows) }
    if let pooler = layers.pooler { pooled = try pooler.reference(pass, pooled, rows: rows) }
    if let norm = layers.headNorm { pooled = try norm.reference(pass, pooled, rows: rows) }
    guard let logits = try layers.head?.reference(pass, pooled, rows: rows) else {
      return output(pass, pooled, rows: rows, width: c.pooledWidth)
    }
    return output(pass, logits, rows: rows, width: c.classCount)
  }

  private func output(_ pass: ReferencePass, _ values: DoubleBuffer, rows: Int, width: Int) -> Output {
    Output(
      values: (0..<rows * width).map { values.base[$0] },
      deviations: DoubleSteps.responses(values, copies: pass.copies, rows: rows, width: width), columns: width)
  }
}
