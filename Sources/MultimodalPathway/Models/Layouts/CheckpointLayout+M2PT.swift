import PathwayCheckpoints

/// M2PT's released checkpoints hold a model in training: `L.weight`, `L.aux_weight` and `L.cross_modal_scale`, (1), of
/// every joined layer L (its `CrossModalReparamLinear`). Nothing there merges them.
extension CheckpointLayout {
  static let auxiliaryWeight = ".aux_weight"
  private static let scale = ".cross_modal_scale"

  /// Every joined layer as one: W + lambda W', each element by one fused multiply-add.
  ///
  /// That the released video model never uses qkv's pathway changes nothing: an unused scale stays 0.
  static func fold(_ result: inout RenamedTensors) throws {
    let tensors = result.tensors
    for (name, auxiliary) in tensors where name.hasSuffix(auxiliaryWeight) {
      let layer = String(name.dropLast(auxiliaryWeight.count))
      guard let weight = tensors[layer + ".weight"], let lambda = tensors[layer + scale] else {
        let absent = layer + (tensors[layer + ".weight"] == nil ? ".weight" : scale)
        throw CheckpointLayoutError.missing(tensor: absent, requiredBy: name)
      }
      guard weight.shape == auxiliary.shape, lambda.count == 1 else {
        throw CheckpointLayoutError.shapes(
          tensors: [layer + ".weight", name, layer + scale], shapes: [weight.shape, auxiliary.shape, lambda.shape])
      }
      let factor = try lambda.float32()[0]
      let sums = zip(try weight.float32(), try auxiliary.float32()).map { $0.addingProduct(factor, $1) }
      result.tensors[layer + ".weight"] = Tensor(sums, shape: weight.shape)
      for share in [name, layer + scale] {
        result.tensors[share] = nil
        result.sources[layer + ".weight", default: []] += result.sources.removeValue(forKey: share) ?? []
      }
    }
  }
}
