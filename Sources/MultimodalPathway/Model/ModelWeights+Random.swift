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
    var state = seed
    var tensors: [String: Tensor] = [:]
    for parameter in parameters {
      let isGain = [.gain, .variance].contains(parameter.role)
      tensors[parameter.name] = Tensor(shape: parameter.shape) { values in
        for index in values.indices {
          // SplitMix64 (Steele et al. 2014).
          state &+= 0x9E37_79B9_7F4A_7C15
          var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
          bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
          bits ^= bits >> 31
          let uniform = Float(bits >> 40) * 0x1p-23 - 1
          values[index] = (isGain ? 1 : 0) + 0.035 * uniform
        }
      }
    }
    return ModelWeights(configuration: configuration, tensors: tensors, metadata: [:], files: [], storedType: .float32)
  }
}
