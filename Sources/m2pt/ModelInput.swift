import ArgumentParser
import Foundation
import MultimodalPathway
import PathwayMedia

/// A model and the pictures it is to see.
struct ModelInput: ParsableArguments {
  @Option(help: "Model: a directory with config.json, or a safetensors file with --architecture.") var model: String
  @Option(help: "timm's name of the architecture, where there is no config.json.") var architecture: String?
  @Option(help: "Pictures of a pass.") var batch = 8
  @OptionGroup var engineOptions: EngineOptions
  @Argument(help: "JPEG or PNG files.") var images: [String]

  func validate() throws {
    guard (1...1024).contains(batch) else { throw ValidationError("--batch takes 1...1024.") }
    if images.isEmpty { throw ValidationError("Name at least one picture.") }
  }

  func load() throws -> VisionTransformer {
    try VisionTransformer(
      ModelWeights(modelAt: URL(fileURLWithPath: model), architecture: architecture), engine: engineOptions.engine())
  }

  /// How the model wants its pictures: preprocessor_config.json, else config.json, else timm's defaults for the name.
  func preprocessor(_ c: VisionTransformerConfiguration) throws -> ImagePreprocessor {
    let folder = URL(fileURLWithPath: model)
    func text(_ name: String) throws -> Data? {
      let file = folder.appendingPathComponent(name)
      return FileManager.default.fileExists(atPath: file.path) ? try Data(contentsOf: file) : nil
    }
    let recipe: ImagePreprocessing
    if let data = try text("preprocessor_config.json") {
      recipe = try .huggingFace(json: data, file: folder.appendingPathComponent("preprocessor_config.json").path)
    } else if architecture == nil, let data = try text("config.json") {
      recipe = try .timm(json: data, file: folder.appendingPathComponent("config.json").path)
    } else {
      recipe = .timm(architecture: c.architecture, size: c.imageSize)
    }
    return try ImagePreprocessor(recipe.size == c.imageSize ? recipe : recipe.settingSize(c.imageSize))
  }

  /// Calls `body` with the names of every batch of pictures and their normalised pixels.
  func forEachBatch(
    _ model: VisionTransformer, _ body: ([String], Tensor) throws -> Void
  ) throws {
    let preprocessor = try preprocessor(model.configuration)
    var start = 0
    while start < images.count {
      let names = Array(images[start..<min(images.count, start + batch)])
      let pictures = try names.map { try ImageFile.read(URL(fileURLWithPath: $0)) }
      try body(names, try preprocessor(pictures))
      start += names.count
      if images.count > batch { report("\(start) of \(images.count) pictures") }
    }
  }
}
