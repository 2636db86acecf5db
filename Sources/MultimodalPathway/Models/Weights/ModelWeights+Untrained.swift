import Foundation
import PathwayCheckpoints
import PathwayKernels

extension ModelWeights {
  /// The model that a directory's `config.json` describes, for training from scratch: all its numbers are 0.
  ///
  /// - Throws: `ConfigurationError`; `ImagePreprocessingError`; `MemoryError`.
  package init(untrainedModelAt url: URL, overriding overrides: ModelOverrides = ModelOverrides()) throws {
    let c = try Self.configuration(at: url, of: Checkpoint(tensors: [:]), architecture: nil, named: [:])
    try c.validate()
    let parameters = c.parameters
    try SystemMemory.require(parameters.reduce(0) { $0 + 4 * $1.count }, for: .weights)
    let tensors = parameters.map { ($0.name, Tensor(shape: $0.shape) { $0.initialize(repeating: 0) }) }
    self = try ModelWeights(
      configuration: c, tensors: Dictionary(uniqueKeysWithValues: tensors), metadata: [:], files: [],
      storedType: .float32
    ).prepared(at: url, architecture: nil, size: c.imageSize, overrides)
  }
}
