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
  /// The size that the configuration says, where position embeddings are stored for another.
  let configuredSize: Extent
  /// Choices that were made, a sentence each: the reading's, and those of the head.
  public let notes: [String]

  /// - Throws: `CheckpointLayoutError`; `ConfigurationError.invalid`.
  public init(checkpoint: Checkpoint, configuration: VisionTransformerConfiguration) throws {
    try self.init(
      reading: LayoutReading(checkpoint.tensors), configuration: configuration, others: checkpoint.others)
  }

  /// The same of a model with its configuration (`ModelWeights.configuration`).
  init(modelAt url: URL, of checkpoint: Checkpoint, architecture: String?) throws {
    try self.init(
      reading: LayoutReading(checkpoint.tensors), modelAt: url, of: checkpoint, architecture: architecture)
  }

  /// The same of names that were read before.
  package init(
    reading: LayoutReading, modelAt url: URL, of checkpoint: Checkpoint, architecture: String?
  ) throws {
    // A transformer of another kind says so, whatever its configuration says.
    try reading.requireTarget()
    let configuration = try ModelWeights.configuration(
      at: url, of: checkpoint, architecture: architecture, named: reading.renamed.tensors)
    var stored = configuration
    if architecture == nil, let size = configuration.storedSize(of: reading) { stored.imageSize = size }
    try self.init(
      reading: reading, configuration: stored, others: checkpoint.others, configuredSize: configuration.imageSize)
  }

  /// The same of names that were read before.
  ///
  /// - Parameters:
  ///   - others: entries of the checkpoint that are no tensors (`Checkpoint.others`), for the problems.
  ///   - configuredSize: absent: the configuration's.
  package init(
    reading: LayoutReading, configuration: VisionTransformerConfiguration, others: [String: String] = [:],
    configuredSize: Extent? = nil
  ) throws {
    var configuration = configuration
    try configuration.validate()
    try reading.requireTarget()
    self.reading = reading
    var named = reading.renamed.tensors
    if configuration.qkvBias == .full, named["blocks.0.attn.q_bias"] != nil { configuration.qkvBias = .queryAndValue }
    if configuration.qkvBias == .queryAndValue, named["blocks.0.attn.qkv.bias"] != nil { configuration.qkvBias = .full }
    if configuration.modality == .video { ModelWeights.completeVideo(&named, configuration) }
    notes = reading.notes + (try ModelWeights.completeHead(&named, &configuration, reading))
    var problems = ModelWeights.problems(of: named, expected: configuration.parameters)
    problems.others = others.sorted { $0.key < $1.key }.map { "\($0.key) is \($0.value)" }
    self.problems = problems
    self.configuredSize = configuredSize ?? configuration.imageSize
    self.configuration = configuration
    tensors = named
  }

  /// The checkpoint's names by timm's, of the tensors that the model takes.
  private var used: [String: [String]] { reading.renamed.sources.filter { tensors[$0.key] != nil } }
  /// The checkpoint's names by timm's, where a tensor has another name now.
  public var renamed: [String: String] {
    used.compactMapValues { $0.count == 1 ? $0[0] : nil }.filter { $0.key != $0.value }
  }
  /// The same where several tensors became one: query, key and value; a weight, its auxiliary's and their scale.
  public var joined: [String: [String]] { used.filter { $0.value.count > 1 } }
  /// What the checkpoint has and the model has no use for: decoders, mask tokens, counters, a pooler that is not read.
  public var dropped: [String] {
    (reading.renamed.dropped + reading.renamed.sources.filter { tensors[$0.key] == nil }.flatMap(\.value)).sorted()
  }
  /// What the checkpoint leaves out and the model needs: fixed positions.
  public var computed: [String] { tensors.keys.filter { reading.renamed.sources[$0] == nil }.sorted() }
}
