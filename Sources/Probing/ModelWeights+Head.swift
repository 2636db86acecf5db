import MultimodalPathway

extension ModelWeights {
  /// The same transformer without a classifier: its logits are the pooled features.
  ///
  /// - Throws: `ConfigurationError`, `BindingError`.
  public func withoutHead() throws -> ModelWeights {
    var configuration = configuration
    configuration.classCount = 0
    configuration.labels = nil
    configuration.labelDescriptions = nil
    configuration.vocabulary = nil
    configuration.task = .singleLabel
    if configuration.points != nil { configuration.head = .points(hiddenWidths: []) }
    let names = Set(configuration.parameters.map(\.name))
    return try ModelWeights(
      checkpoint: Checkpoint(tensors: tensors.filter { names.contains($0.key) }, metadata: metadata),
      configuration: configuration)
  }
}

extension VisionTransformerConfiguration {
  /// The same transformer with one linear layer as its head, for `classes`, of which exactly one is right.
  /// `linearHeadNames` has the layer's names.
  public func withHead(_ classes: [String]) -> VisionTransformerConfiguration {
    var result = self
    result.classCount = classes.count
    result.labels = classes
    result.labelDescriptions = nil
    result.vocabulary = nil
    result.task = .singleLabel
    if points != nil { result.head = .points(hiddenWidths: []) }
    return result
  }
}
