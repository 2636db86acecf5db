import Foundation
import MultimodalPathway
import PathwayCheckpoints
import TestSupport
import Testing

/// Video transformers against VideoMAE's model in double, in every layout (Tests/Fixtures/model/make_videos.py).
@Suite struct VideoModelTests {
  static func golden(_ name: String) throws -> (Checkpoint, ModelWeights) {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/video_\(name).safetensors"))
    let weights = try ModelWeights(
      checkpoint: GoldenTests.part(golden, "weights."), configuration: GoldenTests.configuration(golden))
    return (golden, weights)
  }

  @Test(
    arguments: ["mae", "scaled", "frames", "m2pt", "hugging_face_classifier", "hugging_face_backbone"],
    InstructionSet.available)
  func matchesPyTorch(_ name: String, _ set: InstructionSet) throws {
    let (golden, weights) = try Self.golden(name)
    let engine = try Engine(threads: 2, instructionSet: set)
    let clips = golden.tensors["input"]!
    let output = try VisionTransformer(weights, engine: engine).forward(clips, features: true)
    try GoldenTests.expectClose(output.features!, golden.tensors["float64.features"]!, "\(name) features")
    if let pooled = golden.tensors["float64.pooled"] {
      try GoldenTests.expectClose(output.pooled, pooled, "\(name) pooled")
    }
    if let logits = golden.tensors["float64.logits"] {
      try GoldenTests.expectClose(output.logits, logits, "\(name) logits")
    }
    // Under timm's names and in timm's configuration it is the same model, bit for bit.
    let again = try ModelWeights(
      checkpoint: Checkpoint(tensors: weights.tensors),
      configuration: .read(json: weights.configuration.timmJSON(), file: "timm"))
    #expect(again.configuration == weights.configuration)
    let alone = try VisionTransformer(weights, engine: engine)(clips)
    #expect(try VisionTransformer(again, engine: engine)(clips).float32() == alone.float32())
    if let logits = golden.tensors["float64.logits"] {
      try GoldenTests.expectClose(alone, logits, "\(name) logits alone")
    }
    // The reference in Double has the same clips.
    let reference = try ReferenceTransformer(PathwayWeights(weights), engine: engine).run(clips)
    let exact = reference.logits.values.map(Float.init)
    try GoldenTests.expectClose(Tensor(exact, shape: output.logits.shape), output.logits, "\(name) reference")
  }

  @Test(arguments: ["module.", "encoder.", "module.encoder."])
  func aLoneFileTellsThatItIsAVideo(_ prefix: String) throws {
    let (golden, weights) = try Self.golden("mae")
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    // A small file with a large name: the tensors decide, and the differences give notes.
    let tensors = GoldenTests.part(golden, "weights.").tensors
    try Checkpoint(tensors: Dictionary(uniqueKeysWithValues: tensors.map { (prefix + $0.key, $0.value) })).write(
      to: file)
    let c = try ModelWeights.configuration(
      at: file, of: Checkpoint(contentsOf: file), architecture: "vit_small_patch16_224")
    #expect(c.modality == .video && c.tubelet == 2 && c.frames == 16 && !c.hasClassToken && c.classCount == 5)
    #expect(c.pooling == .mean && c.normalizesAfterPooling && c.tokenCount == 1568)
    let found = try ModelWeights(checkpoint: Checkpoint(contentsOf: file), configuration: weights.configuration)
    #expect(Set(found.tensors.keys) == Set(weights.tensors.keys))
  }

  /// A sine or cosine of an exactly rounded angle is within one unit of the last place in Double in either library.
  /// Rounded to float32 they are equal, or differ by one unit if a rounding boundary is between them.
  @Test func fixedPositionsAreVideoMAEs() throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/video_positions.safetensors"))
    let expected = try golden.tensors["positions"]!.float32()
    let table = ModelWeights.sinusoids(1568, 768)
    let found = stride(from: 0, to: 1568, by: 97).flatMap { table[$0 * 768..<($0 + 1) * 768] }
    #expect(found.count == expected.count)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= max(abs($0), abs($1)).ulp })
  }

  /// One frame of the model of per-frame patches, as a clip and as an image.
  private func frame(_ index: Int, of weights: ModelWeights) throws -> (clip: ModelWeights, image: ModelWeights) {
    var c = weights.configuration
    c.input = .video(.init(frames: 1, tubelet: 1))
    var tensors = weights.tensors
    let slice = c.patchCount * c.width
    let positions = try tensors["pos_embed"]!.float32()
    tensors["pos_embed"] = Tensor(
      Array(positions[index * slice..<(index + 1) * slice]), shape: [1, c.patchCount, c.width])
    let clip = try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c)
    c.input = .image
    let kernel = tensors["patch_embed.proj.weight"]!
    tensors["patch_embed.proj.weight"] = kernel.reshaped(Array(kernel.shape[..<2] + kernel.shape[3...]))
    return (clip, try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: c))
  }

  @Test func aClipOfOneFrameIsAnImage() throws {
    let (clip, image) = try frame(0, of: Self.golden("frames").1)
    let engine = try Engine(threads: 2)
    var random = SeededGenerator(seed: 3)
    let pixels = random.floats(2 * 3 * 16 * 24)
    let bits = try VisionTransformer(clip, engine: engine)(Tensor(pixels, shape: [2, 3, 1, 16, 24])).float32()
    #expect(try VisionTransformer(image, engine: engine)(Tensor(pixels, shape: [2, 3, 16, 24])).float32() == bits)
  }

  /// Attention in the released code reads `qkv.weight` past its wrapper, so that the pathway has no effect there.
  @Test func thePathwayOfQueriesKeysAndValuesActs() throws {
    let (golden, target) = try Self.golden("mae")
    let (_, other) = try Self.golden("scaled")
    let auxiliary = try AuxiliaryWeights(checkpoint: Checkpoint(tensors: other.tensors))
    let engine = try Engine(threads: 2)
    let clips = golden.tensors["input"]!
    #expect(target.configuration.qkvBias == .queryAndValue)
    func logits(_ scale: Float, _ execution: PathwayExecution) throws -> [Float] {
      let joined = try target.attach(auxiliary: auxiliary, layers: [.qkv], scale: scale)
      return try VisionTransformer(joined, execution: execution, engine: engine)(clips).float32()
    }
    let plain = try VisionTransformer(target, engine: engine)(clips).float32()
    for execution in PathwayExecution.allCases {
      #expect(try logits(0, execution) == plain)
      let (small, large) = (try logits(0.1, execution), try logits(0.5, execution))
      func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max()! }
      #expect(distance(small, plain) > 1e-2 && distance(large, small) > 1e-2)
    }
    let joined = try target.attach(auxiliary: auxiliary, scale: 0.25)
    #expect(try Verification(joined, input: clips, engine: engine).holds)
  }

  @Test func otherSizesResampleEverySlice() throws {
    let (_, weights) = try Self.golden("frames")
    let size = Extent(height: 24, width: 40)
    let resized = try weights.resized(to: size).tensors["pos_embed"]!
    #expect(resized.shape == [1, 3 * 15, weights.configuration.width])
    let slices = try (0..<3).map { try frame($0, of: weights).image.resized(to: size).tensors["pos_embed"]!.float32() }
    #expect(try resized.float32() == slices.flatMap { $0 })
  }

  @Test(arguments: [
    ("frames", "0"), ("frames", "5000"), ("frames", "true"), ("tubelet", "0"), ("tubelet", "17"), ("tubelet", "\"2\""),
  ])
  func impossibleClipsAreRefused(_ key: String, _ value: String) throws {
    let text = """
      {"architecture": "vit_tiny_patch16_224", "global_pool": "avg", "model_args": {"class_token": false},
       "m2pt": {"modality": "video", "video": {"\(key)": \(value)}}}
      """
    do {
      _ = try VisionTransformerConfiguration.read(json: Data(text.utf8), file: "clip.json")
      Issue.record("accepted")
    } catch ConfigurationError.badValue(let file, let name, _, _) {
      #expect(file == "clip.json" && name.hasSuffix(key))
    }
  }
}
