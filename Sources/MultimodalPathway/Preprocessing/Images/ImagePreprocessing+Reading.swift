import Foundation
import PathwayCheckpoints

extension ImagePreprocessing {
  /// The recipe of a model directory: timm's `config.json`, or next to a `config.json` of Hugging Face's its
  /// `video_preprocessor_config.json`, else `preprocessor_config.json`: the order in which transformers looks for a
  /// video's.
  ///
  /// - Parameter url: the directory; or a file in it, where one that carries its own `config.json` needs no other.
  /// - Throws: `ImagePreprocessingError`, naming file and key; `CheckpointError`.
  public static func read(modelAt url: URL) throws -> ImagePreprocessing {
    if let stated = try StatedRecipe.read(modelAt: url) { return stated.preprocessing }
    throw ImagePreprocessingError.malformed(
      file: ModelLocation(url).directory.path,
      reason: "found neither timm's config.json nor Hugging Face's video_preprocessor_config.json or "
        + "preprocessor_config.json, one of which tells how to prepare images")
  }
}
