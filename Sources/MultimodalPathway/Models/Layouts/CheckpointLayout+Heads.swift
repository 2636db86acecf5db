import PathwayCheckpoints

/// Heads that are more than one linear layer, and the layers between blocks and head, under timm's names.
extension CheckpointLayout {
  /// Epsilon of the batch norm in MAE's linear probes (main_linprobe.py); no file holds it.
  static let probeEpsilon = 1e-6

  /// Whether a file holds a linear probe of MAE's kind.
  static func hasProbeHead(_ names: some Sequence<String>) -> Bool {
    names.contains { $0.hasSuffix("head.0.running_var") }
  }

  static func nameHeads(_ result: inout RenamedTensors) throws {
    if result.tensors["head_dist.weight"] != nil { move("reg_token", to: "dist_token", &result) }
    // The pooler of a model with a head reaches nothing; other models' poolers have this one layer.
    let isUsed = result.tensors["head.weight"] == nil
    for name in result.tensors.keys where name.hasPrefix("pooler.") {
      if isUsed, ["pooler.dense.weight", "pooler.dense.bias"].contains(name) { continue }
      result.tensors[name] = nil
      result.dropped += result.sources.removeValue(forKey: name) ?? []
    }
    try fuseProbe(&result)
  }

  private static func move(_ old: String, to new: String, _ result: inout RenamedTensors) {
    guard let tensor = result.tensors.removeValue(forKey: old), result.tensors[new] == nil else { return }
    result.tensors[new] = tensor
    result.sources[new] = result.sources.removeValue(forKey: old)
  }

  /// The linear probes of MAE's main_linprobe.py: a batch norm without weights of its own before the linear layer,
  /// `head.0` and `head.1`, as one layer: W / sqrt(var + epsilon) and b - W mean / sqrt(var + epsilon), computed in
  /// double and rounded once. What does not fit stays as it is, for binding to complain.
  private static func fuseProbe(_ result: inout RenamedTensors) throws {
    let parts = ["head.0.running_mean", "head.0.running_var", "head.1.weight", "head.1.bias"]
    let tensors = parts.compactMap { result.tensors[$0] }
    guard tensors.count == 4, result.tensors["head.weight"] == nil, result.tensors["head.0.weight"] == nil,
      tensors[2].shape.count == 2
    else { return }
    let (rows, columns) = (tensors[2].shape[0], tensors[2].shape[1])
    guard tensors[0].shape == [columns], tensors[1].shape == [columns], tensors[3].shape == [rows] else { return }
    let (mean, variance) = (try tensors[0].float32().map(Double.init), try tensors[1].float32().map(Double.init))
    guard variance.allSatisfy({ $0 + probeEpsilon > 0 }) else { return }
    let factors = variance.map { 1 / ($0 + probeEpsilon).squareRoot() }
    let (weight, bias) = (try tensors[2].float32(), try tensors[3].float32())
    var sums = bias.map(Double.init)
    let fused = weight.indices.map { index -> Float in
      let value = Double(weight[index]) * factors[index % columns]
      sums[index / columns] -= value * mean[index % columns]
      return Float(value)
    }
    result.tensors["head.weight"] = Tensor(fused, shape: [rows, columns])
    result.tensors["head.bias"] = Tensor(sums.map { Float($0) }, shape: [rows])
    let origins = parts.map { result.sources.removeValue(forKey: $0) ?? [] }
    result.sources["head.weight"] = origins[2] + origins[1]
    result.sources["head.bias"] = origins.flatMap { $0 }
    for name in parts { result.tensors[name] = nil }
    result.tensors["head.0.num_batches_tracked"] = nil
    result.dropped += result.sources.removeValue(forKey: "head.0.num_batches_tracked") ?? []
  }
}

extension ModelWeights {
  /// Gives `configuration` the pooler that the tensors have, and refuses heads that cannot be run.
  ///
  /// - Parameter reading: has the checkpoint's own names.
  /// - Returns: sentences for a person about what was chosen.
  /// - Throws: `CheckpointLayoutError.unsupportedHead`.
  static func completeHead(
    _ tensors: inout [String: Tensor], _ configuration: inout VisionTransformerConfiguration, _ reading: LayoutReading
  ) throws -> [String] {
    var notes: [String] = []
    if configuration.points == nil { try refuseHead(tensors) }
    if CheckpointLayout.hasProbeHead(reading.renamed.sources.values.joined()), tensors["head.weight"] != nil {
      notes.append(
        "the batch norm before the head is fused into it, with epsilon 1e-6 as in MAE's main_linprobe.py; "
          + "the file does not hold its epsilon")
    }
    guard configuration.poolerWidth == nil, let pooler = tensors["pooler.dense.weight"] else { return notes }
    if configuration.classCount == 0, configuration.modality == .image, configuration.pooling == .token,
      !configuration.normalizesAfterPooling, let width = pooler.shape.first
    {
      configuration.head = .pooler(width: width)
      try configuration.validate()
      notes.append(
        "pooled features are the pooler's, tanh of a dense layer of the class token, as transformers' pooler_output; "
          + "the class token itself is the first of the features' tokens (timm has no such layer: it loads a converted "
          + "file with strict=False)")
    } else {
      notes.append("the pooler (pooler.dense) is not used: pooled features are made otherwise here")
      for name in ["pooler.dense.weight", "pooler.dense.bias"] { tensors[name] = nil }
    }
    return notes
  }

  /// A head with numbered parts is a sequence of layers, of which only MAE's probe is known.
  private static func refuseHead(_ tensors: [String: Tensor]) throws {
    let names = tensors.keys.filter { name in
      name.hasPrefix("head.") && name.dropFirst("head.".count).first?.isNumber == true
    }.sorted()
    guard !names.isEmpty else { return }
    let feature =
      if names.contains("head.0.running_var"), names.contains("head.0.weight") {
        "a batch norm with weights of its own before the head, whose epsilon the file does not hold"
      } else if names.contains("head.0.running_var") {
        "a batch norm before something other than one linear layer that fits it"
      } else {
        "a head of several layers"
      }
    throw CheckpointLayoutError.unsupportedHead(feature: feature, names: names)
  }
}
