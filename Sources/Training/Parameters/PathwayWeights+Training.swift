import MultimodalPathway
import PathwayKernels

extension PathwayWeights {
  /// The same pathways on another target.
  ///
  /// - Throws: `PathwayError`.
  package func moved(to target: ModelWeights) throws -> PathwayWeights {
    try pathways.reduce(PathwayWeights(target)) { weights, pathway in
      try weights.attach(
        auxiliary: pathway.auxiliary, layers: pathway.layers, blockMap: .explicit(pathway.blocks), bias: pathway.bias,
        scales: pathway.scales)
    }
  }

  /// Whether the target's head answers with these classes, in this order.
  package func hasHead(for classes: [String]) -> Bool {
    target.configuration.classCount == classes.count && target.configuration.labels == classes
  }

  /// The same with a new linear head for `classes`, unless the target has a head for them.
  ///
  /// The head's weights are normal with deviation 2e-5 and its biases 0, as MAE's fine-tuning has them: the first
  /// answers are even, and the first gradients of the layers below are small.
  ///
  /// - Throws: `ConfigurationError`; `PathwayError`.
  package func withHead(for classes: [String], seed: UInt64) throws -> PathwayWeights {
    if hasHead(for: classes) { return self }
    var c = target.configuration
    (c.classCount, c.labels, c.labelDescriptions, c.vocabulary) = (classes.count, classes, nil, nil)
    c.task = .singleLabel
    if c.pooling == .none { c.pooling = c.hasClassToken ? .token : .mean }
    try c.validate()
    var random = RandomStream(seed: seed, .head)
    var tensors: [String: Tensor] = [:]
    for parameter in c.parameters {
      if let tensor = target.tensors[parameter.name], tensor.shape == parameter.shape,
        !LayerGroups.isOfHead(parameter.name)
      {
        tensors[parameter.name] = tensor
      } else {
        let isWeight = parameter.role == .weight
        tensors[parameter.name] = Tensor(
          (0..<parameter.count).map { _ in isWeight ? Float(2e-5 * random.normal()) : 0 }, shape: parameter.shape)
      }
    }
    return try moved(
      to: ModelWeights(
        configuration: c, tensors: tensors, metadata: target.metadata, files: target.files,
        storedType: target.storedType, preprocessing: target.preprocessing))
  }
}

extension ParameterArena {
  /// The weights of an arena as a model with pathways, without copying: they are read before the next step.
  ///
  /// A joined block of an auxiliary becomes one of the target's own: where a block serves several of the target's, each
  /// was trained by itself. Layers that are not joined are the auxiliary's.
  ///
  /// - Parameters:
  ///   - source: what the run was started with.
  ///   - arena: `values`, or `average`.
  ///   - metadata: of the target.
  /// - Throws: `PathwayError`.
  package func weights(
    like source: PathwayWeights, of arena: FloatBuffer, metadata: [String: String] = [:]
  ) throws -> PathwayWeights {
    var tensors: [String: Tensor] = [:]
    var joined: [Int: [String: Tensor]] = [:]
    var scales: [Int: [String: Float]] = [:]
    let blocks = source.pathways.map { $0.blocks.keys.sorted() }
    for span in table.spans {
      switch span.owner {
      case .target: tensors[span.name] = tensor(span, of: arena)
      case .auxiliary(let place, let isBias):
        let block = blocks[place.pathway].firstIndex(of: place.block) ?? 0
        let name = place.layer.name(inBlock: block) + (isBias ? ".bias" : ".weight")
        joined[place.pathway, default: [:]][name] = tensor(span, of: arena)
      case .scale(let place):
        let value = arena.base[span.offset]
        scales[place.pathway, default: [:]][place.layer.name(inBlock: place.block)] = value
      }
    }
    let target = ModelWeights(
      configuration: source.target.configuration, tensors: tensors, metadata: metadata, files: [],
      storedType: .float32, preprocessing: source.target.preprocessing)
    var result = PathwayWeights(target)
    for (index, pathway) in source.pathways.enumerated() {
      var named = joined[index] ?? [:]
      for (block, place) in blocks[index].enumerated() {
        for layer in PathwayLayer.allCases {
          let (name, original) = (layer.name(inBlock: block), pathway.blocks[place] ?? place)
          if named[name + ".weight"] == nil { named[name + ".weight"] = try pathway.auxiliary.weight(original, layer) }
          if named[name + ".bias"] == nil { named[name + ".bias"] = pathway.auxiliary.bias(original, layer) }
        }
      }
      result = try result.attach(
        auxiliary: AuxiliaryWeights(checkpoint: Checkpoint(tensors: named), heads: pathway.auxiliary.heads),
        layers: pathway.layers,
        blockMap: .explicit(Dictionary(uniqueKeysWithValues: blocks[index].enumerated().map { ($1, $0) })),
        bias: pathway.bias, scales: scales[index] ?? [:])
    }
    return result
  }
}
