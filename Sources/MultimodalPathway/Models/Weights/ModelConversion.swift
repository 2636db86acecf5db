import Foundation
import PathwayCheckpoints
import PathwayKernels

/// A model of any layout under timm's names, with an account of what became of every tensor of its checkpoint.
public struct ModelConversion: Sendable {
  /// The model: it computes the same bits as the original, from the same tensors.
  public let weights: ModelWeights
  /// How the checkpoint named tensors; nil where no layout was recognised and the names are timm's anyway.
  public var layout: CheckpointLayout? { binding.reading.match?.layout }
  /// The checkpoint's names by timm's, where a tensor has another name now.
  public var renamed: [String: String] { binding.renamed }
  /// The same where several tensors became one: query, key and value; a weight, its auxiliary's and their scale.
  public var joined: [String: [String]] { binding.joined }
  /// What the checkpoint has and the model has no use for: decoders, mask tokens, pretraining heads.
  public var dropped: [String] { binding.dropped }
  /// What the checkpoint leaves out and the model needs: fixed positions.
  public var computed: [String] { binding.computed }

  private let binding: ModelBinding

  /// Loads a model as `ModelWeights.init(modelAt:architecture:weights:overriding:)` does.
  ///
  /// - Throws: as that; `CheckpointLayoutError.notAVisionTransformer` for BERT and Whisper, whatever their
  ///   configuration.
  public init(
    modelAt url: URL, architecture: String? = nil, weights key: String? = nil,
    overriding overrides: ModelOverrides = ModelOverrides()
  ) throws {
    let checkpoint = try Checkpoint(contentsOf: url, weights: key)
    binding = try ModelBinding(modelAt: url, of: checkpoint, architecture: architecture)
    weights = try ModelWeights(binding: binding, of: checkpoint)
      .prepared(at: url, architecture: architecture, size: binding.configuredSize, overrides)
  }

  /// The model as a file that timm loads with `strict=True`; its metadata name the sources and their SHA-256.
  ///
  /// - Parameter type: float32, bfloat16 or float16; a narrower one costs one rounding.
  /// - Throws: `NotFiniteError` where a number is NaN or infinite, also where float32 has none for a float64;
  ///   `PathwayError.notAFloatType`, `.beyondRange`; `CheckpointError`.
  public func checkpoint(as type: ElementType = .float32) throws -> Checkpoint {
    try weights.requireFinite(engine: Engine())
    var metadata = weights.metadata
    // The configuration is next to the file.
    metadata[ModelWeights.configurationKey] = nil
    metadata["format"] = "pt"
    metadata["m2pt.version"] = multimodalPathwayVersion
    metadata["m2pt.layout"] = layout?.rawValue
    for (index, file) in weights.files.enumerated() {
      metadata["m2pt.source.\(index)"] = "\(file.lastPathComponent) sha256:\(try FileDigest.sha256(of: file))"
    }
    return Checkpoint(tensors: try weights.rounded(to: type), metadata: metadata)
  }
}

extension ModelWeights {
  /// The formats that models are written in.
  static let writtenTypes: [ElementType] = [.float32, .bfloat16, .float16]

  /// All tensors in a format of `writtenTypes`, every number rounded once, to nearest, ties to even.
  ///
  /// - Throws: `PathwayError.notAFloatType`; `.beyondRange` where a finite number would become infinite.
  func rounded(to type: ElementType) throws -> [String: Tensor] {
    guard Self.writtenTypes.contains(type) else { throw PathwayError.notAFloatType(type) }
    return try Dictionary(
      uniqueKeysWithValues: tensors.sorted { $0.key < $1.key }.map { name, tensor in
        guard let rounded = try tensor.rounded(to: type) else {
          let beyond = try tensor.numbersBeyond(type)
          throw PathwayError.beyondRange(
            tensor: name, index: tensor.place(ofElement: beyond.first), count: beyond.count, type: type)
        }
        return (name, rounded)
      })
  }
}
