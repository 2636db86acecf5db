import MultimodalPathway

extension TrainingCase {
  /// Small point transformers with every part that only they have, by name.
  static let pointConfigurations: [(name: String, c: VisionTransformerConfiguration)] = {
    func make(_ change: (inout VisionTransformerConfiguration) -> Void) -> VisionTransformerConfiguration {
      var c = VisionTransformerConfiguration(
        architecture: "points_of_ones_own", imageSize: Extent(square: 1), patchSize: Extent(square: 1), width: 6,
        depth: 2, heads: 2, hiddenWidth: 9)
      (c.classCount, c.epsilon, c.qkvBias) = (3, 1e-5, .none)
      var points = PointConfiguration()
      (points.points, points.groups, points.groupSize) = (14, 5, 4)
      (points.encoderWidths, points.positionWidth) = ([5, 4, 7], 3)
      c.input = .points(points)
      (c.head, c.pooling) = (.points(hiddenWidths: [5, 4]), .tokenAndMaximum)
      change(&c)
      return c
    }
    var parts = PartConfiguration()
    (parts.featureBlocks, parts.categoryWidth, parts.propagationWidths) = ([0, 1], 3, [7, 5])
    (parts.pointWidths, parts.categories) = ([6, 4], ["lamp", "chair", "mug"].map { .init(name: $0) })
    return [
      ("points without a head", make { ($0.classCount, $0.pooling) = (0, .token) }),
      (
        "points with a linear head",
        make { ($0.head, $0.hasClassToken, $0.pooling) = (.points(hiddenWidths: []), false, .mean) }
      ),
      ("points", make { _ in }),
      ("parts", make { ($0.head, $0.hasClassToken, $0.pooling) = (.parts(parts), false, .maximum) }),
    ]
  }()

  /// The category of a cloud of a batch, for models that are told one.
  static func category(of cloud: Int) -> Int { cloud % 3 }

  /// Fewer inputs make batch norms over inputs of ±1 alone, with gradients that are differences of rounding errors.
  var usualBatch: Int { c.points == nil ? 2 : 6 }

  /// Places of the gradients that are compared together: each parameter's by itself, but a bias or shift whose gradient
  /// is 0 but for Double's roundings, since a batch norm follows, with its layer's weight or gain. Running statistics
  /// have none.
  ///
  /// - Parameter expected: the gradient of a parameter.
  func compared(_ expected: (Int) throws -> [Double]) rethrows -> [(name: String, ranges: [Range<Int>])] {
    var groups: [(name: String, ranges: [Range<Int>])] = []
    var largest = 0.0
    for (index, parameter) in parameters.enumerated() where ![.mean, .variance].contains(parameter.role) {
      let range = starts[index]..<starts[index + 1]
      let size = try expected(index).reduce(0) { max($0, abs($1)) }
      if parameter.role == .bias, size < 1e-6 * largest {
        groups[groups.count - 1].ranges.append(range)
      } else {
        groups.append((parameter.name, [range]))
        largest = size
      }
    }
    return groups
  }
}
