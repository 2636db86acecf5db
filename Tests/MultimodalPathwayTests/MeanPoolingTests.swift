import MultimodalPathway
import PathwayKernels
import TestSupport
import Testing

import class PathwayLoops.DoubleBuffer
import struct PathwayLoops.ProbeSigns

/// A last block that takes the mean before its last layer, compared with one that computes every token.
@Suite struct MeanPoolingTests {
  private typealias Pooling = VisionTransformerConfiguration.Pooling

  /// Without a final norm, so that the residual stream is pooled.
  private static func configuration(
    _ pooling: VisionTransformerConfiguration.Pooling = .mean, classToken: Bool = true, registers: Int = 0,
    hiddenWidth: Int = 301
  ) -> VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "vit_of_ones_own", imageSize: Extent(height: 16, width: 40), patchSize: Extent(square: 8),
      width: 50, depth: 2, heads: 2, hiddenWidth: hiddenWidth)
    c.pooling = pooling
    c.hasFinalNorm = false
    c.hasLayerScale = true
    c.hasClassToken = classToken
    c.registerTokens = registers
    c.classCount = 0
    return c
  }

  private static func images(_ count: Int) -> Tensor {
    var random = SeededGenerator(seed: 6)
    return Tensor(random.floats(count * 3 * 16 * 40), shape: [count, 3, 16, 40])
  }

  /// Both ways against the mean of x + gain (W h + b) in Double, from the same x and h, with W as it is packed.
  ///
  /// The short way rounds mean(h), a sum of n numbers and a quotient; the full way rounds every h, and the sum of its n
  /// results. A mean of n numbers has gamma(n) of their mean size: n - 1 additions and a division.
  @Test(arguments: InstructionSet.available, Precision.allCases)
  func bothWaysAreWithinTheirBounds(_ set: InstructionSet, _ precision: Precision) throws {
    let engine = try Engine(threads: 2, instructionSet: set)
    // Half a step of int8 and a rounding to bfloat16 for each of M numbers: for a large M, the worst case is vacuous.
    let width = precision == .int8 ? 29 : 301
    for c in [
      Self.configuration(classToken: false, hiddenWidth: width), Self.configuration(hiddenWidth: width),
      Self.configuration(registers: 2, hiddenWidth: width),
      Self.configuration(.prefixMean, registers: 2, hiddenWidth: width),
    ] {
      let weights = try ModelWeights.random(c, seed: 5)
      let fc2 = PathwayLayer.fc2.name(inBlock: 1)
      let model = try VisionTransformer(
        weights, precision: PrecisionPlan(precision, overrides: ["blocks.0.mlp.fc1": .float32, fc2: precision]),
        engine: engine)
      let short = try model.forward(Self.images(3)).pooled.float32()
      let full = try model.forward(Self.images(3), features: true).pooled.float32()
      // With fc2 in float32, h is in memory as the means read it.
      let wide = try VisionTransformer(
        weights, precision: PrecisionPlan(precision, overrides: ["blocks.0.mlp.fc1": .float32, fc2: .float32]),
        engine: engine)
      let reference = BlockReference(weights, model)
      let (layer, gain) = (try reference.layer(1, .fc2), try reference.gain(1, "ls2"))
      let prefix = (c.hasClassToken ? 1 : 0) + c.registerTokens
      let range = c.pooling == .prefixMean ? 0..<prefix : prefix..<c.tokenCount
      let share = 1 / Double(range.count)
      func mean(_ rows: [[Bounded]]) -> [Bounded] {
        rows[0].indices.map { column in
          let numbers = rows.map { $0[column] }
          let size = numbers.reduce(0) { $0 + abs($1.value) + $1.error } * share
          let error = numbers.reduce(0) { $0 + $1.error } * share
          return Bounded(numbers.reduce(0) { $0 + $1.value } * share, error: error + gamma(range.count) * size)
        }
      }
      func exact(_ row: StoredRow) -> [Bounded] { row.values.map { Bounded($0, error: 0) } }
      var (shortest, fullest) = (WorstError(), WorstError())
      try LayerStages(wide, input: Self.images(3)).forEachLayer(ofBlock: 1) { stage in
        guard stage.layer == .fc2 else { return }
        for image in 0..<3 {
          let rows = range.map { image * c.tokenCount + $0 }
          let x = rows.map { exact(StoredRow(stage.stream + $0 * stage.streamStride, count: c.width, .float32)) }
          let h = rows.map {
            exact(StoredRow(stage.input, row: $0, count: c.hiddenWidth, .float32, engine.kernels))
          }
          func added(_ x: [Bounded], _ h: [Bounded]) -> [Bounded] {
            let product = layer(h.rounded(to: precision, isHandedOn: true))
            return (0..<c.width).map { residual(x[$0], gain: gain[$0], product[$0]) }
          }
          let ofShort = added(mean(x), mean(h))
          let ofFull = mean(zip(x, h).map { added($0, $1) })
          for column in 0..<c.width {
            let place = image * c.width + column
            shortest.note(short[place], ofShort[column].value, bound: ofShort[column].error, at: [image, column])
            fullest.note(full[place], ofFull[column].value, bound: ofFull[column].error, at: [image, column])
          }
        }
      }
      for worst in [shortest, fullest] {
        #expect(worst.isWithinBound && worst.boundsAreMeaningful, "\(c.pooling), \(range): \(worst)")
      }
    }
  }

  /// A request for the tokens of the last block, or for attention, computes every token; other requests change nothing.
  @Test func requestedOutputsAreComputed() throws {
    let model = try VisionTransformer(.random(Self.configuration(), seed: 5), engine: Engine(threads: 2))
    let (images, short) = (Self.images(2), try model.forward(Self.images(2)).pooled.float32())
    let full = try model.forward(images, features: true)
    let tapped = try model.forward(images, blocks: [1])
    #expect(try tapped.blocks[1]?.float32() == full.features?.float32())
    for output in [tapped, try model.forward(images, attention: 0)] {
      #expect(try output.pooled.float32() == full.pooled.float32())
    }
    #expect(try model.forward(images, blocks: [0]).pooled.float32() == short)
    // Two ways of rounding.
    #expect(try full.pooled.float32() != short)
  }

  /// Only a mean commutes, and only with no norm before it.
  @Test func onlyMeansAreTakenEarly() throws {
    let engine = try Engine(threads: 1)
    func isShort(_ pooling: VisionTransformerConfiguration.Pooling, norm: Bool, after: Bool = false) throws -> Bool {
      var c = Self.configuration(pooling)
      (c.hasFinalNorm, c.normalizesAfterPooling) = (norm, after)
      let model = try VisionTransformer(.random(c, seed: 5), engine: engine)
      let work = model.work(batch: 3)
      let (fc1, fc2) = (try #require(work[.fc1]).operations, try #require(work[.fc2]).operations)
      let n = Double(c.tokenCount)
      #expect(fc2 == fc1 || fc2 == fc1 * (n + 1) / (2 * n))
      let workspace = try model.workspace(batch: 3, profiled: true)
      _ = try model.forward(Self.images(3), workspace: workspace)
      // Means of x and h, then the pooling of every model.
      #expect(workspace.profile?[.pooling]?.calls == (fc2 < fc1 ? 2 : 1))
      return fc2 < fc1
    }
    for pooling in [Pooling.mean, .prefixMean] {
      #expect(try isShort(pooling, norm: false) && isShort(pooling, norm: true, after: true))
      #expect(try !isShort(pooling, norm: true))
    }
    for pooling in [Pooling.averageMaximum, .maximum] {
      #expect(try !isShort(pooling, norm: false) && !isShort(pooling, norm: true, after: true))
    }
  }

  /// Deviation of the average of mean and maximum: that of the mean, and the rounding of their sum. Halving is exact.
  @Test func theAverageOfMeanAndMaximumIsRoundedOnce() throws {
    var c = Self.configuration(.averageMaximum, classToken: false)
    c.width = 2
    let weights = try PathwayWeights(ModelWeights.random(Self.configuration(), seed: 5))
    let pass = try ReferencePass(weights, copies: 2, engine: Engine(threads: 1), signs: ProbeSigns(seed: 1))
    // Three tokens of two channels in both copies: partial sums 3, 4, 9 and -1, -3, -3.
    let tokens: [Double] = [3, -1, 1, -2, 5, 0]
    let features = DoubleBuffer(count: 12)
    for (index, value) in (tokens + tokens).enumerated() { features.base[index] = value }
    let pooled = try TokenPooling(c).reference(pass, features, batch: 1, tokens: 3)
    for (column, sums) in [[3.0, 4, 9], [-1, -3, -3]].enumerated() {
      let (mean, top) = (sums[2] / 3, column == 0 ? 5.0 : 0)
      let expected = 0.5 * (mean + top)
      #expect(pooled.base[column] == expected)
      let squares = sums.reduce(0) { $0 + $1 * $1 } / 9 + mean * mean
      let deviation = unitRoundoff * (squares.squareRoot() + abs(expected))
      // The second copy is moved by the deviation; the difference has the error of one addition in Double.
      #expect(abs(abs(pooled.base[2 + column] - expected) - deviation) <= 0x1p-52 * abs(expected))
    }
  }

  /// A single token is its own mean: there are no sums, and both ways give the same bits.
  @Test(arguments: Precision.allCases)
  func theMeanOfOneTokenIsTheToken(_ precision: Precision) throws {
    let plan = PrecisionPlan(precision, overrides: [PathwayLayer.fc2.name(inBlock: 1): precision])
    let model = try VisionTransformer(
      .random(Self.configuration(), seed: 5), precision: plan, engine: Engine(threads: 2))
    var random = SeededGenerator(seed: 8)
    for count in [1, 2] {
      let tokens = Tensor(random.floats(2 * count * 50), shape: [2, count, 50])
      let short = try model.forward(tokens: tokens).pooled.float32()
      let full = try model.forward(tokens: tokens, features: true).pooled.float32()
      #expect(short == full && short.allSatisfy(\.isFinite))
    }
  }
}
