import Foundation
import PathwayCheckpoints

/// The recipe that a model's own files state, with what else they say of pictures.
struct StatedRecipe {
  /// Which size a model runs at whose recipe has another than its position embeddings.
  enum Sizes: Equatable {
    /// The model's: the recipe names none.
    case unstated
    /// That of the position embeddings: timm's models have a fixed size, whatever `input_size` says.
    case fixed
    /// The recipe's, with the positions resampled in every pass: timm's models with `dynamic_img_size`.
    case dynamic
    /// The recipe's, with the positions resampled: Hugging Face's.
    case processor(modelType: String?)
  }

  let preprocessing: ImagePreprocessing
  /// Where it is from, for messages.
  let file: String
  let sizes: Sizes
  /// Where a processor takes a video's frames at equal distances (`do_sample_frames`): their number, 0 where it says
  /// none.
  var uniformFrames: Int?

  private struct Kind: Decodable {
    struct Arguments: Decodable {
      var dynamic: Bool?

      enum CodingKeys: String, CodingKey {
        case dynamic = "dynamic_img_size"
      }
    }
    struct Pretrained: Decodable {
      var inputSize: [Int]?

      enum CodingKeys: String, CodingKey {
        case inputSize = "input_size"
      }
    }
    var architecture: String?
    var modelType: String?
    var arguments: Arguments?
    var pretrained: Pretrained?
    /// Of old files.
    var inputSize: [Int]?

    enum CodingKeys: String, CodingKey {
      case architecture
      case modelType = "model_type"
      case arguments = "model_args"
      case pretrained = "pretrained_cfg"
      case inputSize = "input_size"
    }

    /// timm's architectures that set `dynamic_img_size` themselves.
    private static let dynamicArchitectures: Set = ["vit_intern300m_patch14_448", "test_vit", "test_vit2", "test_vit4"]

    var sizes: Sizes {
      guard (pretrained.map(\.inputSize) ?? inputSize) != nil else { return .unstated }
      let name = architecture.map { VisionTransformerConfiguration.timmName($0).name } ?? ""
      return arguments?.dynamic ?? Self.dynamicArchitectures.contains(name) ? .dynamic : .fixed
    }
  }

  /// Reads the files; nil if absent.
  ///
  /// - Parameter metadata: those of the file at `url`; nil: they are read from it.
  /// - Throws: `ImagePreprocessingError`, naming file and key; `CheckpointError`.
  static func read(modelAt url: URL, metadata: [String: String]? = nil) throws -> StatedRecipe? {
    let location = ModelLocation(url)
    if !location.isDirectory,
      let text = try (metadata ?? Checkpoint.metadata(of: url))[ModelWeights.configurationKey]
    {
      let name = "\(url.path) (metadata)"
      return StatedRecipe(preprocessing: try .timm(json: Data(text.utf8), file: name), file: name, sizes: .fixed)
    }
    var kind: Kind?
    if let data = try contents(of: location.configurationFile) {
      let name = location.configurationFile.path
      let found = try ImagePreprocessing.decode(Kind.self, from: data, file: name)
      if found.architecture != nil, found.modelType == nil {
        return StatedRecipe(preprocessing: try .timm(json: data, file: name), file: name, sizes: found.sizes)
      }
      kind = found
    }
    for (name, processor) in [("video_preprocessor_config.json", "VideoMAE"), ("preprocessor_config.json", "ViT")] {
      let file = location.directory.appendingPathComponent(name)
      guard let data = try contents(of: file) else { continue }
      var keys = try ImagePreprocessing.decode(
        ImagePreprocessing.HuggingFaceConfiguration.self, from: data, file: file.path)
      keys.processor = keys.processor ?? keys.extractor ?? processor
      return StatedRecipe(
        preprocessing: try .huggingFace(keys, file: file.path), file: file.path,
        sizes: .processor(modelType: kind?.modelType),
        uniformFrames: try keys.uniformFrames(file: file.path))
    }
    return nil
  }

  /// The bytes of a small file; nil if absent.
  private static func contents(of file: URL) throws -> Data? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      return try Data(bytesOf: file)
    } catch {
      throw ImagePreprocessingError.malformed(
        file: file.path, reason: "cannot be read: \(error.localizedDescription)")
    }
  }
}
