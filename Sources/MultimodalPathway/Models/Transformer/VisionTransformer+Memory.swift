import PathwayKernels

extension VisionTransformer {
  /// Bytes of a model's weights as its layers keep them: packed matrices, copies of everything else.
  static func weightBytes(
    _ weights: PathwayWeights, execution: PathwayExecution, precision: PrecisionPlan, engine: Engine
  ) throws -> Int {
    try TransformerLayers(weights.target.configuration).weightBytes(
      WeightByteCounter(weights: weights, execution: execution, precision: precision, engine: engine))
  }
}
