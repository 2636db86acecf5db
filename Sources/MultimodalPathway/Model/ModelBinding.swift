import Foundation
import PathwayCheckpoints

/// How a checkpoint becomes a model of a configuration: all that loading decides before it converts numbers.
///
/// Loading throws its `problems`; `m2pt inspect` reports all of it, so that the two cannot disagree.
public struct ModelBinding: Sendable {
  /// The checkpoint under timm's names.
  public let reading: LayoutReading
  /// The configuration with what only names tell: which of queries, keys and values have a bias.
  public let configuration: VisionTransformerConfiguration
  /// Tensors by timm's names, those that are computed among them.
  let tensors: [String: Tensor]
  /// What keeps the tensors from being the configuration's; empty where they fit.
  public let problems: BindingError

  /// - Throws: `CheckpointLayoutError`; `ConfigurationError.invalid`.
  public init(checkpoint: Checkpoint, configuration: VisionTransformerConfiguration) throws {
    try self.init(reading: LayoutReading(checkpoint.tensors), configuration: configuration)
  }

  /// The same of a model with its configuration (`ModelWeights.configuration`).
  init(modelAt url: URL, of checkpoint: Checkpoint, architecture: String?) throws {
    let reading = try LayoutReading(checkpoint.tensors)
    // A transformer of another kind says so, whatever its configuration says.
    try reading.requireTarget()
    let configuration = try ModelWeights.configuration(at: url, of: checkpoint, architecture: architecture)
    try self.init(reading: reading, configuration: configuration)
  }

  /// The same of names that were read before.
  public init(reading: LayoutReading, configuration: VisionTransformerConfiguration) throws {
    var configuration = configuration
    try configuration.validate()
    try reading.requireTarget()
    self.reading = reading
    var named = reading.renamed.tensors
    if configuration.qkvBias == .full, named["blocks.0.attn.q_bias"] != nil { configuration.qkvBias = .queryAndValue }
    if configuration.qkvBias == .queryAndValue, named["blocks.0.attn.qkv.bias"] != nil { configuration.qkvBias = .full }
    if configuration.modality == .video { ModelWeights.completeVideo(&named, configuration) }
    problems = ModelWeights.problems(of: named, expected: ModelWeights.expectedShapes(configuration))
    self.configuration = configuration
    tensors = named
  }

  /// The checkpoint's names by timm's, where a tensor has another name now.
  public var renamed: [String: String] {
    reading.renamed.sources.compactMapValues { $0.count == 1 ? $0[0] : nil }.filter { $0.key != $0.value }
  }
  /// The same where several tensors became one: query, key and value; a weight, its auxiliary's and their scale.
  public var joined: [String: [String]] { reading.renamed.sources.filter { $0.value.count > 1 } }
  /// What the checkpoint has and the model has no use for: decoders, mask tokens, counters.
  public var dropped: [String] { reading.renamed.dropped }
  /// What the checkpoint leaves out and the model needs: fixed positions.
  public var computed: [String] { tensors.keys.filter { reading.renamed.sources[$0] == nil }.sorted() }
}
