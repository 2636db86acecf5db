import Foundation
import MultimodalPathway
import PathwayData
import PathwayMedia
import Synchronization
import TestSupport
import Testing

/// A model that many tasks ask at the same time.
@Suite struct PipelineTests {
  /// A pipeline of random weights with its front end and a classifier of the same model.
  private func pipeline(
    _ c: VisionTransformerConfiguration, batch: Int = 8, settings: FrontEndSettings = FrontEndSettings()
  ) throws -> (Pipeline, Classifier) {
    let engine = try Engine(threads: 2)
    let transformer = try AdjustableTransformer(PathwayWeights(.random(c, seed: 1)), engine: engine)
    let frontEnd = try c.frontEnd(settings: settings, engine: engine)
    return (Pipeline(transformer, frontEnd, batch: batch), try Classifier(transformer.model, frontEnd))
  }

  private func pictures(_ count: Int, in folder: URL) throws -> [URL] {
    let files = (0..<count).map { folder.appendingPathComponent("\($0).png") }
    for (seed, file) in files.enumerated() { try Inputs.writePicture(UInt64(seed), to: file) }
    return files
  }

  @Test(arguments: [1, 3, 8]) func manyCallersGetTheBitsOfAPassOfTheirOwn(_ batch: Int) async throws {
    try await Inputs.withFolder { folder in
      let (pipeline, classifier) = try pipeline(Inputs.pictureModel(), batch: batch)
      let files = try pictures(7, in: folder)
      let broken = folder.appendingPathComponent("broken.png")
      try Data("PNG".utf8).write(to: broken)
      let expected = try files.map { try classifier($0).best(3) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<64 {
          group.addTask {
            if caller % 8 == 7 {
              await #expect(throws: MediaError.self) { try await pipeline.classify(broken) }
            } else {
              let found = try await pipeline.classify(files[caller % 8]).best(3)
              #expect(found == expected[caller % 8])
            }
          }
        }
        try await group.waitForAll()
      }
      let list = try await pipeline.classify(files + [broken])
      #expect(try list.dropLast().map { try $0.get().best(3) } == expected)
      #expect(throws: MediaError.self) { try list.last?.get() }
    }
  }

  @Test func filesInMemoryHaveTheAnswersOfFilesOnDisk() async throws {
    try await Inputs.withFolder { folder in
      let sound = folder.appendingPathComponent("a.wav")
      try Inputs.writeSound(16_000, seed: 3, to: sound)
      let cloud = folder.appendingPathComponent("a.xyz")
      var random = SeededGenerator(seed: 4)
      try (0..<200).map { _ in "\(random.floats(3).map { "\($0)" }.joined(separator: " "))\n" }.joined()
        .write(to: cloud, atomically: true, encoding: .utf8)
      let cases = [
        (try Inputs.pictureModel(), Fixture.url("images/cat.jpg")),
        (try Inputs.videoModel(), Fixture.url("video/h264.mp4")), (try Inputs.soundModel(), sound),
        (try Inputs.pointModel("classifier").configuration, cloud),
      ]
      for (c, file) in cases {
        let (pipeline, classifier) = try pipeline(c)
        let expected = try classifier(file).best(c.classCount)
        let data = try Data(contentsOf: file)
        #expect(try await pipeline.classify(file).best(c.classCount) == expected, "\(c.modality)")
        #expect(try await pipeline.classify(data).best(c.classCount) == expected, "\(c.modality)")
      }
    }
  }

  @Test func errorsOfFilesInMemoryHaveTheirName() async throws {
    let (pipeline, _) = try pipeline(Inputs.pictureModel())
    await #expect(throws: MediaError.empty(file: "upload")) { try await pipeline.classify(Data(), named: "upload") }
    let (videos, _) = try self.pipeline(Inputs.videoModel())
    await #expect(throws: VideoError.self) { try await videos.classify(Data("no video".utf8), named: "upload") }
  }

  @Test func manyViewsAreInSeveralPasses() async throws {
    var settings = FrontEndSettings()
    (settings.segments, settings.crops) = (5, 3)
    let (pipeline, classifier) = try pipeline(Inputs.videoModel(), batch: 4, settings: settings)
    let file = Fixture.url("video/h264.mp4")
    let expected = try classifier(file).best(3)
    let found = try await pipeline.classify([file, file])
    #expect(try found.map { try $0.get().best(3) } == [expected, expected])
    #expect(try found[0].get().viewCount == 15)
  }

  @Test func featuresAndAttentionAreThoseOfAPass() async throws {
    let (pipeline, classifier) = try pipeline(Inputs.pictureModel())
    let file = Fixture.url("images/cat.jpg")
    let values = Tensor(try classifier.frontEnd.views(of: file), shape: [1, 3, 32, 32])
    let output = try classifier.model.forward(values, features: true, attention: 0)
    let features = try await pipeline.features(file)
    #expect(features.tokens.shape == [1, 17, 48] && features.pooled.shape == [1, 48])
    #expect(try features.tokens.float32() == output.features?.float32())
    #expect(try features.pooled.float32() == output.pooled.float32())
    let attention = try await pipeline.attention(file, block: 0)
    #expect(attention.shape == [3, 17, 17])
    #expect(try attention.float32() == output.attention?.float32())
    #expect(try await pipeline.attention(file).float32() != attention.float32())
    await #expect(throws: InferenceError.blockOutOfRange(found: 2, depth: 2)) {
      try await pipeline.attention(file, block: 2)
    }
  }

  @Test func partsAreThoseOfAPass() async throws {
    try await Inputs.withFolder { folder in
      let weights = try Inputs.pointModel("segmenter")
      let transformer = try AdjustableTransformer(PathwayWeights(weights), engine: Engine(threads: 2))
      let model = transformer.model
      let frontEnd = try model.configuration.frontEnd(engine: model.engine)
      let pipeline = Pipeline(transformer, frontEnd)
      let cloud = folder.appendingPathComponent("a.xyz")
      var random = SeededGenerator(seed: 4)
      try (0..<300).map { _ in "\(random.floats(3).map { "\($0)" }.joined(separator: " "))\n" }.joined()
        .write(to: cloud, atomically: true, encoding: .utf8)
      let prepared = try #require(frontEnd as? PointFrontEnd).prepared(cloud)
      let expected = try PartAnswer(model, prepared, category: 0)
      let found = try await pipeline.segment(cloud, category: 0)
      #expect(found.answer.points == expected.points && found.points.count == 300)
      #expect(try found.points == expected.spread(over: prepared, engine: model.engine))
      await #expect(throws: DataError.answersPerPoint) { try await pipeline.classify(cloud) }
      let data = InputSource.data(try Data(contentsOf: cloud), name: "upload")
      let inMemory = try await pipeline.segment(data, category: 0)
      #expect(inMemory.points == found.points && inMemory.answer.points == found.answer.points)
      #expect(try await pipeline.segment(data).points == pipeline.segment(cloud).points)

      let picture = InputSource.data(try Data(contentsOf: Fixture.url("images/cat.jpg")), name: "upload")
      await #expect(throws: PointFileError.unsupportedFormat(file: "upload", found: "a JPEG image")) {
        try await pipeline.segment(picture)
      }
      await #expect(throws: PointFileError.empty(file: "upload")) {
        try await pipeline.segment(.data(Data(), name: "upload"))
      }
      await #expect(throws: InferenceError.self) { try await pipeline.segment(data, category: 4) }
      let (clouds, _) = try self.pipeline(Inputs.pointModel("classifier").configuration)
      await #expect(throws: DataError.answersWhole) { try await clouds.segment(data) }
    }
    let (pictures, _) = try pipeline(Inputs.pictureModel())
    await #expect(throws: DataError.answersWhole) { try await pictures.segment(Fixture.url("images/cat.jpg")) }
  }

  @Test func aPipelineWithoutClassesClassifiesNothing() async throws {
    var c = try Inputs.pictureModel()
    (c.classCount, c.labels) = (0, nil)
    let transformer = try AdjustableTransformer(PathwayWeights(.random(c, seed: 1)), engine: Engine(threads: 1))
    let pipeline = Pipeline(transformer, try c.frontEnd(engine: transformer.model.engine))
    await #expect(throws: DataError.noClasses) { try await pipeline.classify(Fixture.url("images/cat.jpg")) }
    #expect(try await pipeline.features(Fixture.url("images/cat.jpg")).pooled.shape == [1, 48])
  }

  /// Reads nothing until it is told to, and counts how many files it reads at once.
  private final class GatedFrontEnd: FrontEnd {
    let fileExtensions = ["png"]
    let viewCount: Int? = 1
    let shape = [3, 32, 32]
    let gate = Mutex((reading: 0, most: 0))
    let isOpen = Atomic(false)

    func views(of file: URL) throws -> [Float] {
      gate.withLock { state in
        state.reading += 1
        state.most = max(state.most, state.reading)
      }
      while !isOpen.load(ordering: .acquiring) { usleep(1000) }
      gate.withLock { $0.reading -= 1 }
      return [Float](repeating: Float(file.lastPathComponent.utf8.count), count: 3 * 32 * 32)
    }

    func preview(of file: URL) throws -> InputPreview {
      InputPreview(values: Tensor(try views(of: file), shape: [1] + shape), pictures: [])
    }
  }

  private func gated() throws -> (Pipeline, GatedFrontEnd) {
    let transformer = try AdjustableTransformer(
      PathwayWeights(.random(Inputs.pictureModel(), seed: 1)), engine: Engine(threads: 2))
    let frontEnd = GatedFrontEnd()
    return (Pipeline(transformer, frontEnd, batch: 4), frontEnd)
  }

  @Test func aCancelledCallEndsAtOnceAndOthersGoOn() async throws {
    let (pipeline, frontEnd) = try gated()
    let calls = (0..<10).map { caller in
      Task { try await pipeline.classify(URL(fileURLWithPath: "/" + String(repeating: "a", count: caller + 1))) }
    }
    while frontEnd.gate.withLock({ $0.reading }) == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
    for caller in stride(from: 0, to: 10, by: 2) { calls[caller].cancel() }
    for caller in stride(from: 0, to: 10, by: 2) {
      await #expect(throws: CancellationError.self) { try await calls[caller].value }
    }
    // All of this while the files are still being read.
    frontEnd.isOpen.store(true, ordering: .releasing)
    for caller in stride(from: 1, to: 10, by: 2) { #expect(try await calls[caller].value.viewCount == 1) }
    let early = Task { try await pipeline.classify(URL(fileURLWithPath: "/x")) }
    early.cancel()
    // A call that is cancelled before it waits, or done before it is cancelled.
    if case .failure(let error) = await early.result { #expect(error is CancellationError) }
    #expect(try await pipeline.classify(URL(fileURLWithPath: "/x")).viewCount == 1)
  }

  @Test func onlyTheTeamReadsAtOnce() async throws {
    let (pipeline, frontEnd) = try gated()
    let calls = (0..<64).map { caller in Task { try await pipeline.classify(URL(fileURLWithPath: "/\(caller)")) } }
    while frontEnd.gate.withLock({ $0.reading }) < 2 { try await Task.sleep(nanoseconds: 1_000_000) }
    frontEnd.isOpen.store(true, ordering: .releasing)
    for call in calls { #expect(try await call.value.viewCount == 1) }
    #expect(frontEnd.gate.withLock { $0.most } == 2)
  }

  @Test func callersSeeOneOfTwoModelsWhole() async throws {
    try await Inputs.withFolder { folder in
      let file = try pictures(1, in: folder)[0]
      let c = try Inputs.pictureModel()
      let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: ModelWeights.random(c, seed: 2).tensors))
      let engine = try Engine(threads: 2)
      let weights = try ModelWeights.random(c, seed: 1).attach(auxiliary: auxiliary, scale: 0.1)
      let frontEnd = try c.frontEnd(engine: engine)
      let expected = try [Float(0.1), 0.9].map { scale in
        let model = try VisionTransformer(weights.scaled(scale), execution: .merged, engine: engine)
        return try Classifier(model, frontEnd)(file).best(3)
      }
      #expect(expected[0] != expected[1])
      let pipeline = Pipeline(try AdjustableTransformer(weights, engine: engine), frontEnd)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for change in 0..<30 { try pipeline.transformer.update { try $0.scaled(change % 2 == 0 ? 0.9 : 0.1) } }
        }
        for _ in 0..<6 {
          group.addTask {
            for _ in 0..<20 {
              let found = try await pipeline.classify(file).best(3)
              #expect(expected.contains(found))
            }
          }
        }
        try await group.waitForAll()
      }
      // The last change was to 0.1.
      #expect(try await pipeline.classify(file).best(3) == expected[0])
    }
  }

  private func write(_ c: VisionTransformerConfiguration, to folder: URL) throws {
    try c.write(toDirectory: folder)
    try Checkpoint(tensors: ModelWeights.random(c, seed: 1).tensors)
      .write(to: folder.appendingPathComponent("model.safetensors"))
  }

  @Test func aModelOnDiskIsLoadedWithProgress() async throws {
    try await Inputs.withFolder { folder in
      let c = try Inputs.pictureModel()
      try write(c, to: folder)
      let loading = PipelineLoading(modelAt: folder)
      var shares: [Double] = []
      for try await share in loading { shares.append(share) }
      #expect(shares == shares.sorted() && shares.last == 1 && shares.allSatisfy((0...1).contains))
      let pipeline = try await loading.pipeline
      let file = Fixture.url("images/cat.jpg")
      let expected = try Classifier(modelAt: folder, engine: Engine(threads: 1))(file).best(3)
      #expect(try await pipeline.classify(file).best(3) == expected && pipeline.names == ["a", "b", "c"])
      let other = try await Pipeline(modelAt: folder)
      #expect(try await other.classify(file).best(3) == expected)
    }
  }

  @Test func pathwaysAreAttachedWhileLoading() async throws {
    try await Inputs.withFolder { folder in
      let c = try Inputs.pictureModel()
      try write(c, to: folder)
      let tensors = try ModelWeights.random(c, seed: 2).tensors
      let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: tensors))
      var options = Pipeline.Options()
      options.engine = try Engine(threads: 1)
      let pipeline = try await Pipeline(modelAt: folder, options: options) {
        try $0.attach(auxiliary: auxiliary, scale: 0.2)
      }
      #expect(pipeline.transformer.weights.pathways.count == 1 && pipeline.transformer.model.engine.threads == 1)
    }
  }

  @Test func loadingCanBeCancelled() async throws {
    try await Inputs.withFolder { folder in
      try write(Inputs.pictureModel(), to: folder)
      let task = Task {
        // Attaching waits until the task is cancelled, so that cancellation comes before the blocks.
        try await Pipeline(modelAt: folder) { weights in
          usleep(200_000)
          return PathwayWeights(weights)
        }
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func aModelThatIsNotThereIsAnError() async throws {
    await #expect(throws: (any Error).self) {
      try await Pipeline(modelAt: URL(fileURLWithPath: "/nowhere/\(UUID().uuidString)"))
    }
  }
}
