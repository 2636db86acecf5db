import Foundation
import PathwayCheckpoints
import PathwayKernels

/// A vision transformer's tensors under timm's names, every one present, of the right shape, and float32.
public struct ModelWeights: Sendable {
  /// The numbers that the tensors' shapes follow from.
  public let configuration: VisionTransformerConfiguration
  /// Tensors by timm's names.
  public let tensors: [String: Tensor]
  /// The checkpoint's free text; a merged model's provenance.
  public let metadata: [String: String]
  /// Files that the tensors came from, in reading order.
  public let files: [URL]
  /// How the checkpoint stores its numbers: the widest format among its tensors.
  public let storedType: ElementType
  /// Choices between several readings of files and configuration that were made while loading, a sentence each, for a
  /// person to see.
  public let notes: [String]
  /// How the model's pictures or frames are prepared: what its files say, else what timm has for its architecture and
  /// tag. Nil for sound and points, for weights that were not loaded with a model's files, and where the files' recipe
  /// cannot be followed here.
  public let preprocessing: ImagePreprocessing?

  /// Whether another model has the same tensors in the same memory.
  func isIdentical(to other: ModelWeights) -> Bool {
    tensors.count == other.tensors.count
      && tensors.allSatisfy { name, tensor in other.tensors[name].map { $0.isIdentical(to: tensor) } ?? false }
  }

  /// Binds a checkpoint strictly, after its names were made timm's (`CheckpointLayout`).
  ///
  /// What timm's configurations cannot say, the names do: `attn.q_bias` makes the qkv bias one of queries and values
  /// alone. What a video's checkpoint leaves out, its fixed positions, is computed.
  ///
  /// - Throws: `BindingError` with every missing, unexpected and misshapen tensor; `CheckpointLayoutError`;
  ///   `ConfigurationError`.
  /// - Complexity: float32 tensors are not copied; others are converted.
  public init(checkpoint: Checkpoint, configuration: VisionTransformerConfiguration) throws {
    try self.init(binding: ModelBinding(checkpoint: checkpoint, configuration: configuration), of: checkpoint)
  }

  /// - Throws: `BindingError` where the checkpoint does not fit; `MemoryError` where its tensors are converted.
  package init(binding: ModelBinding, of checkpoint: Checkpoint) throws {
    guard binding.problems.isEmpty else { throw binding.problems }
    let converted = binding.tensors.values.filter { $0.elementType != .float32 }
    try SystemMemory.require(converted.reduce(0) { $0 + 4 * $1.count }, for: .weights)
    self.init(
      configuration: binding.configuration, tensors: try binding.tensors.mapValues { try $0.asFloat32() },
      metadata: checkpoint.metadata, files: checkpoint.files,
      storedType: checkpoint.tensors.values.map(\.elementType).max { $0.byteCount < $1.byteCount } ?? .float32,
      notes: checkpoint.notes + binding.notes)
  }

  /// The caller has made sure that `tensors` are those of the configuration.
  package init(
    configuration: VisionTransformerConfiguration, tensors: [String: Tensor], metadata: [String: String], files: [URL],
    storedType: ElementType, notes: [String] = [], preprocessing: ImagePreprocessing? = nil
  ) {
    self.configuration = configuration
    self.tensors = tensors
    self.metadata = metadata
    self.files = files
    self.storedType = storedType
    self.notes = notes
    self.preprocessing = preprocessing
  }

  /// A target's tensors under timm's names.
  static func named(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
    let reading = try LayoutReading(tensors)
    try reading.requireTarget()
    return reading.renamed.tensors
  }

  /// Number of parameters.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

  /// A tensor that the configuration calls for; binding made sure that it is there.
  ///
  /// - Throws: `BindingError` where the configuration has no tensor of that name.
  public func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw BindingError(missing: [.init(name: name, nearest: nearest(to: name, among: tensors.keys, limit: 1).first)])
    }
    return tensor
  }
}
