import ArgumentParser
import Foundation
import MultimodalPathway

/// A model and where it runs.
struct ModelOptions: ParsableArguments {
  @Option(help: "Model: a directory with config.json, or a safetensors file with --architecture.") var model: String
  @Option(help: "timm's name of the architecture, where there is no config.json.") var architecture: String?
  @OptionGroup var imageSize: ImageSizeOption
  @OptionGroup var engineOptions: EngineOptions

  func weights() throws -> ModelWeights {
    try imageSize.resized(ModelWeights(modelAt: URL(fileURLWithPath: model), architecture: architecture))
  }

  func load() throws -> VisionTransformer { try VisionTransformer(weights(), engine: engineOptions.engine()) }

  /// How the model wants its pictures: its directory's recipe, else timm's defaults for the name.
  func preprocessing(_ c: VisionTransformerConfiguration) throws -> ImagePreprocessing {
    let recipe: ImagePreprocessing =
      architecture == nil
      ? try .read(modelAt: URL(fileURLWithPath: model)) : .timm(architecture: c.architecture, size: c.imageSize)
    return recipe.size == c.imageSize ? recipe : recipe.settingSize(c.imageSize)
  }
}

/// A model and the pictures it is to see.
struct ModelInput: ParsableArguments {
  @OptionGroup var options: ModelOptions
  @Option(help: "Pictures of a pass.") var batch = 8
  @Argument(help: "JPEG or PNG files, or directories of them.") var images: [String]

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
    if images.isEmpty { throw ValidationError("Name at least one picture.") }
  }

  /// Calls `body` with the names of every batch of pictures and what the model makes of them, with progress as `title`.
  ///
  /// - Parameter pass: a forward pass of normalised pixels, (B, 3, H, W), in memory used for every batch.
  func forEachBatch(
    _ model: VisionTransformer, _ title: String, pass: (Tensor, Workspace) throws -> ForwardOutput,
    _ body: ([String], ForwardOutput) throws -> Void
  ) throws {
    let names = try images.flatMap(PictureBatches.files)
    let batches = PictureBatches(
      preprocessor: try ImagePreprocessor(options.preprocessing(model.configuration)), engine: model.engine,
      size: batch)
    let workspace = model.workspace(batch: min(batch, names.count))
    var progress = Progress(title, total: names.count)
    defer { progress.finish() }
    try batches.forEach(names) { places, pixels in
      try body(places.map { names[$0] }, try pass(pixels, workspace))
      progress.advance(by: places.count)
    }
  }
}
