import PathwayCheckpoints

extension ModelWeights {
  /// Every tensor of the configuration, in file order, by name and shape: the one list that loading, random
  /// initialisation, counting and inspection share.
  public static func expectedShapes(_ c: VisionTransformerConfiguration) -> [(name: String, shape: [Int])] {
    let (width, hidden) = (c.width, c.hiddenWidth)
    var list: [(name: String, shape: [Int])] = []
    func norm(_ name: String) { list += [(name + ".weight", [width]), (name + ".bias", [width])] }
    func linear(_ name: String, _ rows: Int, _ columns: Int) {
      list += [(name + ".weight", [rows, columns]), (name + ".bias", [rows])]
    }
    if c.hasClassToken { list.append(("cls_token", [1, 1, width])) }
    if c.registerTokens > 0 { list.append((c.registerName, [1, c.registerTokens, width])) }
    if let points = c.points {
      if c.hasClassToken { list.append(("cls_pos", [1, 1, width])) }
      list += points.tokenizerShapes(width: width)
    } else {
      list.append(("pos_embed", [1, c.positionPrefix + c.patchCount, width]))
      // A convolution in two dimensions, or in three over tubelets.
      let depth = c.modality == .video ? [c.tubelet] : []
      list.append(
        ("patch_embed.proj.weight", [width, c.channels] + depth + [c.patchSize.height, c.patchSize.width]))
      // timm leaves the patch bias out where norm_pre follows, as CLIP does.
      if !c.hasPreNorm { list.append(("patch_embed.proj.bias", [width])) }
    }
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
      linear(prefix + "attn.proj", width, width)
      if c.hasLayerScale { list.append((prefix + "ls1.gamma", [width])) }
      norm(prefix + "norm2")
      linear(prefix + "mlp.fc1", hidden, width)
      linear(prefix + "mlp.fc2", width, hidden)
      if c.hasLayerScale { list.append((prefix + "ls2.gamma", [width])) }
    }
    if c.hasFinalNorm { norm(c.normalizesAfterPooling ? "fc_norm" : "norm") }
    if let pooled = c.poolerWidth { linear("pooler.dense", pooled, width) }
    if c.hasHeadNorm { norm("head_norm") }
    if let points = c.points {
      list += points.headShapes(c)
    } else if c.classCount > 0 {
      linear("head", c.classCount, c.isDistilled ? width : c.pooledWidth)
      if c.isDistilled { linear("head_dist", c.classCount, width) }
    }
    return list
  }

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
    of tensors: [String: Tensor], expected: [(name: String, shape: [Int])]
  ) -> BindingError {
    var problems = BindingError()
    let known = Set(expected.map(\.name))
    problems.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    // Hints cost the product of both lists; a damaged file may have any number of names.
    let candidates = problems.unexpected.prefix(1000)
    for (name, shape) in expected {
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
