import PathwayCheckpoints

/// A target transformer with auxiliaries attached: `W_hat = W + sum_m lambda_m W'_m` in the joined layers
/// (Zhang et al., "Multimodal Pathway", CVPR 2024, section 3.3), everything else the target's own.
///
/// A value: attaching returns another one, and neither target nor auxiliary is ever changed.
public struct PathwayWeights: Sendable {
  /// One auxiliary and how it is joined.
  public struct Pathway: Sendable {
    /// Where W' comes from.
    public let auxiliary: AuxiliaryWeights
    /// Auxiliary block by target block.
    public let blocks: [Int: Int]
    /// The layers that are joined, of every block in `blocks`.
    public let layers: [PathwayLayer]
    /// What becomes of the biases of the joined layers.
    public let bias: PathwayBias
    /// lambda by joined layer, `blocks.0.attn.qkv` and so on; every joined layer is here.
    public let scales: [String: Float]
  }

  /// One auxiliary's share of one layer.
  public struct Term: Sendable {
    /// lambda, finite and not 0.
    public let scale: Float
    /// W', (out, in).
    public let weight: Tensor
    /// b', (out), where biases are combined and the auxiliary has one.
    public let bias: Tensor?
  }

  /// The transformer that auxiliaries are attached to.
  public let target: ModelWeights
  /// In the order of attaching, which is the order of folding.
  public let pathways: [Pathway]
  /// What fits in shape but not in meaning, in words.
  public let warnings: [String]

  /// A target without pathways.
  public init(_ target: ModelWeights) {
    let isMerged = target.metadata["m2pt.scales"] != nil
    self.init(
      target: target, pathways: [],
      warnings: isMerged ? ["the target is itself the result of a merge; its own pathways stay folded in"] : [])
  }

  init(target: ModelWeights, pathways: [Pathway], warnings: [String]) {
    self.target = target
    self.pathways = pathways
    self.warnings = warnings
  }

  /// The same with one more auxiliary.
  ///
  /// - Parameters:
  ///   - layers: which layers of a block are joined.
  ///   - scale: lambda of every joined layer that `scales` does not name. The paper starts training at 0.
  ///   - scales: lambda by layer, `blocks.0.attn.qkv`, or by kind of layer, `attn.qkv` (`PathwayScales`).
  /// - Throws: `PathwayError` for depths, shapes, names or scales that do not fit.
  public func attach(
    auxiliary: AuxiliaryWeights, layers: [PathwayLayer] = PathwayLayer.allCases, blockMap: BlockMap = .identity,
    bias: PathwayBias = .target, scale: Float = 0, scales: [String: Float] = [:]
  ) throws -> PathwayWeights {
    let blocks = try blockMap.resolved(targetDepth: target.configuration.depth, auxiliaryDepth: auxiliary.depth)
    var initial: [String: Float] = [:]
    for (block, source) in blocks.sorted(by: { $0.key < $1.key }) {
      for layer in layers {
        let name = layer.name(inBlock: block)
        let own = try target.tensor(name + ".weight").shape
        let other = try auxiliary.weight(source, layer).shape
        guard own == other else { throw PathwayError.shapeMismatch(layer: name, target: own, auxiliary: other) }
        if bias == .combined, auxiliary.bias(source, layer) != nil, layer == .qkv,
          target.configuration.qkvBias == .none
        {
          throw PathwayError.biasMissing(layer: name)
        }
        initial[name] = scale
      }
    }
    if !scale.isFinite, let name = initial.keys.min() { throw PathwayError.scaleNotFinite(layer: name) }
    let pathway = Pathway(
      auxiliary: auxiliary, blocks: blocks, layers: layers, bias: bias,
      scales: try Self.overruling(initial, with: scales))
    return PathwayWeights(
      target: target, pathways: pathways + [pathway], warnings: warnings + meaningWarnings(auxiliary))
  }

  static func overruling(_ scales: [String: Float], with new: [String: Float]) throws -> [String: Float] {
    var result = scales
    // Kinds of layers first, so that a layer's own name overrules them.
    for (name, value) in new.sorted(by: { $0.key < $1.key }) {
      guard value.isFinite else { throw PathwayError.scaleNotFinite(layer: name) }
      guard let kind = PathwayLayer(rawValue: name) else { continue }
      let names = scales.keys.filter { $0.hasSuffix(".\(kind.rawValue)") }
      guard !names.isEmpty else { throw PathwayError.notJoined(layer: name) }
      for layer in names { result[layer] = value }
    }
    for (name, value) in new.sorted(by: { $0.key < $1.key }) where PathwayLayer(rawValue: name) == nil {
      guard scales[name] != nil else {
        if isLayer(name) { throw PathwayError.notJoined(layer: name) }
        let known = scales.keys.sorted() + PathwayLayer.allCases.map(\.rawValue)
        throw PathwayError.notALayer(found: name, nearest: nearest(to: name, among: known, limit: 1).first)
      }
      result[name] = value
    }
    return result
  }

  /// Whether a name is one that a layer could have.
  private static func isLayer(_ name: String) -> Bool {
    let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count == 3 && parts[0] == "blocks" && Int(parts[1]) != nil
      && PathwayLayer(rawValue: String(parts[2])) != nil
  }

  func meaningWarnings(_ auxiliary: AuxiliaryWeights) -> [String] {
    var notes: [String] = []
    let own = target.configuration.heads
    if let heads = auxiliary.heads, heads != own {
      notes.append(
        auxiliary.headsAreAssumed
          ? "the auxiliary does not say how many heads it has; models like it have \(heads), the target \(own): "
            + "shapes agree, heads do not mean the same"
          : "the target has \(own) heads, the auxiliary \(heads): shapes agree, heads do not mean the same")
    }
    if auxiliary.isPostNorm {
      notes.append("the auxiliary normalises after its layers (post-norm), the target before them")
    }
    if let remark = auxiliary.layout.remark { notes.append(remark) }
    return notes
  }

  /// The auxiliaries' shares of one layer in the order they were attached. A scale of 0 has none: the target's bits
  /// stay, also where the auxiliary's weights are not finite.
  ///
  /// - Throws: `PathwayError.missingAuxiliary`.
  public func terms(_ block: Int, _ layer: PathwayLayer) throws -> [Term] {
    try pathways.compactMap { pathway in
      guard let scale = pathway.scales[layer.name(inBlock: block)], scale != 0, let source = pathway.blocks[block]
      else { return nil }
      return Term(
        scale: scale, weight: try pathway.auxiliary.weight(source, layer),
        bias: pathway.bias == .combined ? pathway.auxiliary.bias(source, layer) : nil)
    }
  }
}

extension ModelWeights {
  /// This model with an auxiliary attached; see `PathwayWeights.attach`.
  ///
  /// - Throws: `PathwayError`; `BindingError`.
  public func attach(
    auxiliary: AuxiliaryWeights, layers: [PathwayLayer] = PathwayLayer.allCases, blockMap: BlockMap = .identity,
    bias: PathwayBias = .target, scale: Float = 0, scales: [String: Float] = [:]
  ) throws -> PathwayWeights {
    try PathwayWeights(self).attach(
      auxiliary: auxiliary, layers: layers, blockMap: blockMap, bias: bias, scale: scale, scales: scales)
  }
}
