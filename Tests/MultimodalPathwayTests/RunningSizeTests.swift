import Foundation
import MultimodalPathway
import PathwayMedia
import TestSupport
import Testing

/// Models whose processor and position embeddings have different sizes, against transformers and timm
/// (Tests/Fixtures/model/make_sizes.py).
@Suite struct RunningSizeTests {
  static let cases: [(name: String, size: Extent, tokens: Int)] = [
    ("dinov2", Extent(square: 224), 257), ("dinov2_registers", Extent(height: 40, width: 72), 49),
    ("dinov2_enlarged", Extent(square: 76), 82), ("vit", Extent(height: 48, width: 32), 25),
    ("deit", Extent(square: 64), 66), ("timm_dynamic", Extent(height: 40, width: 72), 46),
    ("timm_dynamic_registers", Extent(height: 40, width: 72), 48), ("timm_stored", Extent(height: 40, width: 72), 46),
  ]

  static func withModel(_ name: String, _ body: (URL, Checkpoint) throws -> Void) throws {
    let golden = try Checkpoint(contentsOf: Fixture.url("model/size_\(name).safetensors"))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for file in ["config.json", "preprocessor_config.json"] {
      if let text = golden.metadata[file] { try Data(text.utf8).write(to: folder.appendingPathComponent(file)) }
    }
    try GoldenTests.part(golden, "weights.").write(to: folder.appendingPathComponent("model.safetensors"))
    try body(folder, golden)
  }

  private func run(_ weights: ModelWeights) throws -> ForwardOutput {
    let picture = try ImageFile.read(Fixture.url("images/cat.jpg"))
    let pixels = try ImagePreprocessor(#require(weights.preprocessing))([picture])
    return try VisionTransformer(weights, engine: Engine(threads: 2)).forward(pixels, features: true)
  }

  private func difference(_ found: Tensor, _ expected: Tensor) throws -> Double {
    #expect(found.shape == expected.shape)
    return zip(try found.float32(), try expected.float32()).map { abs(Double($0) - Double($1)) }.max() ?? .infinity
  }

  @Test(arguments: cases)
  func runsAtTheProcessorsSize(_ name: String, _ size: Extent, _ tokens: Int) throws {
    try Self.withModel(name) { folder, golden in
      let weights = try ModelWeights(modelAt: folder)
      #expect(weights.configuration.imageSize == size && weights.preprocessing?.size == size)
      #expect(weights.configuration.tokenCount == tokens)
      let output = try run(weights)
      let worst = try difference(#require(output.features), #require(golden.tensors["features"]))
      #expect(worst < 1e-5, "\(name): \(worst)")
      if let logits = golden.tensors["logits"] {
        let worst = try difference(output.logits, logits)
        #expect(worst < 1e-5, "\(name): \(worst)")
      }
      #expect(weights.notes.count == 1 && weights.notes[0].contains("\(size)"), "\(weights.notes)")
      // convert keeps it: the written directory has the size, and gives the same bits.
      let conversion = try ModelConversion(modelAt: folder)
      let written = folder.appendingPathComponent("written")
      try FileManager.default.createDirectory(at: written, withIntermediateDirectories: false)
      try conversion.weights.configuration.write(
        toDirectory: written, preprocessing: conversion.weights.preprocessing)
      try conversion.checkpoint().write(to: written.appendingPathComponent("model.safetensors"))
      let again = try ModelWeights(modelAt: written)
      #expect(again.notes.isEmpty && again.configuration.imageSize == size)
      #expect(try run(again).features?.float32() == output.features?.float32())
    }
  }

  @Test func aRequestedSizeIsUsed() throws {
    try Self.withModel("dinov2") { folder, _ in
      var overrides = ModelOverrides()
      overrides.imageSize = Extent(square: 518)
      let weights = try ModelWeights(modelAt: folder, overriding: overrides)
      // The stored positions, not resampled twice.
      let stored = try Checkpoint(contentsOf: folder).tensors["embeddings.position_embeddings"]
      #expect(try weights.tensors["pos_embed"]?.float32() == stored?.float32())
      #expect(weights.preprocessing?.size == Extent(square: 518) && weights.notes.isEmpty)
      #expect(weights.preprocessing?.geometry == .huggingFace(.shortestEdge(592), crops: true))
    }
  }

  private func replace(_ folder: URL, _ file: String, _ old: String, _ new: String) throws {
    let url = folder.appendingPathComponent(file)
    let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
    #expect(text.contains(old))
    try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: url)
  }

  /// Without dynamic_img_size timm's model keeps its size; `input_size` may come from the weights that it was tuned
  /// from.
  @Test func aFixedSizeIsKeptWithANote() throws {
    try Self.withModel("timm_dynamic") { folder, _ in
      try replace(folder, "config.json", #""dynamic_img_size": true"#, #""dynamic_img_size": false"#)
      let weights = try ModelWeights(modelAt: folder)
      let size = Extent(square: 64)
      #expect(weights.configuration.imageSize == size && weights.preprocessing?.size == size)
      #expect(weights.notes.count == 1 && weights.notes[0].contains("it runs at 64 x 64"), "\(weights.notes)")
    }
  }

  @Test func equalSizesNeedNoNote() throws {
    try Self.withModel("vit") { folder, golden in
      try replace(folder, "preprocessor_config.json", #"{"height": 48, "width": 32}"#, "64")
      let weights = try ModelWeights(modelAt: folder)
      #expect(weights.notes.isEmpty && weights.configuration.imageSize == Extent(square: 64))
      // Without a processor the size of the configuration is used, and the recipe is unknown.
      try FileManager.default.removeItem(at: folder.appendingPathComponent("preprocessor_config.json"))
      let alone = try ModelWeights(modelAt: folder)
      #expect(alone.configuration.imageSize == Extent(square: 64) && alone.preprocessing == nil && alone.notes.isEmpty)
    }
  }

  /// An impossible processor is an error; with an unsupported one, a model can still be merged.
  @Test func unusableProcessors() throws {
    try Self.withModel("vit") { folder, _ in
      try replace(folder, "preprocessor_config.json", #"{"height": 48, "width": 32}"#, "-3")
      let error = #expect(throws: ImagePreprocessingError.self) { try ModelWeights(modelAt: folder) }
      #expect(error.map { "\($0)".contains("'size'") } == true)
      try replace(folder, "preprocessor_config.json", "ViTImageProcessor", "FlavaImageProcessor")
      let weights = try ModelWeights(modelAt: folder)
      #expect(weights.preprocessing == nil && weights.notes.count == 1 && weights.notes[0].contains("Flava"))
    }
  }

  /// VideoMAE's processor with another frame size than that of the model: the positions of every slice are resampled.
  @Test func videosRunAtTheProcessorsSize() throws {
    let (golden, weights) = try VideoModelTests.golden("hugging_face_classifier")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(golden.metadata["config"]!.utf8).write(to: folder.appendingPathComponent("config.json"))
    try GoldenTests.part(golden, "weights.").write(to: folder.appendingPathComponent("model.safetensors"))
    let patch = weights.configuration.patchSize
    let size = Extent(height: 3 * patch.height, width: 2 * patch.width)
    let processor = """
      {"video_processor_type": "VideoMAEVideoProcessor", "size": {"shortest_edge": 64},
       "crop_size": {"height": \(size.height), "width": \(size.width)}}
      """
    try Data(processor.utf8).write(to: folder.appendingPathComponent("video_preprocessor_config.json"))
    let found = try ModelWeights(modelAt: folder)
    #expect(found.configuration.imageSize == size && found.notes.count == 1, "\(found.notes)")
    let expected = try weights.resized(to: size, antialias: false).tensor("pos_embed").float32()
    #expect(try found.tensor("pos_embed").float32() == expected)
  }

  /// A merged file keeps the recipe of its target.
  @Test func mergedFilesKeepTheRecipe() throws {
    try Self.withModel("deit") { folder, golden in
      let target = try ModelWeights(modelAt: folder)
      let file = folder.appendingPathComponent("merged.safetensors")
      let engine = try Engine(threads: 1)
      try PathwayWeights(target).attach(auxiliary: AuxiliaryWeights(modelAt: folder), scale: 0).writeMerged(
        to: file, as: .float32, engine: engine)
      let merged = try ModelWeights(modelAt: file)
      #expect(merged.preprocessing == target.preprocessing && merged.preprocessing != nil)
      #expect(try run(merged).logits.float32() == run(target).logits.float32())
    }
  }
}
