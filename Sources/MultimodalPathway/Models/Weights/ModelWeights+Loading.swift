import Foundation
import PathwayCheckpoints

extension ModelWeights {
  /// The metadata key under which a merged or probed file carries its own `config.json`.
  public static let configurationKey = "m2pt.config"

  /// Loads a model: a directory with `config.json` beside its weights, or a lone file.
  ///
  /// The configuration is that of `architecture`, else a file's own (merged files carry one in their metadata), else
  /// the `config.json` beside the weights.
  ///
  /// A Hugging Face model runs at the size of its processor, one of timm's with `dynamic_img_size` at `input_size`:
  /// where position embeddings have another grid, they are resampled as that library does, and `notes` says so.
  ///
  /// - Parameters:
  ///   - architecture: timm's name with or without a tag, for a lone file or instead of a directory's `config.json`.
  ///     What the name does not say, the tensors do: classes, image size (a square one), `fc_norm`. A recipe for
  ///     pictures that is next to the file stays; a lone file's is that of the tag.
  ///   - weights: which of several sets of weights in the file, by its key (`Checkpoint.init(contentsOf:weights:)`).
  ///   - overrides: what is wanted otherwise than the files say.
  /// - Throws: `ConfigurationError`, `CheckpointError`, `CheckpointLayoutError`, `BindingError`;
  ///   `ImagePreprocessingError` where the recipe for pictures cannot be meant.
  public init(
    modelAt url: URL, architecture: String? = nil, weights: String? = nil,
    overriding overrides: ModelOverrides = ModelOverrides()
  ) throws {
    self = try ModelConversion(
      modelAt: url, architecture: architecture, weights: weights, overriding: overrides
    ).weights
  }

  /// The configuration of a checkpoint's tensors as they are stored, before
  /// `init(modelAt:architecture:weights:overriding:)` resamples positions.
  ///
  /// - Throws: `ConfigurationError`; `CheckpointLayoutError`; `CheckpointError` where tensors cannot be joined.
  public static func configuration(
    at url: URL, of checkpoint: Checkpoint, architecture: String? = nil
  ) throws -> VisionTransformerConfiguration {
    try configuration(at: url, of: checkpoint, architecture: architecture, named: named(checkpoint.tensors))
  }

  /// The same with the tensors under timm's names, for callers that have them: joining query, key and value copies
  /// them.
  static func configuration(
    at url: URL, of checkpoint: Checkpoint, architecture: String?, named: @autoclosure () throws -> [String: Tensor]
  ) throws -> VisionTransformerConfiguration {
    if let architecture {
      var c = try VisionTransformerConfiguration.preset(architecture).fitted(to: named())
      c.vocabulary = c.knownVocabulary(architecture: architecture, tag: nil, ofAnyTag: true)
      return c
    }
    let location = ModelLocation(url)
    guard let (text, name) = try location.configuration(of: checkpoint) else {
      throw ConfigurationError.noArchitecture(file: url.path)
    }
    var configuration = try VisionTransformerConfiguration.read(json: text, file: name)
    if configuration.modality == .audio { try configuration.readFeatureExtractor(beside: location.configurationFile) }
    if try VisionTransformerConfiguration.isHuggingFaceWithoutClass(json: text, file: name) {
      configuration.fitHead(to: try named())
    }
    return configuration
  }
}

extension VisionTransformerConfiguration {
  /// This architecture with what a lone file's tensors say about themselves and its name does not.
  package func fitted(to tensors: [String: Tensor]) -> VisionTransformerConfiguration {
    var c = self
    if points != nil { return fittedToPoints(tensors) }
    c.classCount = tensors["head.weight"]?.shape.first ?? 0
    if tensors["fc_norm.weight"] != nil, !c.normalizesAfterPooling {
      // Fine-tuned as MAE does: the mean of the patch tokens is pooled although there is a class token.
      c.pooling = .mean
      c.normalizesAfterPooling = true
    } else if c.modality == .audio, tensors["fc_norm.weight"] == nil, tensors["norm.weight"] != nil {
      // AudioMAE before fine-tuning: the encoder's own norm is of all tokens, and there is no head.
      c.normalizesAfterPooling = false
    }
    if let patches = tensors["patch_embed.proj.weight"], patches.shape.count == 5 {
      c.fit(clipsOf: patches.shape[2], tensors)
    } else if let positions = tensors["pos_embed"], positions.shape.count == 3, c.modality == .audio {
      c.fit(framesOf: positions)
    } else if let positions = tensors["pos_embed"], positions.shape.count == 3 {
      let patches = positions.shape[1] - c.positionPrefix
      let side = Int(Double(max(0, patches)).squareRoot())
      if side > 0, side < 1 << 14, side * side == patches, patches != c.grid.height * c.grid.width {
        c.imageSize = Extent(height: side * c.patchSize.height, width: side * c.patchSize.width)
      }
    }
    return c
  }

  /// A convolution over tubelets: VideoMAE, whose models have neither class token nor stored positions.
  private mutating func fit(clipsOf tubelet: Int, _ tensors: [String: Tensor]) {
    var clip = Clip(tubelet: tubelet)
    if let rows = tensors["pos_embed"]?.shape.dropFirst().first, (1...1 << 20).contains(rows), tubelet > 0 {
      clip.frames = rows / max(1, grid.height * grid.width) &* tubelet
    }
    input = .video(clip)
    hasClassToken = tensors["cls_token"] != nil
    if !hasClassToken { pooling = .mean }
    normalizesAfterPooling = tensors["fc_norm.weight"] != nil
    hasFinalNorm = normalizesAfterPooling || tensors["norm.weight"] != nil
  }

  /// The same of a point transformer: classes, width and depth. Points and groups are in no tensor.
  private func fittedToPoints(_ tensors: [String: Tensor]) -> VisionTransformerConfiguration {
    var c = self
    let last = if case .points(let widths) = head { PointClassHead.lastName(hidden: widths.count) } else { "convs3" }
    c.classCount = tensors[last + ".weight"]?.shape.first ?? 0
    if c.classCount != classCount { c.labels = nil }
    if let shape = tensors["blocks.0.mlp.fc1.weight"]?.shape, shape.count == 2 {
      (c.hiddenWidth, c.width) = (shape[0], shape[1])
    }
    c.depth = (0..<1 << 10).first { tensors["blocks.\($0).norm1.weight"] == nil } ?? depth
    return c
  }
}
