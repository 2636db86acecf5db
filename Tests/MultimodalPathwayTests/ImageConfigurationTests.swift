import Foundation
import MultimodalPathway
import Testing

/// Reading recipes from configuration files.
@Suite struct ImageConfigurationTests {
  private func timm(_ json: String) throws -> ImagePreprocessing { try .timm(json: Data(json.utf8)) }
  private func huggingFace(_ json: String) throws -> ImagePreprocessing { try .huggingFace(json: Data(json.utf8)) }

  @Test func timmDirectory() throws {
    let recipe = try timm(
      """
      {"architecture": "vit_small_patch14_dinov2", "num_classes": 0, "pretrained_cfg": {
        "input_size": [3, 518, 518], "interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "center",
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "first_conv": "patch_embed.proj"}}
      """)
    #expect(recipe == .timm(architecture: "vit_small_patch14_dinov2", size: Extent(square: 518)))
  }

  @Test func timmDefaults() throws {
    let recipe = try timm("{}")
    #expect(recipe.size == Extent(square: 224))
    #expect(recipe.geometry == .timm(cropFraction: 0.875, mode: .center))
    #expect(recipe.filter == .bicubic)
    #expect(recipe.mean == [0.485, 0.456, 0.406])
  }

  @Test func emptyNamesOfTimmCountAsMissing() throws {
    let empty = try timm(#"{"interpolation": "", "crop_mode": "", "crop_pct": 0}"#)
    #expect(try empty == timm("{}"))
  }

  @Test func huggingFaceViT() throws {
    let recipe = try huggingFace(
      """
      {"do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
       "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
       "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}}
      """)
    #expect(recipe.geometry == .huggingFace(.exact(Extent(square: 224)), crops: false))
    #expect(recipe.scaling == .factor(1 / 255))
    #expect(recipe.filter == .bilinear)
  }

  @Test func huggingFaceDINOv2() throws {
    let recipe = try huggingFace(
      """
      {"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true,
       "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
       "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3,
       "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 256}}
      """)
    #expect(recipe.size == Extent(square: 224))
    #expect(recipe.geometry == .huggingFace(.shortestEdge(256), crops: true))
  }

  @Test(arguments: [
    (#"{"pretrained_cfg": {"interpolation": "hamming"}}"#, "bilinear"),
    (#"{"crop_mode": "random"}"#, "center, squash, border"), (#"{"input_size": [1, 28, 28]}"#, "[3, height, width]"),
    (#"{"input_size": [3, 0, 28]}"#, "1...65536"), (#"{"std": [0.2, 0, 0.2]}"#, "other than 0"),
    (#"{"mean": [0.5]}"#, "three numbers"), (#"{"crop_pct": -1}"#, "fraction"), (#"{"crop_pct": 1e-300}"#, "fraction"),
    (#"{"crop_pct": "x"}"#, "crop_pct"), (#"{"mean": 3}"#, "'mean' is not a list"), ("{", "not valid JSON"),
    ("[]", "not a"),
  ])
  func timmErrorsSayWhatIsExpected(_ json: String, _ words: String) {
    let error = #expect(throws: ImagePreprocessingError.self) { try timm(json) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    (#"{"resample": 5}"#, "bicubic"), (#"{"image_processor_type": "FlavaImageProcessor"}"#, "ViTImageProcessor"),
    (#"{"size": {"longest_edge": 100}}"#, "shortest_edge"), (#"{"do_resize": false}"#, "crop"),
    (#"{"size": {"shortest_edge": 100}}"#, "crop"), (#"{"image_std": 0}"#, "other than 0"),
    (#"{"size": {"height": 9223372036854775807, "width": 1}}"#, "1...65536"),
    (#"{"do_center_crop": true, "crop_size": {"shortest_edge": 3}}"#, "height and width"), ("null", "null"),
  ])
  func huggingFaceErrorsSayWhatIsExpected(_ json: String, _ words: String) {
    let error = #expect(throws: ImagePreprocessingError.self) { try huggingFace(json) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(String(describing: error))")
  }

  @Test func modelDirectories() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    #expect(throws: ImagePreprocessingError.self) { try ImagePreprocessing.read(modelAt: directory) }
    let configuration = directory.appendingPathComponent("config.json")
    try Data(#"{"model_type": "vit", "architectures": ["ViTModel"]}"#.utf8).write(to: configuration)
    #expect(throws: ImagePreprocessingError.self) { try ImagePreprocessing.read(modelAt: directory) }
    try Data(#"{"size": 96}"#.utf8).write(to: directory.appendingPathComponent("preprocessor_config.json"))
    #expect(try ImagePreprocessing.read(modelAt: directory).size == Extent(square: 96))
    try Data(#"{"architecture": "vit_tiny_patch16_224", "pretrained_cfg": {"input_size": [3, 64, 80]}}"#.utf8)
      .write(to: configuration)
    #expect(try ImagePreprocessing.read(modelAt: directory).size == Extent(height: 64, width: 80))
    // A lone file: its own metadata, else the files next to it.
    let file = directory.appendingPathComponent("lone.safetensors")
    var checkpoint = Checkpoint(tensors: ["a": Tensor([1], shape: [1])])
    try checkpoint.write(to: file)
    #expect(try ImagePreprocessing.read(modelAt: file).size == Extent(height: 64, width: 80))
    checkpoint.metadata[ModelWeights.configurationKey] = #"{"architecture": "x", "input_size": [3, 40, 48]}"#
    try checkpoint.write(to: file)
    #expect(try ImagePreprocessing.read(modelAt: file).size == Extent(height: 40, width: 48))
  }

  /// VideoMAEVideoProcessor of transformers 5.24 saves these keys, among others; its own file is preferred.
  @Test func videoProcessors() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    func write(_ text: String, _ name: String) throws -> ImagePreprocessing {
      try Data(text.utf8).write(to: directory.appendingPathComponent(name))
      return try ImagePreprocessing.read(modelAt: directory)
    }
    let size = #""size": {"shortest_edge": 48}, "crop_size": {"height": 32, "width": 40}"#
    let old = try write(
      #"{"image_processor_type": "VideoMAEImageProcessor", \#(size)}"#, "preprocessor_config.json")
    #expect(old.size == Extent(height: 32, width: 40) && old.filter == .bilinear && old.mean == [0.5, 0.5, 0.5])
    let new = #"{"video_processor_type": "VideoMAEVideoProcessor", "do_sample_frames": false, \#(size)}"#
    #expect(try write(new, "video_preprocessor_config.json") == old)
    // Without a class the name of the file decides; if both files exist, that of the video processor is used.
    let other = try write(#"{"crop_size": 24}"#, "video_preprocessor_config.json")
    #expect(other.size == Extent(square: 24) && other.geometry == .huggingFace(.shortestEdge(224), crops: true))
    let unknown = #expect(throws: ImagePreprocessingError.self) {
      try write(#"{"video_processor_type": "LlavaOnevisionVideoProcessor"}"#, "video_preprocessor_config.json")
    }
    #expect(unknown.map { "\($0)".contains("LlavaOnevision") } == true)
  }

  @Test func aPictureThatDoesNotFitIsAnError() throws {
    let recipe = ImagePreprocessing(
      size: Extent(square: 4), geometry: .huggingFace(.none, crops: false), filter: .bicubic, mean: [0, 0, 0],
      std: [1, 1, 1])
    let pixel = try PixelImage(extent: Extent(square: 1), rgb: [0, 0, 0])
    #expect(throws: ImagePreprocessingError.size(found: Extent(square: 1), expected: Extent(square: 4))) {
      try ImagePreprocessor(recipe)(pixel)
    }
  }
}
