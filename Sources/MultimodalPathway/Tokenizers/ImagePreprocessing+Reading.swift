import Foundation

extension ImagePreprocessing {
  /// The recipe of a model directory: timm's `config.json`, or beside a `config.json` of Hugging Face's its
  /// `video_preprocessor_config.json`, else `preprocessor_config.json`: the order in which transformers looks for a
  /// video's.
  ///
  /// - Throws: `ImagePreprocessingError`, naming file and key.
  public static func read(modelAt directory: URL) throws -> ImagePreprocessing {
    struct Kind: Decodable {
      var architecture: String?
      var modelType: String?

      enum CodingKeys: String, CodingKey {
        case architecture
        case modelType = "model_type"
      }
    }
    let configuration = directory.appendingPathComponent("config.json")
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
      reason: "found neither timm's config.json nor video_preprocessor_config.json nor preprocessor_config.json, one of "
        + "which tells how to prepare images")
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
