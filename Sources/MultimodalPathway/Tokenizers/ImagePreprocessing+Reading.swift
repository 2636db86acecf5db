import Foundation
import PathwayCheckpoints

extension ImagePreprocessing {
  /// The recipe of a model directory: timm's `config.json`, or beside a `config.json` of Hugging Face's its
  /// `video_preprocessor_config.json`, else `preprocessor_config.json`: the order in which transformers looks for a
  /// video's.
  ///
  /// - Parameter url: the directory; or a file in it, where one that carries its own `config.json` needs no other.
  /// - Throws: `ImagePreprocessingError`, naming file and key; `CheckpointError`.
  public static func read(modelAt url: URL) throws -> ImagePreprocessing {
    struct Kind: Decodable {
      var architecture: String?
      var modelType: String?

      enum CodingKeys: String, CodingKey {
        case architecture
        case modelType = "model_type"
      }
    }
    let location = ModelLocation(url)
    if !location.isDirectory, let text = try Checkpoint.metadata(of: url)[ModelWeights.configurationKey] {
      return try timm(json: Data(text.utf8), file: "\(url.path) (metadata)")
    }
    let (directory, configuration) = (location.directory, location.configurationFile)
    if let data = try contents(of: configuration) {
      let kind = try decode(Kind.self, from: data, file: configuration.path)
      if kind.architecture != nil, kind.modelType == nil { return try timm(json: data, file: configuration.path) }
    }
    for (name, processor) in [("video_preprocessor_config.json", "VideoMAE"), ("preprocessor_config.json", "ViT")] {
      let file = directory.appendingPathComponent(name)
      guard let data = try contents(of: file) else { continue }
      var keys = try decode(HuggingFaceConfiguration.self, from: data, file: file.path)
      keys.processor = keys.processor ?? keys.extractor ?? processor
      return try huggingFace(keys, file: file.path)
    }
    throw ImagePreprocessingError.malformed(
      file: directory.path,
      reason: "found neither timm's config.json nor Hugging Face's video_preprocessor_config.json or "
        + "preprocessor_config.json, one of which tells how to prepare images")
  }

  /// The bytes of a small file; nil where there is none.
  private static func contents(of file: URL) throws -> Data? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      return try Data(contentsOf: file)
    } catch {
      throw ImagePreprocessingError.malformed(
        file: file.path, reason: "cannot be read: \(error.localizedDescription)")
    }
  }
}
