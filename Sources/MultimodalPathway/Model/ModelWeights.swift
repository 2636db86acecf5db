import PathwayCheckpoints

/// A vision transformer's tensors under timm's names, every one present, of the right shape, and float32.
public struct ModelWeights: Sendable {
  public let configuration: VisionTransformerConfiguration
  /// Tensors by timm's names.
  public let tensors: [String: Tensor]
  /// The checkpoint's free text; a merged model's provenance.
  public let metadata: [String: String]

  /// Binds a checkpoint strictly.
  ///
  /// - Throws: `BindingError` with every missing, unexpected and misshapen tensor; `ConfigurationError`; `CheckpointError`.
  public init(checkpoint: Checkpoint, configuration: VisionTransformerConfiguration) throws {
    var configuration = configuration
    if configuration.qkvBias == .full, checkpoint.tensors["blocks.0.attn.q_bias"] != nil {
      // timm's configurations do not say it; BEiT and VideoMAE files do.
      configuration.qkvBias = .queryAndValue
    }
    try configuration.validate()
    let expected = Self.expectedShapes(configuration)
    let problems = Self.problems(of: checkpoint.tensors, expected: expected)
    guard problems.isEmpty else { throw problems }
    self.configuration = configuration
    self.metadata = checkpoint.metadata
    self.tensors = try checkpoint.tensors.mapValues { try $0.asFloat32() }
  }

  /// Every tensor of the configuration, in file order, by name and shape: the one list that loading, random initialisation,
  /// counting and inspection share.
  public static func expectedShapes(_ c: VisionTransformerConfiguration) -> [(name: String, shape: [Int])] {
    let width = c.width
    var list: [(name: String, shape: [Int])] = []
    func norm(_ name: String) { list += [(name + ".weight", [width]), (name + ".bias", [width])] }
    if c.hasClassToken { list.append(("cls_token", [1, 1, width])) }
    if c.registerTokens > 0 { list.append(("reg_token", [1, c.registerTokens, width])) }
    let positions = c.grid.height * c.grid.width + (c.positionCoversPrefix ? c.prefixTokens : 0)
    list.append(("pos_embed", [1, positions, width]))
    list.append(("patch_embed.proj.weight", [width, c.channels, c.patchSize.height, c.patchSize.width]))
    // timm leaves the patch bias out where norm_pre follows, as CLIP does.
    if !c.hasPreNorm { list.append(("patch_embed.proj.bias", [width])) }
    if c.hasPreNorm { norm("norm_pre") }
    for block in 0..<c.depth {
      let prefix = "blocks.\(block)."
      norm(prefix + "norm1")
      list.append((prefix + "attn.qkv.weight", [3 * width, width]))
      switch c.qkvBias {
      case .none: break
      case .full: list.append((prefix + "attn.qkv.bias", [3 * width]))
      case .queryAndValue: list += [(prefix + "attn.q_bias", [width]), (prefix + "attn.v_bias", [width])]
      }
      list += [(prefix + "attn.proj.weight", [width, width]), (prefix + "attn.proj.bias", [width])]
      if c.hasLayerScale { list.append((prefix + "ls1.gamma", [width])) }
      norm(prefix + "norm2")
      list += [
        (prefix + "mlp.fc1.weight", [c.hiddenWidth, width]), (prefix + "mlp.fc1.bias", [c.hiddenWidth]),
        (prefix + "mlp.fc2.weight", [width, c.hiddenWidth]), (prefix + "mlp.fc2.bias", [width]),
      ]
      if c.hasLayerScale { list.append((prefix + "ls2.gamma", [width])) }
    }
    if c.hasFinalNorm { norm(c.normalizesAfterPooling ? "fc_norm" : "norm") }
    if c.classCount > 0 { list += [("head.weight", [c.classCount, width]), ("head.bias", [c.classCount])] }
    return list
  }

  /// What separates `tensors` from a configuration's list.
  public static func problems(
    of tensors: [String: Tensor], expected: [(name: String, shape: [Int])]
  ) -> BindingError {
    var problems = BindingError()
    let known = Set(expected.map(\.name))
    let unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    for (name, shape) in expected {
      if let tensor = tensors[name] {
        if tensor.shape != shape { problems.mismatched.append(.init(name: name, expected: shape, found: tensor.shape)) }
      } else {
        problems.missing.append(.init(name: name, nearest: nearest(to: name, among: unexpected, limit: 1).first))
      }
    }
    problems.unexpected = unexpected
    return problems
  }

  /// Random weights for benchmarks and tests: linear weights uniform in +-0.035 (deviation 0.02), norms near 1.
  public static func random(_ configuration: VisionTransformerConfiguration, seed: UInt64) throws -> ModelWeights {
    try configuration.validate()
    var state = seed
    var tensors: [String: Tensor] = [:]
    for (name, shape) in expectedShapes(configuration) {
      let isGain = name.hasSuffix("norm1.weight") || name.hasSuffix("norm2.weight") || name.hasSuffix("norm.weight")
        || name.hasSuffix("norm_pre.weight") || name.hasSuffix("gamma")
      tensors[name] = Tensor(shape: shape) { values in
        for index in values.indices {
          state &+= 0x9E37_79B9_7F4A_7C15
          var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
          bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
          let uniform = Float(bits >> 40) * 0x1p-23 - 1
          values[index] = (isGain ? 1 : 0) + 0.035 * uniform
        }
      }
    }
    return try ModelWeights(checkpoint: Checkpoint(tensors: tensors), configuration: configuration)
  }

  /// Number of parameters.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

  /// A tensor that the configuration calls for; binding made sure that it is there.
  ///
  /// - Throws: `BindingError` where the configuration has no tensor of that name.
  package func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw BindingError(missing: [.init(name: name, nearest: nearest(to: name, among: tensors.keys, limit: 1).first)])
    }
    return tensor
  }
}
