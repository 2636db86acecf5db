import MultimodalPathway

/// All tensors of a training run, in a fixed order: the target's in the order of timm's files, then every auxiliary's,
/// then the scales. The only description of the run's memory: optimizer, clipping, average, checkpoint and the forward
/// pass are loops over it.
public struct ParameterTable: Sendable {
  /// A tensor of the target with the tensors of auxiliaries that are joined to it; all are indices of `spans`.
  struct Joint: Sendable {
    struct Member: Sendable {
      let auxiliary: Int
      let scale: Int
    }
    let target: Int
    /// In the order of attaching.
    let members: [Member]
  }

  /// Consecutive elements of a tensor of the target.
  struct Piece: Sendable {
    let target: Int
    let start: Int
    let count: Int
    /// Most elements: 256 KiB of G and of each W'.
    static let mostElements = 1 << 16
  }

  /// Every tensor.
  public let spans: [ParameterSpan]
  /// Layers for the decay of learning rates.
  public let layerCount: Int
  /// Floats of the arena of values.
  public let valueCount: Int
  /// Floats of the arena of gradients: those of the target, since `dL/dW' = lambda dL/dW`.
  public let gradientCount: Int
  /// Floats of an arena of moments.
  public let momentCount: Int
  /// Number of the target's tensors, which come first.
  let targetCount: Int
  /// By index of the target's tensor.
  let joints: [Int: Joint]
  /// The tensors of the target whose gradients a step reads, cut into pieces that are an item of work each.
  private(set) var pieces: [Piece] = []

  /// Floats up to the next tensor, which begins a cache line.
  private static func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

  /// The tensors of a target with pathways.
  ///
  /// - Throws: `PathwayError.missingAuxiliary`.
  public init(_ weights: PathwayWeights, freeze: Recipe.Freeze = .none) throws {
    let c = weights.target.configuration
    let parameters = c.parameters
    let groups = LayerGroups(parameters, depth: c.depth)
    var builder = Builder(freeze: freeze)
    for parameter in parameters {
      builder.add(
        parameter.name, parameter.shape, .target, role: parameter.role, layer: groups.layer(of: parameter.name))
    }
    targetCount = builder.spans.count
    gradientCount = builder.values
    var members: [Int: [Joint.Member]] = [:]
    let places = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
    for (index, pathway) in weights.pathways.enumerated() {
      // Scales come after the auxiliary's tensors.
      var joined: [(target: Int, auxiliary: Int, layer: ParameterSpan.JoinedLayer)] = []
      for (block, source) in pathway.blocks.sorted(by: { $0.key < $1.key }) {
        for layer in PathwayLayer.allCases where pathway.layers.contains(layer) {
          let place = ParameterSpan.JoinedLayer(pathway: index, block: block, layer: layer)
          var shapes = [(isBias: false, shape: try pathway.auxiliary.weight(source, layer).shape)]
          if pathway.bias == .combined, let bias = pathway.auxiliary.bias(source, layer) {
            shapes.append((true, bias.shape))
          }
          for (isBias, shape) in shapes {
            let name = layer.name(inBlock: block) + (isBias ? ".bias" : ".weight")
            guard let target = places[name] else { continue }
            joined.append((target, builder.spans.count, place))
            builder.add(
              "auxiliaries.\(index).\(name)", shape, .auxiliary(place, isBias: isBias), role: isBias ? .bias : .weight,
              layer: groups.layer(of: name))
          }
        }
      }
      var scales: [ParameterSpan.JoinedLayer: Int] = [:]
      for (target, auxiliary, place) in joined {
        let scale = scales[place] ?? builder.spans.count
        if scales.updateValue(scale, forKey: place) == nil {
          let name = place.layer.name(inBlock: place.block)
          builder.add("scales.\(index).\(name)", [], .scale(place), role: .gain, layer: groups.layer(of: name))
        }
        members[target, default: []].append(Joint.Member(auxiliary: auxiliary, scale: scale))
      }
    }
    spans = builder.spans
    layerCount = groups.count
    (valueCount, momentCount) = (builder.values, builder.moments)
    joints = members.reduce(into: [:]) { $0[$1.key] = Joint(target: $1.key, members: $1.value) }
    pieces = (0..<targetCount).filter(reads).flatMap { target in
      let count = spans[target].count
      return stride(from: 0, to: count, by: Piece.mostElements).map {
        Piece(target: target, start: $0, count: min(Piece.mostElements, count - $0))
      }
    }
  }

  /// Lays tensors out one after the other.
  private struct Builder {
    let freeze: Recipe.Freeze
    var spans: [ParameterSpan] = []
    var values = 0
    var moments = 0

    mutating func add(
      _ name: String, _ shape: [Int], _ owner: ParameterSpan.Owner, role: Parameter.Role, layer: Int
    ) {
      let room = ParameterTable.aligned(shape.reduce(1, *))
      let trains = moves(name, owner, role)
      spans.append(
        ParameterSpan(
          name: name, shape: shape, owner: owner, offset: values, momentOffset: trains ? moments : nil,
          decays: role == .weight, layer: layer))
      values += room
      if trains { moments += room }
    }

    private func moves(_ name: String, _ owner: ParameterSpan.Owner, _ role: Parameter.Role) -> Bool {
      if role == .mean || role == .variance { return false }
      switch (freeze, owner) {
      case (_, .scale), (.none, _), (.auxiliary, .target): return true
      case (.auxiliary, .auxiliary): return false
      case (.linear, _): return owner == .target && LayerGroups.isOfHead(name)
      }
    }
  }

  /// The factor of a tensor's learning rate: the recipe's layer decay to the number of layers after its own; of a
  /// scale, times its multiple.
  public func rate(of span: ParameterSpan, _ recipe: Recipe) -> Double {
    var factor = span.isScale ? recipe.lambdaRate : 1
    for _ in span.layer..<layerCount - 1 { factor *= recipe.layerDecay }
    return factor
  }
}

/// The layers of a transformer that share a learning rate, as timm 1.0 groups its `VisionTransformer` for layer-wise
/// decay: tokens, positions and patch embedding, or the encoder of points, are 0, block i is i + 1, and `norm` and
/// `norm_pre` belong to the last block; the rest, head and `fc_norm`, comes last. The layers of a head that answers for
/// every point are head, feature propagation included.
struct LayerGroups {
  /// Number of groups.
  let count: Int
  private let depth: Int

  init(_ parameters: [Parameter], depth: Int) {
    self.depth = depth
    let hasRest = parameters.contains { Self.group(of: $0.name, depth: depth) == depth + 1 }
    count = depth + (hasRest ? 2 : 1)
  }

  func layer(of name: String) -> Int { Self.group(of: name, depth: depth) }

  /// Whether a tensor is the head's own.
  static func isOfHead(_ name: String) -> Bool {
    heads.contains { name.hasPrefix($0) }
  }

  private static let heads =
    ["head.", "head_dist.", "cls_head_finetune."] + ["label_conv.", "propagation_0.", "convs", "bns"]

  private static let stem = ["cls_token", "cls_pos", "reg_token", "dist_token", "pos_embed", "patch_embed", "encoder."]

  private static func group(of name: String, depth: Int) -> Int {
    if stem.contains(where: { name.hasPrefix($0) }) { return 0 }
    if name.hasPrefix("blocks."), let block = Int(name.dropFirst("blocks.".count).prefix { $0 != "." }) {
      return block + 1
    }
    return name.hasPrefix("norm") ? depth : depth + 1
  }
}
