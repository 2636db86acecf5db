extension PointConfiguration {
  private typealias Shapes = [(name: String, shape: [Int])]

  private static func layer(_ name: String, _ shape: [Int], hasBias: Bool = true) -> Shapes {
    [(name + ".weight", shape)] + (hasBias ? [(name + ".bias", [shape[0]])] : [])
  }

  private static func batchNorm(_ name: String, _ channels: Int) -> Shapes {
    ["weight", "bias", "running_mean", "running_var"].map { ("\(name).\($0)", [channels]) }
  }

  /// Tensors of the mini-PointNet and the position's MLP, with Point-MAE's names.
  func tokenizerShapes(width: Int) -> [(name: String, shape: [Int])] {
    let e = encoderWidths
    let pointNet =
      Self.layer("encoder.first_conv.0", [e[0], 3, 1]) + Self.batchNorm("encoder.first_conv.1", e[0])
      + Self.layer("encoder.first_conv.3", [e[1], e[0], 1])
      + Self.layer("encoder.second_conv.0", [e[2], 2 * e[1], 1]) + Self.batchNorm("encoder.second_conv.1", e[2])
      + Self.layer("encoder.second_conv.3", [width, e[2], 1])
    return pointNet + Self.layer("pos_embed.0", [positionWidth, 3])
      + Self.layer("pos_embed.2", [width, positionWidth])
  }

  /// Tensors of the head, with Point-MAE's names.
  func headShapes(_ c: VisionTransformerConfiguration) -> [(name: String, shape: [Int])] {
    if c.classCount == 0 { return [] }
    guard c.task == .perPoint else {
      let widths = [c.pooledWidth] + headWidths + [c.classCount]
      return ClassHead.names(self).enumerated().flatMap { index, names in
        Self.layer(names.layer, [widths[index + 1], widths[index]])
          + (names.norm.map { Self.batchNorm($0, widths[index + 1]) } ?? [])
      }
    }
    let propagated = propagation(width: c.width)
    let features = featureBlocks.count * c.width
    let joined = propagated[1] + 2 * features + categoryWidth
    var shapes = Self.layer("label_conv.0", [categoryWidth, categories.count, 1], hasBias: false)
    shapes += Self.batchNorm("label_conv.1", categoryWidth)
    for (index, columns) in [3 + features, propagated[0]].enumerated() {
      shapes += Self.layer("propagation_0.mlp_convs.\(index)", [propagated[index], columns, 1])
      shapes += Self.batchNorm("propagation_0.mlp_bns.\(index)", propagated[index])
    }
    shapes += Self.layer("convs1", [pointWidths[0], joined, 1]) + Self.batchNorm("bns1", pointWidths[0])
    shapes += Self.layer("convs2", [pointWidths[1], pointWidths[0], 1]) + Self.batchNorm("bns2", pointWidths[1])
    return shapes + Self.layer("convs3", [c.classCount, pointWidths[1], 1])
  }
}
