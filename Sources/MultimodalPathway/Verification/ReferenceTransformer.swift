import Foundation
import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// A whole model in Double, and how far a correct float32 model may be from it.
///
/// The pass runs on 1 + P copies of the input at once. Copy 0 is exact. In the others every intermediate result is
/// moved by its deviation (RoundingModel.swift) with a random sign: what then reaches the output is one draw of the
/// whole model's rounding error, amplified by the model's own derivatives (Monte Carlo arithmetic, Parker 1997; here
/// with Rademacher signs, so that the mean square of the response is the sum of squares that Hoeffding's inequality
/// asks for).
package final class ReferenceTransformer {
  /// A result of copy 0 with the deviation of every element.
  package struct Output {
    package let values: [Double]
    package let deviations: [Double]
    package let columns: Int
  }

  private let weights: PathwayWeights
  private let engine: Engine
  private let signs: ProbeSigns
  private let c: VisionTransformerConfiguration
  private var step = 0
  private var copies = 1

  package init(_ weights: PathwayWeights, engine: Engine, seed: UInt64 = 1) {
    self.weights = weights
    self.engine = engine
    self.signs = ProbeSigns(seed: seed)
    c = weights.target.configuration
  }

  /// Final features, (B, N, C), and logits, (B, classes), of images (B, channels, H, W), clips (B, channels, T, H, W)
  /// or tokens (B, N, C). A per-point head is left out: pooled features stand for its logits. `logitsAlone` are of a
  /// pass that takes a mean of tokens before the last fc2, where a model does: the same values with other roundings.
  ///
  /// - Parameter positions: (B, N, C), added to tokens before every block.
  /// Deviations are estimated from the probes' responses, pooled over the rows of a column and over the columns of a
  /// row, the larger of both: few rows take more probes.
  /// - Complexity: (3 + P) times the model's operations, in Double on all threads of the engine.
  package func run(
    _ input: Tensor, positions: Tensor? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> (features: Output, logits: Output, logitsAlone: Output?) {
    let batch = input.shape[0]
    let tokens = input.shape.count > 3 ? c.tokenCount : input.shape[1]
    let rows = batch * tokens
    copies = 1 + (rows < 64 ? 8 : 2)
    let x = try DoubleBuffer.zeros(copies * rows * c.width)
    if input.shape.count > 3 {
      try embed(input, x, batch)
    } else {
      let values = try input.float32()
      for index in 0..<copies * values.count { x.base[index] = Double(values[index % values.count]) }
    }
    let addend = try positions?.float32().map(Double.init)
    var mean: DoubleBuffer?
    for block in 0..<c.depth {
      if let addend { try add(addend, to: x) }
      mean = try run(block, x, batch: batch, tokens: tokens)
      progress(block)
    }
    let (features, logits) = try readOut(x, batch: batch, tokens: tokens)
    return (features, logits, try mean.map { try answer($0, rows: batch) })
  }

  // MARK: - Steps

  /// Moves every probe's copy of `values`, (copies, count), by `deviation`, (count).
  private func probe(_ values: DoubleBuffer, _ deviation: UnsafePointer<Double>, count: Int) {
    step += 1
    signs.move(values.base, by: deviation, copies: copies, count: count, step: step)
  }

  private func linear(_ layer: DoubleProduct, _ x: DoubleBuffer, rows: Int) throws -> (y: DoubleBuffer, deviation: DoubleBuffer) {
    let y = try DoubleBuffer.zeros(copies * rows * layer.n)
    let deviation = try DoubleBuffer.zeros(rows * layer.n)
    try layer.run(engine, x: x.base, rows: rows, y: y.base, deviation: deviation.base)
    try layer.run(
      engine, x: x.base + rows * layer.k, rows: (copies - 1) * rows, y: y.base + rows * layer.n)
    return (y, deviation)
  }

  private func norm(_ x: DoubleBuffer, _ name: String, rows: Int) throws -> DoubleBuffer {
    let epsilon = ["norm", "fc_norm"].contains(name) ? c.finalEpsilon ?? c.epsilon : c.epsilon
    step += 1
    let norm = try DoubleNorm(
      gain: weights.target.tensor(name + ".weight").float32(), shift: weights.target.tensor(name + ".bias").float32(),
      epsilon: epsilon, signs: signs, step: step)
    let y = try DoubleBuffer.zeros(copies * rows * norm.width)
    let items = copies * rows
    try engine.run { member in
      member.parallelFor(items) { norm.row($0, rows: rows, x.base, y.base) }
    }
    return y
  }

  private func layer(_ block: Int, _ layer: PathwayLayer) throws -> DoubleProduct {
    try DoubleProduct(
      weights.target.tensor(layer.name(inBlock: block) + ".weight"), terms: weights.terms(block, layer),
      bias: weights.bias(block, layer))
  }

  /// x through a block, in place.
  ///
  /// - Returns: (copies batch, C): of a last block of which only a mean is read, that mean, taken before fc2.
  private func run(_ block: Int, _ x: DoubleBuffer, batch: Int, tokens: Int) throws -> DoubleBuffer? {
    let rows = batch * tokens
    let prefix = "blocks.\(block)."
    var (qkv, deviation) = try linear(layer(block, .qkv), norm(x, prefix + "norm1", rows: rows), rows: rows)
    probe(qkv, deviation.base, count: rows * 3 * c.width)
    let attended = try DoubleBuffer.zeros(copies * rows * c.width)
    step += 1
    let attention = DoubleAttention(
      copies: copies, batch: batch, tokens: tokens, heads: c.heads, headSize: c.headSize, signs: signs, step: step)
    try engine.run { member in
      member.parallelFor(attention.items) { attention.head($0, qkv.base, attended.base) }
    }
    qkv = DoubleBuffer(count: 0)
    var y: DoubleBuffer
    (y, deviation) = try linear(layer(block, .projection), attended, rows: rows)
    try addResidual(y, deviation, to: x, gamma: prefix + "ls1.gamma", rows: rows)
    (y, deviation) = try linear(layer(block, .fc1), norm(x, prefix + "norm2", rows: rows), rows: rows)
    DoubleSteps.applyGELU(y, deviation, copies: copies, count: rows * c.hiddenWidth)
    probe(y, deviation.base, count: rows * c.hiddenWidth)
    let fc2 = try layer(block, .fc2)
    var mean: DoubleBuffer?
    if block == c.depth - 1, c.readsMeanOnly {
      func rounded(_ values: DoubleBuffer, width: Int) -> DoubleBuffer {
        let (means, deviation) = means(of: values, width: width, batch: batch, tokens: tokens)
        probe(means, deviation.base, count: deviation.count)
        return means
      }
      let stream = rounded(x, width: c.width)
      let (y, deviation) = try linear(fc2, rounded(y, width: c.hiddenWidth), rows: batch)
      try addResidual(y, deviation, to: stream, gamma: prefix + "ls2.gamma", rows: batch)
      mean = stream
    }
    (y, deviation) = try linear(fc2, y, rows: rows)
    try addResidual(y, deviation, to: x, gamma: prefix + "ls2.gamma", rows: rows)
    return mean
  }

  /// x += gamma y, with the deviation of y and two roundings.
  private func addResidual(
    _ y: DoubleBuffer, _ deviation: DoubleBuffer, to x: DoubleBuffer, gamma name: String, rows: Int
  ) throws {
    let gamma = c.hasLayerScale ? try weights.target.tensor(name).float32().map(Double.init) : nil
    DoubleSteps.addResidual(y, deviation, to: x, gamma: gamma, copies: copies, rows: rows, width: c.width)
    probe(x, deviation.base, count: rows * c.width)
  }

  /// x += rows, rounded once.
  private func add(_ rows: [Double], to x: DoubleBuffer) throws {
    for index in 0..<x.count { x.base[index] += rows[index % rows.count] }
    let deviation = try DoubleBuffer.zeros(rows.count)
    for index in rows.indices { deviation.base[index] = unitRoundoff * x.base[index] }
    probe(x, deviation.base, count: rows.count)
  }

  // MARK: - Ends

  private func embed(_ images: Tensor, _ x: DoubleBuffer, _ batch: Int) throws {
    let target = weights.target
    let pixels = try images.float32()
    let (grid, patch) = (c.grid, c.patchSize)
    let (patches, area) = (c.patchCount, grid.height * grid.width)
    let (imageRows, imageColumns) = (c.imageSize.height, c.imageSize.width)
    let input = try DoubleBuffer.zeros(copies * batch * patches * c.patchValues)
    for item in 0..<copies * batch * patches {
      let (image, place) = (item / patches % batch, item % patches)
      var destination = input.base + item * c.patchValues
      for part in 0..<c.channels * c.tubelet {
        let time = place / area * c.tubelet + part % c.tubelet
        let frame = (image * c.channels + part / c.tubelet) * c.frames + time
        for row in 0..<patch.height {
          let line = frame * imageRows + place % area / grid.width * c.step.height + row
          for column in 0..<patch.width {
            destination.pointee = Double(pixels[line * imageColumns + place % grid.width * c.step.width + column])
            destination += 1
          }
        }
      }
    }
    let bias = c.hasPreNorm ? nil : try target.tensor("patch_embed.proj.bias").float32()
    let projection = try DoubleProduct(target.tensor("patch_embed.proj.weight"), terms: [], bias: bias)
    let (y, deviation) = try linear(projection, input, rows: batch * patches)
    let positions = try target.tensor("pos_embed").float32().map(Double.init)
    var prefix: [Double] = []
    if c.hasClassToken { prefix += try target.tensor("cls_token").float32().map(Double.init) }
    if c.registerTokens > 0 { prefix += try target.tensor(c.registerName).float32().map(Double.init) }
    let (width, tokens) = (c.width, c.tokenCount)
    let uncovered = tokens * width - positions.count
    let moved = try DoubleBuffer.zeros(batch * tokens * width)
    for index in 0..<copies * batch * tokens * width {
      let (place, column) = (index % (tokens * width), index % width)
      var value = place >= uncovered ? positions[place - uncovered] : 0
      let token = place / width
      var own = 0.0
      if token < c.prefixTokens {
        value += prefix[place]
      } else {
        let row = index / (tokens * width) * patches + token - c.prefixTokens
        value += y.base[row * width + column]
        own = deviation.base[row % (batch * patches) * width + column]
      }
      x.base[index] = value
      let rounding = unitRoundoff * value
      moved.base[index % moved.count] = (own * own + rounding * rounding).squareRoot()
    }
    probe(x, moved.base, count: moved.count)
    if c.hasPreNorm {
      let normed = try norm(x, "norm_pre", rows: batch * tokens)
      x.base.update(from: normed.base, count: x.count)
    }
  }

  private func readOut(_ x: DoubleBuffer, batch: Int, tokens: Int) throws -> (features: Output, logits: Output) {
    let width = c.width
    let normsTokens = c.hasFinalNorm && !c.normalizesAfterPooling
    let features = normsTokens ? try norm(x, "norm", rows: batch * tokens) : x
    let pooledWidth = c.tokenWidth
    let pooled = try DoubleBuffer.zeros(copies * batch * pooledWidth)
    let deviation = try DoubleBuffer.zeros(batch * pooledWidth)
    let (means, meanDeviation) = means(of: features, width: width, batch: batch, tokens: tokens)
    for item in 0..<copies * batch {
      for column in 0..<width {
        func value(_ token: Int) -> Double { features.base[(item * tokens + token) * width + column] }
        let mean = means.base[item * width + column]
        let top = c.pooledTokens(of: tokens).reduce(-Double.infinity) { max($0, value($1)) }
        let result =
          switch c.reduction {
          case .token, .tokenAndMaximum, .tokenAndMean: value(0)
          case .mean, .prefixMean, .none: mean
          case .maximum: top
          case .averageMaximum: 0.5 * (mean + top)
          }
        pooled.base[item * pooledWidth + column] = result
        let place = item * pooledWidth + width + column
        if c.reduction == .tokenAndMean { pooled.base[place] = mean }
        if c.reduction == .tokenAndMean, item < batch { deviation.base[place] = meanDeviation.base[item * width + column] }
        if c.reduction == .tokenAndMaximum { pooled.base[place] = top }
        if [.mean, .averageMaximum, .prefixMean].contains(c.reduction), item < batch {
          // Half of mean and maximum is one more rounding.
          let own = c.reduction == .averageMaximum ? unitRoundoff * abs(result) : 0
          deviation.base[item * pooledWidth + column] = meanDeviation.base[item * width + column] + own
        }
      }
    }
    probe(pooled, deviation.base, count: batch * pooledWidth)
    let answers = output(features, rows: batch * tokens, width: width)
    guard c.headInputWidth != c.pooledWidth else { return (answers, try answer(pooled, rows: batch)) }
    let both = try DoubleBuffer.zeros(copies * batch * 2 * width)
    for item in 0..<copies * batch {
      (both.base + item * 2 * width).update(from: features.base + item * tokens * width, count: 2 * width)
    }
    return (answers, try answer(both, rows: batch))
  }

  /// Means of the pooled tokens of `values`, (copies batch, tokens, width), and their deviation, (batch, width).
  private func means(
    of values: DoubleBuffer, width: Int, batch: Int, tokens: Int
  ) -> (means: DoubleBuffer, deviation: DoubleBuffer) {
    DoubleSteps.means(
      of: values, range: c.pooledTokens(of: tokens), copies: copies, batch: batch, tokens: tokens, width: width)
  }

  /// What comes behind pooling, of (copies rows, C or 2C): final norm, head's norm, head.
  private func answer(_ pooled: DoubleBuffer, rows: Int) throws -> Output {
    var pooled = pooled
    if c.hasFinalNorm, c.normalizesAfterPooling { pooled = try norm(pooled, "fc_norm", rows: rows) }
    if c.poolerWidth != nil { pooled = try pooler(pooled, rows: rows) }
    if c.hasHeadNorm { pooled = try norm(pooled, "head_norm", rows: rows) }
    guard c.classCount > 0, c.task != .perPoint else { return output(pooled, rows: rows, width: c.pooledWidth) }
    return output(try head(pooled, rows: rows), rows: rows, width: c.classCount)
  }

  /// tanh(W x + b), whose value is rounded.
  private func pooler(_ tokens: DoubleBuffer, rows: Int) throws -> DoubleBuffer {
    let bias = try weights.target.tensor("pooler.dense.bias").float32()
    let dense = try DoubleProduct(weights.target.tensor("pooler.dense.weight"), terms: [], bias: bias)
    let (y, error) = try linear(dense, tokens, rows: rows)
    probe(y, error.base, count: rows * dense.n)
    for index in 0..<y.count { y.base[index] = tanh(y.base[index]) }
    (0..<error.count).forEach { error.base[$0] = unitRoundoff * abs(y.base[$0]) }
    probe(y, error.base, count: error.count)
    return y
  }

  private func head(_ pooled: DoubleBuffer, rows: Int) throws -> DoubleBuffer {
    guard let points = c.points else {
      let stored = try weights.target.linearHead()
      let head = try DoubleProduct(stored.weight, terms: [], bias: stored.bias)
      let (logits, error) = try linear(head, pooled, rows: rows)
      probe(logits, error.base, count: rows * c.classCount)
      return logits
    }
    let names = ClassHead.names(points)
    return try names.indices.reduce(pooled) { input, index in
      let folded = try FoldedWeights(weights.target, names[index].layer, norm: names[index].norm)
      let layer = try DoubleProduct(folded.tensor, terms: [], bias: folded.bias.map { Float($0) })
      let (y, error) = try linear(layer, input, rows: rows)
      probe(y, error.base, count: rows * layer.n)
      if names[index].norm != nil { for index in 0..<y.count { y.base[index] = max(0, y.base[index]) } }
      return y
    }
  }

  private func output(_ values: DoubleBuffer, rows: Int, width: Int) -> Output {
    Output(
      values: (0..<rows * width).map { values.base[$0] },
      deviations: DoubleSteps.responses(values, copies: copies, rows: rows, width: width), columns: width)
  }
}
