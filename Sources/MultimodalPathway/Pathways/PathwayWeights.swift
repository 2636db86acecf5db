import PathwayCheckpoints

/// A target transformer with auxiliaries attached: `W_hat = W + sum_m lambda_m W'_m` in the joined layers
/// (Zhang et al., "Multimodal Pathway", CVPR 2024, section 3.3), everything else the target's own.
///
/// A value: attaching returns another one, and neither target nor auxiliary is ever changed.
public struct PathwayWeights: Sendable {
  /// One auxiliary and how it is joined.
  public struct Pathway: Sendable {
    public let auxiliary: AuxiliaryWeights
    /// Auxiliary block by target block.
    public let blocks: [Int: Int]
    public let layers: [PathwayLayer]
    public let bias: PathwayBias
    /// lambda by joined layer, `blocks.0.attn.qkv` and so on.
    public let scales: [String: Float]
  }

  /// One auxiliary's share of one layer.
  public struct Term: Sendable {
    /// lambda.
    public let scale: Float
    /// W', (out, in).
    public let weight: Tensor
    /// b', (out), where biases are combined and the auxiliary has one.
    public let bias: Tensor?
  }

  public let target: ModelWeights
  public let pathways: [Pathway]
  /// What fits in shape but not in meaning, in words.
  public let warnings: [String]

  /// A target without pathways.
  public init(_ target: ModelWeights) {
    self.init(target: target, pathways: [], warnings: [])
  }

  private init(target: ModelWeights, pathways: [Pathway], warnings: [String]) {
    self.target = target
    self.pathways = pathways
    self.warnings = warnings
  }

  /// The same with one more auxiliary.
  ///
  /// - Parameters:
  ///   - layers: which layers of a block are joined.
  ///   - scale: lambda of every joined layer that `scales` does not name. The paper starts training at 0.
  ///   - scales: lambda by layer name, `blocks.0.attn.qkv`.
  /// - Throws: `PathwayError` for depths, shapes, names or scales that do not fit.
  public func attach(
    auxiliary: AuxiliaryWeights, layers: [PathwayLayer] = PathwayLayer.allCases, blockMap: BlockMap = .identity,
    bias: PathwayBias = .target, scale: Float = 0, scales: [String: Float] = [:]
  ) throws -> PathwayWeights {
    let configuration = target.configuration
    let blocks = try blockMap.resolved(targetDepth: configuration.depth, auxiliaryDepth: auxiliary.depth)
    var all: [String: Float] = [:]
    for (block, source) in blocks.sorted(by: { $0.key < $1.key }) {
      for layer in layers {
        let name = layer.name(inBlock: block)
        let own = try target.tensor(name + ".weight").shape
        let other = try auxiliary.weight(source, layer).shape
        guard own == other else { throw PathwayError.shapeMismatch(layer: name, target: own, auxiliary: other) }
        if bias == .combined, let share = auxiliary.bias(source, layer) {
          guard try targetBias(block, layer) != nil else { throw PathwayError.biasMissing(layer: name) }
          guard share.shape == [own[0]] else {
            throw PathwayError.shapeMismatch(layer: name + ".bias", target: [own[0]], auxiliary: share.shape)
          }
        }
        let value = scales[name] ?? scale
        guard value.isFinite else { throw PathwayError.scaleNotFinite(layer: name) }
        all[name] = value
      }
    }
    if let stray = scales.keys.sorted().first(where: { all[$0] == nil }) { throw PathwayError.notALayer(found: stray) }
    var notes = warnings
    if let heads = auxiliary.heads, heads != configuration.heads {
      notes.append(
        "the target has \(configuration.heads) heads, the auxiliary \(heads): shapes agree, heads do not mean the same")
    }
    if auxiliary.layout.isPostNorm {
      notes.append("the auxiliary normalises after its layers (post-norm), the target before them")
    }
    let pathway = Pathway(auxiliary: auxiliary, blocks: blocks, layers: layers, bias: bias, scales: all)
    return PathwayWeights(target: target, pathways: pathways + [pathway], warnings: notes)
  }

  /// The auxiliaries' shares of one layer in the order they were attached. A scale of 0 has none: the target's bits stay.
  public func terms(_ block: Int, _ layer: PathwayLayer) throws -> [Term] {
    try pathways.compactMap { pathway in
      guard let scale = pathway.scales[layer.name(inBlock: block)], scale != 0, let source = pathway.blocks[block] else {
        return nil
      }
      return Term(
        scale: scale, weight: try pathway.auxiliary.weight(source, layer),
        bias: pathway.bias == .combined ? pathway.auxiliary.bias(source, layer) : nil)
    }
  }

  /// The bias of one layer with its auxiliaries' shares, `b + sum_m lambda_m b'_m`; nil where the layer has none.
  /// A q-and-v bias comes as (3C) with zeros for k, which stay zeros: softmax cancels a key bias.
  package func bias(_ block: Int, _ layer: PathwayLayer) throws -> [Float]? {
    guard var bias = try targetBias(block, layer) else { return nil }
    let width = target.configuration.width
    for term in try terms(block, layer) {
      guard let other = try term.bias?.float32() else { continue }
      for index in bias.indices {
        if layer == .qkv, target.configuration.qkvBias == .queryAndValue, (width..<2 * width).contains(index) { continue }
        bias[index] = bias[index].addingProduct(term.scale, other[index])
      }
    }
    return bias
  }

  private func targetBias(_ block: Int, _ layer: PathwayLayer) throws -> [Float]? {
    if layer == .qkv, target.configuration.qkvBias == .queryAndValue {
      let q = try target.tensor("blocks.\(block).attn.q_bias").float32()
      let v = try target.tensor("blocks.\(block).attn.v_bias").float32()
      return q + [Float](repeating: 0, count: q.count) + v
    }
    if layer == .qkv, target.configuration.qkvBias == .none { return nil }
    return try target.tensor(layer.name(inBlock: block) + ".bias").float32()
  }
}

extension ModelWeights {
  /// This model with an auxiliary attached; see `PathwayWeights.attach`.
  public func attach(
    auxiliary: AuxiliaryWeights, layers: [PathwayLayer] = PathwayLayer.allCases, blockMap: BlockMap = .identity,
    bias: PathwayBias = .target, scale: Float = 0, scales: [String: Float] = [:]
  ) throws -> PathwayWeights {
    try PathwayWeights(self).attach(
      auxiliary: auxiliary, layers: layers, blockMap: blockMap, bias: bias, scale: scale, scales: scales)
  }
}
