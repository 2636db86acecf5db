import PathwayCheckpoints
import PathwayKernels

extension ModelWeights {
  /// Random weights for benchmarks and tests: as timm initialises, but with nothing at zero, so that a tensor which a
  /// computation forgets shows.
  ///
  /// Matrices, embeddings and biases are uniform in +-0.035 (deviation 0.02); norms, LayerScale and batch norms'
  /// variances are that around 1.
  /// The same seed gives the same bits everywhere.
  ///
  /// - Throws: `ConfigurationError`; `MemoryError`.
  public static func random(_ configuration: VisionTransformerConfiguration, seed: UInt64) throws -> ModelWeights {
    try configuration.validate()
    let parameters = configuration.parameters
    try SystemMemory.require(parameters.reduce(0) { $0 + 4 * $1.count }, for: .weights)
    var random = SplitMix64(seed: seed)
    var tensors: [String: Tensor] = [:]
    for parameter in parameters {
      let isGain = [.gain, .variance].contains(parameter.role)
      tensors[parameter.name] = Tensor(shape: parameter.shape) { values in
        for index in values.indices {
          let uniform = Float(random.next() >> 40) * 0x1p-23 - 1
          values[index] = (isGain ? 1 : 0) + 0.035 * uniform
        }
      }
    }
    return ModelWeights(configuration: configuration, tensors: tensors, metadata: [:], files: [], storedType: .float32)
  }
}
