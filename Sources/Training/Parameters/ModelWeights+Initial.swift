import MultimodalPathway
import PathwayKernels

extension ModelWeights {
  /// The same transformer with new weights, for training from scratch, as timm initialises its `VisionTransformer`:
  /// matrices and positions normal with deviation 0.02, class and register tokens with 1e-6, the kernel and bias of a
  /// patch embedding uniform as PyTorch's convolutions, gains 1, LayerScale 1e-5, other biases 0.
  ///
  /// The same seed gives the same bits everywhere.
  ///
  /// - Throws: `MemoryError`.
  public func initial(seed: UInt64) throws -> ModelWeights {
    let parameters = configuration.parameters
    try SystemMemory.require(parameters.reduce(0) { $0 + 4 * $1.count }, for: .weights)
    var random = RandomStream(seed: seed, .weights)
    var tensors: [String: Tensor] = [:]
    var reach = 0.0
    for parameter in parameters {
      let isConvolution = parameter.name.hasPrefix("patch_embed.")
      if isConvolution, parameter.role == .weight {
        // PyTorch's Conv2d: uniform in +-1 / sqrt(inputs of a sum), the bias too.
        reach = 1 / Double(parameter.shape.dropFirst().reduce(1, *)).squareRoot()
      }
      let rule: Rule =
        switch parameter.role {
        case .weight: isConvolution ? .uniform(reach) : .normal(0.02)
        case .bias: isConvolution ? .uniform(reach) : .constant(0)
        case .gain: .constant(parameter.name.hasSuffix(".gamma") ? 1e-5 : 1)
        case .embedding: .normal(parameter.name.hasSuffix("pos_embed") ? 0.02 : 1e-6)
        case .mean: .constant(0)
        case .variance: .constant(1)
        }
      tensors[parameter.name] = Tensor(
        (0..<parameter.count).map { _ in Float(rule.next(&random)) }, shape: parameter.shape)
    }
    return ModelWeights(
      configuration: configuration, tensors: tensors, metadata: [:], files: [], storedType: .float32,
      preprocessing: preprocessing)
  }

  /// Where a tensor's numbers come from.
  private enum Rule {
    case constant(Double)
    /// Deviation.
    case normal(Double)
    /// In +-reach.
    case uniform(Double)

    func next(_ random: inout RandomStream) -> Double {
      switch self {
      case .constant(let value): value
      case .normal(let deviation): deviation * random.normal()
      case .uniform(let reach): random.uniform(-reach, reach)
      }
    }
  }
}
