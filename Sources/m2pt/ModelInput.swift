import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayData

/// A model and where it runs.
struct ModelOptions: ParsableArguments {
  @Option(help: "Model: a directory with config.json, or a safetensors or PyTorch file with --architecture.")
  var model: String
  @Option(
    help: "timm's name where there is no config.json, best with the weights' tag, as in vit_base_patch16_224.mae.")
  var architecture: String?
  @OptionGroup var chosen: WeightsOption
  @OptionGroup var imageSize: ImageSizeOption
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var sound: SoundOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var precision: PrecisionOptions

  func weights() throws -> ModelWeights {
    try recipe.weights(modelAt: model, architecture: architecture, chosen, imageSize)
  }

  func load() throws -> VisionTransformer { try load(weights()) }

  func load(_ weights: ModelWeights) throws -> VisionTransformer {
    let engine = try engineOptions.engine()
    return try VisionTransformer(weights, precision: precision.plan(on: engine), engine: engine)
  }

  /// All files that `load` may read.
  func inputs(_ weights: ModelWeights) -> [URL] { weights.inputs(at: model) + precision.inputs }

  func preprocessing(_ c: VisionTransformerConfiguration) throws -> ImagePreprocessing? {
    try recipe.preprocessing(c, modelAt: model, architecture: architecture)
  }

  /// The front end of a model of that configuration.
  func frontEnd(_ c: VisionTransformerConfiguration, views: ViewOptions? = nil) throws -> any FrontEnd {
    try c.frontEnd(model, preprocessing(c), views: views, sound: sound, engine: engineOptions.engine())
  }
}

/// A model and the files it is to see.
struct ModelInput: ParsableArguments {
  @OptionGroup var options: ModelOptions
  @OptionGroup var views: ViewOptions
  @OptionGroup var failures: FailureOptions
  @Option(help: "Pictures, clips, windows or clouds of a pass.") var batch = 8
  @Argument(
    help: """
      Files of the model's kind: JPEG, PNG; videos; WAV, FLAC, Ogg, MP3, AIFF, AU, CAF, W64; PLY, OFF, OBJ, XYZ, CSV, \
      NPY; or directories or patterns of them.
      """)
  var files: [String]

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
    if files.isEmpty { throw ValidationError("Name at least one file.") }
  }

  /// The run of a command over the files, with progress as `title`, and what reads them.
  ///
  /// - Parameter outcome: of an interrupted run, as a sentence's end.
  func run(
    _ c: VisionTransformerConfiguration, _ engine: Engine, _ title: String, interrupted outcome: String? = nil
  ) throws -> (run: FileRun, batches: InputBatches) {
    let frontEnd = try options.frontEnd(c, views: views)
    var found = InputFiles(frontEnd)
    for path in files { found.add(path) }
    return (
      try FileRun(title, found, options: failures, interrupted: outcome),
      InputBatches(frontEnd: frontEnd, engine: engine, size: batch)
    )
  }
}
