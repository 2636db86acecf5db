import Foundation

extension ImagePreprocessing {
  /// The recipe of a model directory: timm's `config.json`, or Hugging Face's `preprocessor_config.json` beside a
  /// `config.json` of its own.
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
    let processor = directory.appendingPathComponent("preprocessor_config.json")
    if let data = try contents(of: configuration) {
      let kind = try decode(Kind.self, from: data, file: configuration.path)
      if kind.architecture != nil, kind.modelType == nil { return try timm(json: data, file: configuration.path) }
    }
    if let data = try contents(of: processor) { return try huggingFace(json: data, file: processor.path) }
    throw ImagePreprocessingError.malformed(
      file: directory.path,
      reason: "found neither timm's config.json nor preprocessor_config.json, one of which tells how to prepare images")
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
