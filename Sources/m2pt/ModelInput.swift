import ArgumentParser
import Foundation
import MultimodalPathway

/// A model and where it runs.
struct ModelOptions: ParsableArguments {
  @Option(help: "Model: a directory with config.json, or a safetensors or PyTorch file with --architecture.")
  var model: String
  @Option(help: "timm's name of the architecture, where there is no config.json.") var architecture: String?
  @OptionGroup var prefix: PrefixOption
  @OptionGroup var imageSize: ImageSizeOption
  @OptionGroup var sound: SoundOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var precision: PrecisionOptions

  func weights() throws -> ModelWeights {
    let weights = try ModelWeights(
      modelAt: URL(fileURLWithPath: model), architecture: architecture, prefix: prefix.text)
    for note in weights.notes { report("note: \(note)") }
    return try imageSize.resized(weights)
  }

  func load() throws -> VisionTransformer {
    try VisionTransformer(weights(), precision: precision.plan(), engine: engineOptions.engine())
  }

  func preprocessing(_ c: VisionTransformerConfiguration) throws -> ImagePreprocessing? {
    try c.preprocessing(model, architecture: architecture)
  }
}

extension VisionTransformerConfiguration {
  /// How the model wants its pictures: its directory's recipe, else VideoMAE's, or timm's defaults for the name.
  /// None for sound and points, whose recipes are in the configuration.
  func preprocessing(_ model: String?, architecture: String?) throws -> ImagePreprocessing? {
    if [.audio, .points].contains(modality) { return nil }
    var recipe = ImagePreprocessing.usual(for: self)
    if let model, architecture == nil { recipe = try .read(modelAt: URL(fileURLWithPath: model)) }
    return recipe.size == imageSize ? recipe : recipe.settingSize(imageSize)
  }
}

/// A model and the files it is to see.
struct ModelInput: ParsableArguments {
  @OptionGroup var options: ModelOptions
  @OptionGroup var views: ViewOptions
  @Option(help: "Pictures, clips, windows or clouds of a pass.") var batch = 8
  @Argument(
    help: """
      Files of the model's kind: JPEG, PNG; videos; WAV, FLAC, Ogg, MP3; PLY, OFF, OBJ, XYZ, NPY; or directories or \
      patterns of them.
      """)
  var files: [String]

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
    if files.isEmpty { throw ValidationError("Name at least one file.") }
  }

  /// Calls `body` with every batch, as names of files and whether a view is its file's last, and what the model makes
  /// of it, with progress as `title`.
  ///
  /// - Parameter pass: a forward pass of normalised views, (B, ...), in memory used for every batch.
  func forEachBatch(
    _ model: VisionTransformer, _ title: String, pass: (Tensor, Workspace) throws -> ForwardOutput,
    _ body: ([(name: String, isLast: Bool)], ForwardOutput) throws -> Void
  ) throws {
    var workspace: Workspace?
    try forEachBatch(model.configuration, model.engine, title) { views, most, values in
      let own = workspace ?? model.workspace(batch: most)
      workspace = own
      try body(views, try pass(values, own))
    }
  }

  /// The same with every batch's normalised views themselves, (B, ...), and the most that one has.
  func forEachBatch(
    _ c: VisionTransformerConfiguration, _ engine: Engine, _ title: String,
    _ body: ([(name: String, isLast: Bool)], Int, Tensor) throws -> Void
  ) throws {
    let frontEnd = try options.frontEnd(c, views: views)
    let names = try files.flatMap { try InputBatches.files($0, endings: frontEnd.endings) }
    let batches = InputBatches(frontEnd: frontEnd, engine: engine, size: batch)
    let most = frontEnd.viewCount.map { min(batch, names.count * $0) } ?? batch
    var progress = Progress(title, total: names.count)
    defer { progress.finish() }
    try batches.forEach(names) { units, values in
      let views = units.map { (name: names[$0.file], isLast: $0.isLast) }
      try body(views, most, values)
      progress.advance(by: views.count { $0.isLast })
    }
  }
}
