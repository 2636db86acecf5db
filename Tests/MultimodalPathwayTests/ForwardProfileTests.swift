import MultimodalPathway
import Testing

/// The operations of a forward pass: their numbers, times, work and bytes.
@Suite struct ForwardProfileTests {
  private static func configuration(pooling: VisionTransformerConfiguration.Pooling) -> VisionTransformerConfiguration {
    var c = VisionTransformerConfiguration(
      architecture: "test", imageSize: Extent(height: 32, width: 32), patchSize: Extent(height: 8, width: 8), width: 64,
      depth: 3, heads: 2)
    c.pooling = pooling
    c.classCount = 5
    return c
  }

  private static func images(_ batch: Int) -> Tensor {
    Tensor(shape: [batch, 3, 32, 32]) { pixels in
      for index in pixels.indices { pixels[index] = Float(index % 101) / 50 - 1 }
    }
  }

  @Test(arguments: [1, 3], InstructionSet.available)
  func measuringChangesNoBitAndCountsEveryOperation(_ threads: Int, _ set: InstructionSet) throws {
    let c = Self.configuration(pooling: .token)
    let model = try VisionTransformer(
      .random(c, seed: 1), engine: Engine(threads: threads, instructionSet: set))
    let images = Self.images(2)
    let plain = try model.forward(images, workspace: model.workspace(batch: 2)).logits.float32()
    let workspace = try model.workspace(batch: 2, profiled: true)
    let profile = try #require(workspace.profile)
    let start = ContinuousClock.now
    for _ in 0..<2 { #expect(try model.forward(images, workspace: workspace).logits.float32() == plain) }
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    // Two passes of three blocks. The last one computes q of the first token only, apart from k and v, if the 64
    // columns of q fill whole panels.
    let separatesQueries = 64 % model.engine.kernels.panelColumns == 0
    for operation in ForwardOperation.allCases {
      let calls =
        switch operation {
        case .qkv: separatesQueries ? 8 : 6
        case .norm1, .attention, .projection, .norm2, .fc1, .fc2: 6
        case .patchEmbedding, .norm, .pooling, .head: 2
        }
      #expect(profile[operation]?.calls == calls, "\(operation)")
    }
    let entries = ForwardOperation.allCases.compactMap { profile[$0] }
    #expect(entries.reduce(0) { $0 + $1.seconds } <= elapsed)
    #expect(entries.allSatisfy { (0...1).contains($0.waiting) })
    if threads == 1 { #expect(entries.allSatisfy { $0.waiting == 0 }) }
    profile.reset()
    #expect(ForwardOperation.allCases.allSatisfy { profile[$0] == nil })
  }

  @Test(arguments: [Modality.image, .video])
  func operationsAddUpToTheConfigurations(_ modality: Modality) throws {
    var c = Self.configuration(pooling: .mean)
    if modality == .video {
      c.input = .video(.init(frames: 6, tubelet: 2))
      c.hasClassToken = false
    }
    let model = try VisionTransformer(.random(c, seed: 1), engine: Engine(threads: 1))
    let products = model.work(batch: 4).filter { ![.norm1, .norm2, .norm, .pooling].contains($0.key) }
    #expect(products.values.reduce(0) { $0 + $1.operations } == 4 * c.operationCount)
    // A pass reads the weights once, whatever the batch.
    #expect(products.values.reduce(0) { $0 + $1.weightBytes } == Double(model.weightBytes))
  }

  /// A model of points adds positions before every block, counted as patch embedding. A per-point head reads the norms
  /// of three blocks in addition to the final one.
  @Test(arguments: [("classifier", 2, 1), ("segmenter", 3, 4)])
  func operationsOfPointsAddUpToo(_ name: String, _ depth: Int, _ norms: Int) throws {
    let (golden, weights) = try PointGoldenTests.golden(name)
    let model = try VisionTransformer(weights, engine: Engine(threads: 2))
    let products = model.work(batch: 2).filter { ![.norm1, .norm2, .norm, .pooling].contains($0.key) }
    let operations = products.values.reduce(0) { $0 + $1.operations }
    #expect(abs(operations - 2 * weights.configuration.operationCount) < 1)
    #expect(products.values.reduce(0) { $0 + $1.weightBytes } == Double(model.weightBytes))
    let workspace = try model.workspace(batch: 2, profiled: true)
    _ = try model.forward(golden["points"]!, workspace: workspace)
    for operation in ForwardOperation.allCases {
      let calls =
        switch operation {
        case .patchEmbedding: 1 + depth
        case .norm1, .qkv, .attention, .projection, .norm2, .fc1, .fc2: depth
        case .norm: norms
        case .pooling, .head: 1
        }
      #expect(workspace.profile?[operation]?.calls == calls, "\(operation)")
    }
  }

  @Test func theLastBlockDoesOneTokensWork() throws {
    let engine = try Engine(threads: 1)
    let token = try VisionTransformer(.random(Self.configuration(pooling: .token), seed: 1), engine: engine)
    let n = Double(token.configuration.tokenCount)
    let fc1 = try #require(token.work(batch: 1)[.fc1])
    #expect(fc1.operations == (2 * n + 1) * 2 * 64 * 256)
    let attention = try #require(token.work(batch: 1)[.attention])
    #expect(attention.operations == (2 * n + 1) * n * 4 * 64)
  }

  /// Activations are counted in the format in which they are moved; the residual stream is always float32.
  @Test(arguments: Precision.allCases)
  func bytesFollowThePrecision(_ precision: Precision) throws {
    let engine = try Engine(threads: 1)
    let model = try VisionTransformer(
      .random(Self.configuration(pooling: .mean), seed: 1), precision: PrecisionPlan(precision), engine: engine)
    let c = model.configuration
    let rows = 2 * Double(c.tokenCount)
    let work = model.work(batch: 2)
    func bytes(_ operation: ForwardOperation) throws -> Double {
      let work = try #require(work[operation])
      return (work.bytes - work.weightBytes) / Double(c.depth) / rows
    }
    // A value of int8 takes two bytes where the instructions multiply pairs; every row has a scale.
    let int8 = Double(4 / engine.kernels.products(.int8).perWord)
    let (value, scale) = precision == .float32 ? (4.0, 0.0) : precision == .bfloat16 ? (2, 0) : (int8, 4)
    let (width, hidden, attention) = (64.0, 256.0, precision == .float32 ? 4.0 : 2)
    let (narrow, wide) = (width * value + scale, hidden * value + scale)
    #expect(try bytes(.norm1) == 4 * width + narrow)
    #expect(try bytes(.qkv) == narrow + 3 * width * attention)
    #expect(try bytes(.attention) == 3 * width * attention + narrow)
    #expect(try bytes(.projection) == narrow + 8 * width)
    #expect(try bytes(.norm2) == 4 * width + narrow)
    #expect(try bytes(.fc1) == narrow + wide)
    #expect(try bytes(.fc2) == wide + 8 * width)
  }
}
