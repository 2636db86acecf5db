import Foundation
import PathwayCheckpoints

extension ModelWeights {
  /// Loads a model: a directory with `config.json` beside its weights, or a lone file of a known architecture.
  ///
  /// - Parameter architecture: timm's name, for a lone file or in the place of a directory's `config.json`.
  /// - Throws: `ConfigurationError`, `CheckpointError`, `BindingError`.
  public init(modelAt url: URL, architecture: String? = nil) throws {
    let checkpoint = try Checkpoint(contentsOf: url)
    let file = url.appendingPathComponent("config.json")
    if let architecture {
      var configuration = try VisionTransformerConfiguration.preset(architecture)
      // A lone file says by its head how many classes there are.
      configuration.classCount = checkpoint.tensors["head.weight"]?.shape.first ?? 0
      if checkpoint.tensors["fc_norm.weight"] != nil {
        configuration.pooling = .mean
        configuration.normalizesAfterPooling = true
      }
      try self.init(checkpoint: checkpoint, configuration: configuration)
    } else if FileManager.default.fileExists(atPath: file.path) {
      try self.init(checkpoint: checkpoint, configuration: .read(file))
    } else {
      throw ConfigurationError.malformed(
        file: url.path, reason: "has no config.json beside it; name the architecture (--architecture vit_base_patch16_224)")
    }
  }
}
