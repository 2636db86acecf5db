import Foundation
import PathwayCheckpoints

extension VisionTransformerConfiguration {
  /// Reads a model directory's `config.json`, timm's or Hugging Face's.
  ///
  /// - Throws: `ConfigurationError`, naming file and key.
  public static func read(_ url: URL) throws -> VisionTransformerConfiguration {
    var c = try read(json: ConfigurationFile.contents(of: url), file: url.path)
    if c.modality == .audio { try c.readFeatureExtractor(beside: url) }
    return c
  }

  /// The same from JSON text; `file` names it in errors.
  ///
  /// - Throws: `ConfigurationError`, naming file and key.
  public static func read(json data: Data, file: String) throws -> VisionTransformerConfiguration {
    let object = try JSONObject(parsing: data, file: file)
    let isHuggingFace = object.values["model_type"] != nil
    let configuration = try isHuggingFace ? huggingFace(object) : timm(object)
    do {
      try configuration.validate()
    } catch ConfigurationError.invalid(let key, let found, let expected) {
      throw ConfigurationError.badValue(
        file: file, key: isHuggingFace ? huggingFaceKeys[key] ?? key : key, found: found, expected: expected)
    }
    return configuration
  }

  /// `width x ratio`, cut to a whole number as Python's int() does; checked before it is converted.
  static func hiddenWidth(_ width: Int, ratio: Double, _ object: JSONObject, key: String) throws -> Int {
    let hidden = Double(width) * ratio
    guard hidden >= 1, hidden <= 65536 else {
      throw object.badValue(key, expected: "a ratio that makes a hidden width of 1...65536 from \(width)")
    }
    return Int(hidden)
  }
}

enum ConfigurationFile {
  /// Configuration files are a few kilobytes; with a thousand labels and descriptions, a few hundred.
  static let largest = 32 << 20

  /// - Throws: `ConfigurationError.malformed` where the file cannot be read or is far too large for a configuration.
  static func contents(of url: URL) throws -> Data {
    do {
      let file = URL(fileURLWithPath: url.path).resolvingSymlinksInPath()
      let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int ?? 0
      guard size <= largest else {
        throw ConfigurationError.malformed(
          file: url.path, reason: "has \(size) bytes, more than a configuration can have")
      }
      return try Data(bytesOf: url)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError.malformed(file: url.path, reason: "cannot be read: \(error.localizedDescription)")
    }
  }
}
