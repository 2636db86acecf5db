import PathwayCheckpoints

extension ModelWeights {
  /// What separates a checkpoint, under timm's names, from a configuration.
  ///
  /// - Throws: `CheckpointLayoutError` where the names cannot be made timm's; `ConfigurationError.invalid`.
  public static func problems(
    of checkpoint: Checkpoint, configuration: VisionTransformerConfiguration
  ) throws -> BindingError {
    try ModelBinding(checkpoint: checkpoint, configuration: configuration).problems
  }

  /// What separates `tensors` from a configuration's list.
  public static func problems(
    of tensors: [String: Tensor], expected: [Parameter]
  ) -> BindingError {
    var problems = BindingError()
    let known = Set(expected.map(\.name))
    problems.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    // Hints cost the product of both lists; a damaged file may have any number of names.
    let candidates = problems.unexpected.prefix(1000)
    for parameter in expected {
      let (name, shape) = (parameter.name, parameter.shape)
      guard let tensor = tensors[name] else {
        let nearest = problems.missing.count < 12 ? nearest(to: name, among: candidates, limit: 1).first : nil
        problems.missing.append(.init(name: name, nearest: nearest))
        continue
      }
      if tensor.shape != shape { problems.mismatched.append(.init(name: name, expected: shape, found: tensor.shape)) }
      if !tensor.elementType.isFloatingPoint {
        problems.notNumbers.append(.init(name: name, found: tensor.elementType))
      }
    }
    return problems
  }
}
